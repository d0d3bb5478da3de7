// Several calls at once, and calls that are given up.
import * as assert from 'uvu/assert'
import { type Card, PinError } from '../../../src/index.ts'
import { cardOver } from '../../../src/piv/host/card.ts'
import { gate, within } from '../../support/temp.ts'
import { type Opened, PIN, type Subject } from '../subjects.ts'
import { assertSigned, type Clauses, message, refused, signs, WRONG_PIN, watched } from './clause.ts'
import { withKey } from './signatures.ts'

/** What a call ends with that was given up: the reason of the signal. */
async function givenUp(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  await work.then(
    () => assert.unreachable('it was not given up'),
    (error) => assert.is(error, signal.reason),
  )
}

/** Instruction of GENERATE ASYMMETRIC KEY PAIR. */
const GENERATE = 0x47

/** A call that takes a while, and holds up what is asked for after it. */
const slow = (card: Card): Promise<unknown> => card.generateKey('82', { algorithm: 'RSA-2048' })

async function managed(subject: Subject): Promise<Opened> {
  const opened = await subject.fresh()
  await subject.manage(opened.card)
  await opened.card.generateKey('9a')
  await opened.card.verifyPin(PIN)
  return opened
}

export const WAITING: Clauses = {
  'two outstanding calls are done in the order in which they were asked for': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    const key = await card.generateKey('9c')
    for (let round = 0; round < 5; round += 1) {
      const [, signature] = await Promise.all([card.verifyPin(PIN), card.sign('9c', message)])
      assertSigned(key, message, signature)
    }
    const [first, second] = await Promise.allSettled([card.verifyPin(WRONG_PIN), card.verifyPin(PIN)])
    assert.ok(first.status === 'rejected' && first.reason instanceof PinError && first.reason.triesLeft === 4)
    assert.is(second.status, 'fulfilled')
  },

  'sixteen outstanding signatures are all right': async (subject) => {
    const { card, publicKey } = await withKey(subject, 'P-256')
    const texts = Array.from({ length: 16 }, (_, index) => Uint8Array.of(index))
    const signatures = await Promise.all(texts.map((text) => card.sign('9a', text)))
    for (const [index, signature] of signatures.entries()) {
      assertSigned(publicKey, Uint8Array.of(index), signature)
    }
  },

  'outstanding calls of every kind do not disturb each other': async (subject) => {
    const { card } = await managed(subject)
    const key = (await card.keyInfo('9a')).publicKey
    for (let round = 0; round < 3; round += 1) {
      const [status, one, chuid, , two] = await Promise.all([
        card.pinStatus(),
        card.sign('9a', message),
        card.getObject('chuid'),
        card.putObject(subject.spare(), new Uint8Array(600).fill(round)),
        card.sign('9a', new Uint8Array(round)),
        refused('ERR_KEY_ABSENT', () => card.sign('95', message)),
      ])
      assert.is(status.verified, true)
      assertSigned(key, message, one)
      assertSigned(key, new Uint8Array(round), two)
      assert.is(chuid?.length, 59)
      assert.equal(await card.getObject(subject.spare()), new Uint8Array(600).fill(round))
    }
  },

  'a signal that was given before: nothing is begun': async (subject) => {
    const { card } = await managed(subject)
    const signal = AbortSignal.abort(new RangeError('not now'))
    const before = (await card.keyInfo('9a')).publicKey
    await givenUp(card.sign('9a', message, { signal }), signal)
    await givenUp(card.signDigest('9a', new Uint8Array(32), { signal }), signal)
    await givenUp(card.generateKey('9a', { signal }), signal)
    assert.ok((await card.keyInfo('9a')).publicKey.equals(before))
  },

  'a signal that is given while a call waits for its turn: it is refused at once, and not begun': async (subject) => {
    const { card, channel } = await managed(subject)
    const [before, control, held] = [(await card.keyInfo('9a')).publicKey, new AbortController(), gate()]
    const first = channel.transaction(() => held.promise)
    const signed = card.sign('9a', message, control)
    const made = card.generateKey('9a', control)
    const after = card.sign('9a', message)
    control.abort(new RangeError('no time'))
    await within(givenUp(signed, control.signal), 120_000, 'a signature that was given up')
    await within(givenUp(made, control.signal), 120_000, 'a key that was given up')
    held.open()
    await first
    assertSigned(before, message, await after)
    assert.ok((await card.keyInfo('9a')).publicKey.equals(before), 'no key was made')
  },

  'a signal that is given while the card is at it, or later, changes nothing': async (subject) => {
    const { channel } = await managed(subject)
    for (const when of ['meanwhile', 'later']) {
      const control = new AbortController()
      const card = cardOver(
        watched(channel, (apdu) => {
          if (when === 'meanwhile' && apdu[1] === GENERATE) control.abort()
        }),
      )
      await subject.manage(card)
      const key = await card.generateKey('82', { algorithm: 'P-384', signal: control.signal })
      control.abort()
      assert.ok((await card.keyInfo('82')).publicKey.equals(key))
      await card.verifyPin(PIN)
      await signs(card, '82')
    }
  },

  'a signal that is given while a message is read: it is read no further': async (subject) => {
    const { card } = await managed(subject)
    const control = new AbortController()
    let parts = 0
    const endless = async function* () {
      for (;;) {
        parts += 1
        if (parts === 3) control.abort()
        yield message
      }
    }
    await givenUp(card.sign('9a', endless(), control), control.signal)
    assert.is(parts, 3)
  },

  'closing waits for the work under way, and what comes after is refused': async (subject) => {
    const { card } = await managed(subject)
    const before = [slow(card), card.sign('9a', message), card.verifyPin(PIN)]
    const closing = card.close()
    const after: readonly (() => Promise<unknown>)[] = [
      () => card.sign('9a', message),
      () => card.verifyPin(PIN),
      () => card.pinStatus(),
      () => card.keys(),
      () => card.getObject('chuid'),
      () => card.lock(),
      () => card.generateKey('9a'),
    ]
    const refusals = after.map((call) => refused('ERR_CARD_CLOSED', call))
    await Promise.all([...before, closing, ...refusals])
    await card.close()
    for (const call of after) await refused('ERR_CARD_CLOSED', call)
  },
}
