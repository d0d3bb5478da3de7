// takes: 4 s
// The checks of a card's keys and times: over a card on the embedded TPM, and over one that is wrong on purpose.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createCard } from '../../src/cards/create.ts'
import { openChannel } from '../../src/cards/open.ts'
import type { CardChannel, Transmit } from '../../src/channel.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { guidOf } from '../../src/validate/card/preflight.ts'
import { useChecks } from '../../src/validate/card/use-checks.ts'
import { CARD_USE_CHECKS, type CardUnderTest } from '../../src/validate/card-use.ts'
import { PlainCard } from '../support/plain-card/card.ts'
import { tempDir } from '../support/temp.ts'

const PIN = new TextEncoder().encode('739154')
const home = tempDir('home')
const place = { home, name: 'tested', tcti: 'embedded:' }
const card = await createCard({ ...place, pin: PIN })

const run = (id: string, under: Partial<CardUnderTest> = {}) => {
  const check = CARD_USE_CHECKS.find((one) => one.id === id)
  if (check === undefined) throw new Error(`There is no check ${id}.`)
  return check.run({ card, pin: PIN, seconds: 600, samples: 3, ...under })
}

test('a card without keys is told so', async () => {
  for (const id of ['card.rsa', 'card.signatures', 'card.operations']) assert.is((await run(id)).verdict, 'skipped', id)
})

test('keys and times of a card', async () => {
  await card.verifyPin(PIN)
  await card.generateKey('9a')
  await card.generateKey('9c', { pinPolicy: 'always' })
  await card.generateKey('9d', { algorithm: 'RSA-2048' })
  assert.is((await run('card.rsa')).verdict, 'pass')
  const { verdict, times } = await run('card.operations')
  assert.is(verdict, 'info')
  assert.equal(Object.keys(times ?? {}), [
    'signature P-256, slot 9a',
    'key agreement P-256, slot 9a',
    'signature P-256, slot 9c',
    'key agreement P-256, slot 9c',
    'signature RSA-2048, slot 9d',
    'decryption RSA-2048, slot 9d',
  ])
  assert.is((await run('card.signatures', { samples: 2 })).verdict, 'skipped')
  const signed = await run('card.signatures', { samples: 100 })
  assert.ok(signed.verdict !== 'skipped' && signed.figures?.length === 6, signed.says)
})

test('the admin key is proved by the algorithm that the card wants', async () => {
  const admin = { algorithm: '3DES', key: Uint8Array.from({ length: 24 }, (_, at) => at + 1) } as const
  const secrets = { pin: '739154', newPin: '71650842', puk: 'open ?me', tries: { pin: 3, puk: 3 }, adminKey: admin.key }
  const channel = new PlainCard('PivApplet', { ...secrets, adminKey: admin })
  const under = { channel, guid: await guidOf(channel), classes: ['W'], secrets } as const
  const making = useChecks(under, 0.01).find(({ id }) => id === 'card.keys')
  const outcome = await making?.run()
  assert.is(outcome?.verdict, 'skipped')
  // The key was proved, and what is refused is the slot.
  assert.match(outcome?.says ?? '', /takes no key in slot 95: .*6A86/)
})

test('a spare slot is used if it is empty, and left empty', async () => {
  const nonces = await run('card.nonces', { samples: 100 })
  assert.ok(nonces.verdict !== 'skipped' && nonces.figures?.length === 9, nonces.says)
  assert.is((await run('card.keys', { samples: 1 })).verdict, 'pass')
  assert.not(await card.isOccupied('95'))
  await card.verifyPin(PIN)
  await card.generateKey('95')
  for (const id of ['card.nonces', 'card.keys']) assert.is((await run(id)).verdict, 'skipped')
  assert.ok(await card.isOccupied('95'))
})

test('wrong PINs are tried one at a time, and never where fewer than three are left', async () => {
  const { says, times } = await run('card.pin')
  assert.is(times?.['wrong PIN, all digits']?.count, 3, says)
  assert.is((await card.pinStatus()).triesLeft, 5)
  for (const wrong of ['111111', '222222', '333333']) await card.verifyPin(wrong).catch(() => undefined)
  // The PIN itself is proved first, and sets the counter back.
  assert.is((await run('card.pin', { pin: undefined })).verdict, 'skipped')
  assert.is((await card.pinStatus()).triesLeft, 2)
  await card.verifyPin(PIN)
})

/** A card that takes every PIN. */
function takesAny(channel: CardChannel): CardChannel {
  const yes =
    (transmit: Transmit): Transmit =>
    async (apdu, options) =>
      apdu[1] === 0x20 && apdu.length > 5 ? Uint8Array.of(0x90, 0) : transmit(apdu, options)
  return {
    ...{ atr: channel.atr, reset: () => channel.reset(), close: () => channel.close() },
    transaction: (work, options) => channel.transaction((transmit) => work(yes(transmit)), options),
  }
}

test('a card that takes a wrong PIN is found', async () => {
  const wrong = cardOver(takesAny(await openChannel(place)))
  assert.is((await run('card.pin', { card: wrong })).verdict, 'fail')
  await wrong.close()
})

test.after(() => card.close())
test.run()
