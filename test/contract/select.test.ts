// takes: 2 s
// SELECT: what programs in the field select on a card, and what they have to be told (piv.md 1.1).
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { getData, STATUS, VERIFY } from '../../src/validate/card/assertions/assertion.ts'
import { SELECT, two } from '../../src/validate/card/assertions/edge.ts'
import { putData } from '../../src/validate/card/assertions/writes.ts'
import { answers, atEdge, is, runAtEdge } from './on-edge.ts'

const PIV = 'A0 00 00 03 08 00 00 10 00 01 00'.split(' ')
const CHUID = getData('5FC102')
const select = (aid: string): string => {
  const digits = aid.replaceAll(' ', '')
  return `00 A4 04 00 ${digits.length === 0 ? '' : two(digits.length / 2)} ${digits} 00`
}

/** Identifiers that are probed for on a PIV card; another program takes the card where one of them is there. */
const OTHERS: Readonly<Record<string, string>> = {
  'YubiKey management': 'A0 00 00 05 27 47 11 17',
  'YubiKey OTP': 'A0 00 00 05 27 20 01',
  'YubiKey OTP, longer': 'A0 00 00 05 27 20 01 01',
  'GlobalPlatform security domain': 'A0 00 00 01 51 00 00 00',
  'Windows GIDS': 'A0 00 00 03 97 42 54 46 59 02 01',
  'Windows plug and play': 'A0 00 00 03 97 43 49 44 5F 01 00',
  coolkey: '62 76 01 FF 00 00 00',
  MUSCLE: 'A0 00 00 00 01 01',
  'SmartCard-HSM': 'E8 2B 06 01 04 01 81 C3 1F 02 01',
  OpenPGP: 'D2 76 00 01 24 01',
  FIDO: 'A0 00 00 06 47 2F 00 01',
  OATH: 'A0 00 00 05 27 21 01',
  'old U2F': 'A0 00 00 05 27 10 02',
}

/** What those programs send besides. */
const PROBES: Readonly<Record<string, readonly [apdu: string, sw: number]>> = {
  'the master file (gnupg)': ['00 A4 00 0C 02 3F 00', 0x6a82],
  'EF.ATR (Windows)': ['00 A4 02 00 02 2F 01 00', 0x6a82],
  'GET DATA of setcos': ['00 CA DF 30 05', 0x6d00],
  'GET DATA of GIDS': ['00 CA 7F 68 00', 0x6d00],
  'MUSCLE, next step': ['B0 3C 00 00 40', 0x6e00],
  'device information of a YubiKey': ['00 1D 00 00 00', 0x6d00],
}

atEdge('every truncation of the AID down to the RID is PIV, and the answer is the same', async ({ edge }) => {
  const properties = await answers(edge, SELECT, 0x9000)
  for (let length = 5; length <= PIV.length; length += 1) {
    assert.equal(await answers(edge, select(PIV.slice(0, length).join(' ')), 0x9000), properties)
  }
  assert.match(hex(properties), /^61..4f06000010000100/)
})

atEdge('what is no truncation of the AID is not PIV', async ({ edge }) => {
  for (let length = 0; length < 5; length += 1) {
    await answers(edge, select(PIV.slice(0, length).join(' ')), 0x6a82)
  }
  await answers(edge, select([...PIV, '00'].join(' ')), 0x6a82)
  for (let at = 0; at < PIV.length; at += 1) {
    await answers(edge, select(PIV.map((octet, index) => (index === at ? '77' : octet)).join(' ')), 0x6a82)
  }
  await answers(edge, '00 A4 04 01 05 A0 00 00 03 08 00', 0x6a86)
  await answers(edge, '10 A4 04 00 05 A0 00 00 03 08 00', 0x6884)
})

atEdge('SELECT without Le, and extended, is SELECT as well', async ({ edge }) => {
  const properties = await answers(edge, SELECT, 0x9000)
  assert.equal(await answers(edge, '00 A4 04 00 05 A0 00 00 03 08', 0x9000), properties)
  assert.equal(await answers(edge, '00 A4 04 00 00 00 05 A0 00 00 03 08', 0x9000), properties)
  assert.equal(await answers(edge, '00 A4 04 00 00 00 05 A0 00 00 03 08 00 00', 0x9000), properties)
})

atEdge('other applications are not there, and PIV stays selected with all that was proved', async ({ edge }) => {
  const chuid = await answers(edge, CHUID, 0x9000)
  await edge.authenticateAdmin()
  await answers(edge, VERIFY, 0x9000)
  for (const [name, aid] of Object.entries(OTHERS)) {
    await answers(edge, select(aid), 0x6a82, name)
    await answers(edge, STATUS, 0x9000, name)
    assert.equal(await answers(edge, CHUID, 0x9000), chuid, name)
  }
  for (const [name, [apdu, sw]] of Object.entries(PROBES)) {
    await answers(edge, apdu, sw, name)
    await answers(edge, STATUS, 0x9000, name)
  }
  is(await putData(edge, '5FC10E', new Uint8Array(5)), 0x9000, 'the admin key is still proved')
})

atEdge('selecting PIV again keeps all that was proved, a reset nothing', async ({ edge }) => {
  await edge.authenticateAdmin()
  await answers(edge, VERIFY, 0x9000)
  await answers(edge, SELECT, 0x9000)
  await answers(edge, select('A0 00 00 03 08'), 0x9000)
  await answers(edge, STATUS, 0x9000)
  is(await putData(edge, '5FC10E', new Uint8Array(5)), 0x9000, 'the admin key is still proved')
  await edge.reset()
  await answers(edge, STATUS, 0x63c5)
  is(await putData(edge, '5FC10E', new Uint8Array(5)), 0x6982, 'nothing is')
})

atEdge('PIV is what is selected after a reset: OpenSC reads the discovery object first', async ({ edge }) => {
  await edge.reset()
  assert.is(hex(await answers(edge, getData('7E'), 0x9000)), '7e124f0ba0000003080000100001005f2f024000')
})

runAtEdge()
