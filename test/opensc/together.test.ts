// takes: 8 s
// time limit: 900 s
// Two programs and one card: OpenSC signs through PKCS#11 while Tessera verifies PINs and signs, both over PC/SC.
import { type KeyObject, verify } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, createCard, openCard } from '../../src/index.ts'
import { ReaderChannel } from '../../src/pcsc/channel.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { refused } from '../contract/clauses/clause.ts'
import { seen } from '../pcsc/cards.ts'
import { type ServeProcess, startServe } from '../serve/support/process.ts'
import { send } from '../support/channels.ts'
import { done } from '../support/done.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { tempDir } from '../support/temp.ts'
import { type Pkcs11, startPkcs11 } from './pkcs11.ts'

const PIN = '483920'
/** Of each program, for each test. */
const COUNT = process.env.TESSERA_TEST_LONG === '1' ? 20_000 : 1000
const BATCH = 50
/** What OpenSC calls the keys of 9a and 9c. */
const ID = { '9a': 1, '9c': 2 } as const

let pcscd: Pcscd
let serve: ServeProcess
const keys = new Map<string, KeyObject>()

test.before(async () => {
  const home = tempDir('home')
  const card = await createCard({ name: 'work', home, tcti: 'embedded:', pin: PIN })
  await card.verifyPin(PIN)
  for (const slot of ['9a', '9c', '9d', '9e']) {
    const key = await card.generateKey(slot)
    // OpenSC shows no key without one.
    await card.putCertificate(slot, { certificate: certificateOf(key, slot) })
    keys.set(slot, key)
  }
  await card.close()
  pcscd = await startPcscd()
  serve = await startServe(['serve', 'work', '--vpcd', `127.0.0.1:${pcscd.ports[0]}`], { TESSERA_HOME: home })
  await serve.line()
  await seen(pcscd.readers[0], true)
})
test.after(async () => {
  assert.is(await serve?.stop('SIGTERM'), 0)
  await pcscd?.stop()
})

const messageOf = (number: number): Uint8Array => new TextEncoder().encode(`message ${number}`)

function assertSigned(slot: string, number: number, signature: Uint8Array, dsaEncoding: 'der' | 'ieee-p1363' = 'der') {
  const key = keys.get(slot)
  assert.ok(
    key && verify('sha256', messageOf(number), { key, dsaEncoding }, signature),
    `signature ${number} of ${slot}`,
  )
}

/** How far each program is: they go on until the slower one has done its operations, so that they are never alone. */
class Progress {
  readonly #left: { opensc: number; tessera: number }
  #failed = false

  constructor(opensc: number, tessera: number) {
    this.#left = { opensc, tessera }
  }

  did(who: 'opensc' | 'tessera', count: number): void {
    this.#left[who] -= count
  }

  get going(): boolean {
    return !this.#failed && Math.max(this.#left.opensc, this.#left.tessera) > 0
  }

  /** Both at once; when one fails, the other stops. */
  async together<One, Other>(one: Promise<One>, other: Promise<Other>): Promise<[One, Other]> {
    const stop = (error: unknown) => {
      this.#failed = true
      throw error
    }
    const [first, second] = await Promise.allSettled([one.catch(stop), other.catch(stop)])
    if (first.status === 'rejected') throw first.reason
    if (second.status === 'rejected') throw second.reason
    return [first.value, second.value]
  }
}

/** What OpenSC ran into, by CKR_; every message was signed all the same. */
async function openscSigns(opensc: Pkcs11, progress: Progress, pin?: string): Promise<Map<string, number>> {
  const met = new Map<string, number>()
  while (progress.going) {
    const { signatures, errors } = await opensc.sign(ID['9a'], BATCH, pin)
    for (const [number, signature] of signatures.entries()) {
      assertSigned('9a', number, Buffer.from(signature ?? '', 'hex'), 'ieee-p1363')
    }
    for (const [what, count] of Object.entries(errors)) met.set(what, (met.get(what) ?? 0) + count)
    progress.did('opensc', signatures.length)
  }
  return met
}

/** What Tessera does, in turn. */
const operationsOf = (card: Card): readonly ((number: number) => Promise<unknown>)[] => [
  () => card.verifyPin(PIN),
  async (number) => assertSigned('9a', number, await card.sign('9a', messageOf(number))),
  async (number) => assertSigned('9c', number, await card.sign('9c', messageOf(number), { pin: PIN })),
  () => refused('ERR_PIN_REQUIRED', () => card.sign('9c', messageOf(0))),
  async (number) => assertSigned('9e', number, await card.sign('9e', messageOf(number))),
  async () => assert.is((await card.pinStatus()).verified, true),
]

