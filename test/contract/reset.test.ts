// takes: 5 s
// RESET at the edge of a card (piv.md 3): who may, what goes, and that the same channel goes on with the new card.
import * as assert from 'uvu/assert'
import { equal, hex } from '../../src/bytes.ts'
import { unwrap } from '../../src/iso7816/tlv.ts'
import { readChuid } from '../../src/piv/contents.ts'
import { DEFAULT_ADMIN_KEY } from '../../src/piv/pin.ts'
import { getData, STATUS, VERIFY } from '../../src/validate/card/assertions/assertion.ts'
import { type Edge, two } from '../../src/validate/card/assertions/edge.ts'
import { PUT_NOTHING } from '../../src/validate/card/assertions/keys.ts'
import { assertSigned, signWith } from '../../src/validate/card/assertions/use.ts'
import { generate, keyIn, putData } from '../../src/validate/card/assertions/writes.ts'
import { send } from '../support/channels.ts'
import { octets } from '../support/octets.ts'
import { answers, atEdge, is, runAtEdge } from './on-edge.ts'

const RESET = '00 FB 00 00'
const DEFAULT = '3132333435363738'
const BLOCK_PIN = `00 20 00 80 08 ${'ff'.repeat(8)}`
const BLOCK_PUK = `00 2C 00 80 10 ${'ff'.repeat(16)}`

/** Sends a command until there are no tries left, as programs block a card that they want to reset. */
async function block(edge: Edge, command: string): Promise<void> {
  for (let sw = 0; sw !== 0x6983; ) {
    sw = (await edge.send(command)).sw
    assert.ok(sw === 0x6983 || sw >> 4 === 0x63c, sw.toString(16))
  }
}

const guidOf = async (edge: Edge) =>
  readChuid(unwrap(await answers(edge, getData('5FC102'), 0x9000), 0x53)).guid ?? octets('')
const metadata = async (edge: Edge, reference: number) => hex(await answers(edge, `00 F7 00 ${two(reference)}`, 0x9000))

atEdge('RESET is refused while the PIN or the PUK may still be tried', async ({ edge }) => {
  await answers(edge, RESET, 0x6985)
  await block(edge, BLOCK_PIN)
  await answers(edge, RESET, 0x6985)
  await answers(edge, '00 2C 00 80 10 {puk} {pin}', 0x9000)
  await block(edge, BLOCK_PUK)
  await answers(edge, RESET, 0x6985)
  await answers(edge, VERIFY, 0x9000)
  await answers(edge, RESET, 0x6985, 'the PIN proves nothing here')
  await edge.authenticateAdmin()
  await answers(edge, RESET, 0x6985, 'and so does the admin key')
  await answers(edge, VERIFY, 0x9000, 'nothing was changed')
})

atEdge('P1, P2, data and chains are looked at first', async ({ edge }) => {
  await block(edge, BLOCK_PIN)
  await block(edge, BLOCK_PUK)
  for (const apdu of ['00 FB 01 00', '00 FB 00 01', '00 FB 00 80']) await answers(edge, apdu, 0x6a86)
  await answers(edge, '00 FB 00 00 01 00', 0x6a80)
  await answers(edge, '10 FB 00 00', 0x6884)
  await answers(edge, STATUS, 0x6983)
})

