// A key that stays in its slot, and options for a new one: only what the card is known to have is held against them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { choosePlace } from '../../src/enroll/place.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { ADMIN_KEY, shownCard } from '../host/shown.ts'
import { refused } from '../library/refusal.ts'

/** A card without these instructions, with a key of that policy and its certificate in 9a, as another program sees it. */
async function cardWithout(without: readonly string[], pinPolicy: 'once' | 'always') {
  const shown = shownCard({ without })
  await shown.card.authenticateAdmin(ADMIN_KEY)
  const key = await shown.card.generateKey('9a', pinPolicy === 'once' ? {} : { pinPolicy })
  await shown.card.putCertificate('9a', { certificate: certificateOf(key) })
  return shown.other()
}

const place = async (card: Awaited<ReturnType<typeof cardWithout>>, pinPolicy: 'once' | 'always') =>
  choosePlace(card, parseSlot('9a'), { renew: true, pinPolicy }, new Set())
const stays = { place: '9a', newKey: false } as const

test('a card that reports PIN policies', async () => {
  const card = await cardWithout([], 'always')
  assert.is(await card.pinPolicyOf('9a'), 'always')
  assert.equal(await place(card, 'always'), stays)
  assert.match((await refused('ERR_USAGE', 2, () => place(card, 'once'))).message, 'its PIN policy is always, not once')
})

test('a card that has PIN policies and does not report them', async () => {
  const card = await cardWithout(['f7'], 'always')
  assert.is((await card.keyInfo('9a')).pinPolicy, 'once', 'a guess')
  assert.is(await card.pinPolicyOf('9a'), undefined)
  assert.equal(await place(card, 'always'), stays)
  assert.equal(await place(card, 'once'), stays)
})

test('a card that has no other PIN policies than the standard', async () => {
  const card = await cardWithout(['f7', 'fd'], 'once')
  assert.is(await card.pinPolicyOf('9a'), 'once')
  assert.equal(await place(card, 'once'), stays)
  assert.match(
    (await refused('ERR_USAGE', 2, () => place(card, 'always'))).message,
    'its PIN policy is once, not always',
  )
})

test.run()