async function tesseraWorks(card: Card, progress: Progress): Promise<void> {
  const operations = operationsOf(card)
  for (let number = 0; progress.going; number += 1) {
    await operations[number % operations.length]?.(number)
    progress.did('tessera', 1)
  }
}

test(`${COUNT} signatures of OpenSC, ${COUNT} PINs and uses of Tessera: not one error`, async () => {
  const opensc = startPkcs11(pcscd.readers[0])
  const card = await openCard({ reader: pcscd.readers[0] })
  assert.equal(await opensc.ask({ do: 'login', pin: PIN }), {})
  const progress = new Progress(COUNT, COUNT)
  const [met] = await progress.together(openscSigns(opensc, progress), tesseraWorks(card, progress))
  assert.equal([...met], [])
  done(2 * COUNT, 'signatures')
  await opensc.stop()
  await card.close()
})

/** A private-key operation of 9c, as the first thing in a transaction: no PIN of this program's comes before it. */
const STOLEN = Buffer.from(`0087119c267c2482008120${'5a'.repeat(32)}00`, 'hex')

test('PIN always: the PIN that Tessera verifies serves no other program, whatever that sends right after it', async () => {
  const opensc = startPkcs11(pcscd.readers[0])
  const [card, thief] = [await openCard({ reader: pcscd.readers[0] }), await ReaderChannel.open(pcscd.readers[0])]
  const steal = async () => {
    const answer = await send(thief, Uint8Array.from(STOLEN))
    return Buffer.from(answer.subarray(-2)).toString('hex')
  }
  for (let round = 0; round < COUNT / 50; round += 1) {
    await card.verifyPin(PIN)
    assert.is(await steal(), '6982')
    assertSigned('9c', round, await card.sign('9c', messageOf(round), { pin: PIN }))
    assert.is(await steal(), '6982')
    await card.changePin({ pin: PIN, newPin: PIN })
    assert.is(await steal(), '6982')
    // OpenSC asks what is selected before it uses a key, and takes a refusal for the end of its login.
    await opensc.ask({ do: 'login', pin: PIN })
    await card.verifyPin(PIN)
    assert.equal(await opensc.sign(ID['9c'], 1), { signatures: [null], errors: { CKR_USER_NOT_LOGGED_IN: 1 } })
    // The PIN that OpenSC verifies serves no use of Tessera's.
    await opensc.ask({ do: 'login', pin: PIN })
    await refused('ERR_PIN_REQUIRED', () => card.sign('9c', messageOf(round)))
    // With a PIN of its own it signs, once.
    assert.equal(await opensc.ask({ do: 'context', pin: PIN }), {})
    const { signatures } = await opensc.sign(ID['9c'], 1)
    assertSigned('9c', 0, Buffer.from(signatures[0] ?? '', 'hex'), 'ieee-p1363')
    assert.is(await steal(), '6982')
    assert.equal((await opensc.sign(ID['9c'], 1)).signatures, [null])
  }
  await opensc.stop()
  await thief.close()
  await card.close()
})

test('PIN always: what no PIV card can know is who sent the PIN. OpenSC leaves it last, so whoever is next has its use', async () => {
  const opensc = startPkcs11(pcscd.readers[0])
  const thief = await ReaderChannel.open(pcscd.readers[0])
  assert.equal(await opensc.ask({ do: 'login', pin: PIN }), {})
  const next = await send(thief, Uint8Array.from(STOLEN))
  assert.equal([next[0], next.at(-2), next.at(-1)], [0x7c, 0x90, 0x00])
  await opensc.stop()
  await thief.close()
})

test('Tessera comes and goes, and resets the card each time: OpenSC logs in again, and misses no signature', async () => {
  const opensc = startPkcs11(pcscd.readers[0])
  const progress = new Progress(COUNT / 5, COUNT / 40)
  const comeAndGo = async () => {
    for (let number = 0; progress.going; number += 1) {
      const card = await openCard({ reader: pcscd.readers[0] })
      await card.verifyPin(PIN)
      assertSigned('9a', number, await card.sign('9a', messageOf(number), { pin: PIN }))
      await card.close()
      progress.did('tessera', 1)
    }
  }
  const [met] = await progress.together(openscSigns(opensc, progress, PIN), comeAndGo())
  assert.ok(
    [...met.keys()].every((what) => what === 'CKR_USER_NOT_LOGGED_IN'),
    String([...met]),
  )
  await opensc.stop()
})

test.run()