atEdge('a card whose PIN and PUK are blocked is made anew, and goes on on the same channel', async ({ edge }) => {
  await edge.authenticateAdmin()
  for (const slot of [0x9a, 0x9c, 0x9e]) is(await generate(edge, slot, 0x11), 0x9000, 'a key')
  is(await putData(edge, '5FC105', octets('7001307101')), 0x9000, 'an object')
  await answers(edge, '00 F9 9E 00 00', 0x9000)
  const [guid, serial] = [await guidOf(edge), await answers(edge, '00 F8 00 00', 0x9000)]
  await block(edge, BLOCK_PIN)
  await block(edge, BLOCK_PUK)
  await answers(edge, RESET, 0x9000)

  await answers(edge, PUT_NOTHING, 0x6982, 'the admin key was not proved to this card')
  await answers(edge, STATUS, 0x63c5)
  assert.not(equal(await guidOf(edge), guid))
  assert.not(equal(await answers(edge, '00 F8 00 00', 0x9000), serial))
  assert.is(await metadata(edge, 0x80), '0101ff05010106020505')
  assert.is(await metadata(edge, 0x81), '0101ff05010106020505')
  assert.is(await metadata(edge, 0x9b), '01010a02020001050101')
  for (const slot of [0x9a, 0x9c, 0x9e, 0xf9]) await answers(edge, `00 F7 00 ${two(slot)}`, 0x6a88)
  for (const tag of ['5FC105', '5FFF01']) await answers(edge, getData(tag), 0x6a82)
  await answers(edge, VERIFY, 0x63c4, 'the old PIN')

  edge.forgetAdminAlgorithm()
  await edge.authenticateAdmin(octets(DEFAULT_ADMIN_KEY))
  const key = keyIn(await generate(edge, 0x9a, 0x11))
  await answers(edge, `00 20 00 80 08 ${DEFAULT}`, 0x9000)
  is(await signWith(edge, 0x9a, key), 0x6985, 'the PIN has to be changed')
  await answers(edge, `00 24 00 80 10 ${DEFAULT} {newPin}`, 0x9000)
  const signature = await signWith(edge, 0x9a, key)
  is(signature, 0x9000, 'a signature')
  assertSigned(key, signature)
  await answers(edge, `00 2C 00 80 10 ${DEFAULT} {pin}`, 0x9000)
  await answers(edge, VERIFY, 0x9000)
  await answers(edge, '00 F9 9A 00 00', 0x9000)
  await answers(edge, RESET, 0x6985)
})

atEdge('more than once, and seen by who opens the card again', async ({ edge, subject }) => {
  for (let round = 0; round < 2; round += 1) {
    await block(edge, BLOCK_PIN)
    await block(edge, BLOCK_PUK)
    await answers(edge, RESET, 0x9000)
  }
  const guid = await guidOf(edge)
  const { channel, card } = await subject.again()
  const chuid = (await card.getObject('chuid')) ?? octets('')
  assert.equal(readChuid(chuid).guid, guid)
  assert.equal(await send(channel, octets(`0020008008${DEFAULT}`)), octets('9000'))
})

atEdge(
  'a card without a PUK is reset when its PIN is blocked, and stays without one',
  async ({ edge }) => {
    await answers(edge, RESET, 0x6985)
    await block(edge, BLOCK_PIN)
    await answers(edge, RESET, 0x9000)
    assert.is(await metadata(edge, 0x80), '0101ff05010106020202')
    assert.is(await metadata(edge, 0x81), '0101ff05010006020000')
    await answers(edge, BLOCK_PUK, 0x6983)
  },
  { noPuk: true, pinTries: 2, adminKey: 'none' },
)

atEdge(
  'what waits when the card is reset is gone: a step of the admin key, a chain, the rest of an answer',
  async ({ edge }) => {
    await edge.authenticateAdmin()
    is(await putData(edge, '5FC105', new Uint8Array(600)), 0x9000, 'an object')
    await block(edge, BLOCK_PIN)
    await block(edge, BLOCK_PUK)
    assert.is((await edge.transmit(getData('5FC105'))).sw, 0x6100)
    await answers(edge, RESET, 0x9000)
    await answers(edge, '00 C0 00 00 00', 0x6985)
    await block(edge, BLOCK_PIN)
    await block(edge, BLOCK_PUK)
    await answers(edge, '10 DB 3F FF 05 5C 03 5F C1 20', 0x9000)
    await answers(edge, RESET, 0x9000)
    await answers(edge, '00 DB 3F FF 02 53 00', 0x6a80)
  },
)

runAtEdge()
