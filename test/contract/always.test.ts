// takes: 2 s
// PIN always, APDU by APDU (piv.md 2.4): the VERIFY comes immediately before the use, and is used up by it.
import { hex } from '../../src/bytes.ts'
import { tlv } from '../../src/iso7816/tlv.ts'
import { getData, STATUS, VERIFY } from '../../src/validate/card/assertions/assertion.ts'
import { type Edge, octets, SELECT, two } from '../../src/validate/card/assertions/edge.ts'
import { authenticate } from '../../src/validate/card/assertions/use.ts'
import { generate } from '../../src/validate/card/assertions/writes.ts'
import { answers, atEdge, is, runAtEdge } from './on-edge.ts'

const DIGEST = new Uint8Array(32).fill(0x5a)
const sign = (edge: Edge) => authenticate(edge, 0x11, 0x9c, 0x81, DIGEST)
const template = hex(tlv(0x7c, tlv(0x82), tlv(0x81, DIGEST)))

/** Any command at all, also one that is refused or is none. */
const BETWEEN: Readonly<Record<string, string>> = {
  'empty VERIFY': STATUS,
  SELECT,
  'SELECT of nothing': '00 A4 04 00 05 01 02 03 04 05 00',
  'GET DATA': getData('5FC102'),
  'GET DATA of nothing': getData('5FC1F0'),
  'PUT DATA without the right': '00 DB 3F FF 07 5C 03 5F C1 20 53 00',
  'GENERATE without the right': '00 47 00 95 05 AC 03 80 01 11 00',
  'GET RESPONSE': '00 C0 00 00 00',
  'CHANGE REFERENCE DATA, malformed': '00 24 00 80 01 31',
  'a right change of the PUK': '00 24 00 81 10 {puk} {puk}',
  'RESET RETRY COUNTER, bad reference': '00 2C 00 85 10 {puk} {pin}',
  'the signature of another key': `00 87 11 9A 26 ${template} 00`,
  'the signature of no key': `00 87 11 95 26 ${template} 00`,
  'a challenge of the admin key': '00 87 0A 9B 04 7C 02 81 00 00',
  'a chain that is begun': '10 DB 3F FF 05 5C 03 5F C1 20',
  'a chain that takes none': '10 20 00 80 08 {pin}',
  'a signature of another key that is begun': `10 87 11 9A 10 ${template.slice(0, 32)}`,
  'an instruction of nobody': '00 05 00 00',
  'a class of nobody': '80 87 11 9C 26',
  'a length that is wrong': '00 87 11 9C 26 7C',
  'half a header': '00 87',
}

/** Uses of the key that fail: they are its use all the same. */
const FAILED: Readonly<Record<string, string>> = {
  'another algorithm': `00 87 07 9C 26 ${template} 00`,
  'no template': '00 87 11 9C 02 00 00 00',
  'nothing asked for': '00 87 11 9C 24 7C 22 81 20 '.concat('5a'.repeat(32), ' 00'),
  'an empty digest': '00 87 11 9C 06 7C 04 82 00 81 00 00',
  'a digest that is too long': `00 87 11 9C 27 7C 25 82 00 81 21 ${'5a'.repeat(33)} 00`,
  'a point that is none': '00 87 11 9C 07 7C 05 82 00 85 01 04 00',
}

async function furnished(edge: Edge): Promise<void> {
  await edge.authenticateAdmin()
  for (const slot of [0x9c, 0x9a, 0x9e]) is(await generate(edge, slot, 0x11), 0x9000, 'a key')
  await edge.reset()
}

atEdge('whatever comes between VERIFY and the use voids it', async ({ edge }) => {
  await furnished(edge)
  for (const [name, between] of Object.entries(BETWEEN)) {
    await answers(edge, VERIFY, 0x9000)
    await edge.send(between)
    is(await sign(edge), 0x6982, name)
  }
  await answers(edge, VERIFY, 0x9000)
  await edge.reset()
  is(await sign(edge), 0x6982, 'a reset')
})

atEdge('the use uses it up, also one that fails', async ({ edge }) => {
  await furnished(edge)
  await answers(edge, VERIFY, 0x9000)
  is(await sign(edge), 0x9000, 'the first use')
  is(await sign(edge), 0x6982, 'the second one')
  for (const [name, failed] of Object.entries(FAILED)) {
    await answers(edge, VERIFY, 0x9000)
    is(await edge.send(failed), name === 'another algorithm' ? 0x6a86 : 0x6a80, name)
    is(await sign(edge), 0x6982, name)
  }
  await answers(edge, VERIFY, 0x9000)
  is(await sign(edge), 0x9000, 'and once more')
})

atEdge('a wrong PIN, and changing or unblocking it, allow no use', async ({ edge }) => {
  await furnished(edge)
  for (const [apdu, sw] of [
    ['00 20 00 80 08 {wrong}', 0x63c4],
    ['00 24 00 80 10 {pin} {newPin}', 0x9000],
    ['00 2C 00 80 10 {puk} {pin}', 0x9000],
  ] as const) {
    await answers(edge, VERIFY, 0x9000)
    await answers(edge, apdu, sw)
    is(await sign(edge), 0x6982, apdu)
    await edge.send('00 20 00 80 08 {newPin}')
    await answers(edge, '00 2C 00 80 10 {puk} {pin}', 0x9000)
  }
})

atEdge('one use in parts is one use', async ({ edge }) => {
  await furnished(edge)
  for (const size of [1, 10, 37]) {
    await answers(edge, VERIFY, 0x9000)
    const data = octets(template)
    let at = 0
    for (; data.length - at > size; at += size) {
      await answers(edge, `10 87 11 9C ${two(size)} ${hex(data.subarray(at, at + size))}`, 0x9000)
    }
    is(await edge.send(`00 87 11 9C ${two(data.length - at)} ${hex(data.subarray(at))} 00`), 0x9000, `parts of ${size}`)
    is(await sign(edge), 0x6982, 'and no more')
  }
  await answers(edge, VERIFY, 0x9000)
  await answers(edge, `10 87 11 9C 10 ${template.slice(0, 32)}`, 0x9000)
  is(await edge.send('00 05 00 00'), 0x6d00, 'in between')
  is(await edge.send(`00 87 11 9C 16 ${template.slice(32)} 00`), 0x6a80, 'the rest by itself')
  is(await sign(edge), 0x6982, 'the chain was not a use, but the other command came between')
})

runAtEdge()
