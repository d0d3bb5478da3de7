// takes: 3 s
// Commands and answers in pieces: command chaining, GET RESPONSE, extended length (piv.md 2.8).
import * as assert from 'uvu/assert'
import { concat, equal, hex } from '../../src/bytes.ts'
import { tlv, unwrap } from '../../src/iso7816/tlv.ts'
import { getData, STATUS, VERIFY } from '../../src/validate/card/assertions/assertion.ts'
import { type Edge, octets, SELECT, two } from '../../src/validate/card/assertions/edge.ts'
import { authenticate, responseIn } from '../../src/validate/card/assertions/use.ts'
import { generate, keyIn, putData } from '../../src/validate/card/assertions/writes.ts'
import { answers, atEdge, is, runAtEdge } from './on-edge.ts'

const TAG = '5FC10E'
const content = (length: number, first = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (first + index) % 251)
const dataOf = (value: Uint8Array): Uint8Array => concat(tlv(0x5c, octets(TAG)), tlv(0x53, value))
const short = (cla: string, part: Uint8Array, le = ''): string =>
  `${cla} DB 3F FF ${part.length === 0 ? '' : two(part.length)} ${hex(part)} ${le}`
const extended = (header: string, data: Uint8Array, le = ''): string =>
  `${header} 00 ${data.length.toString(16).padStart(4, '0')} ${hex(data)} ${le}`

async function holds(edge: Edge, value: Uint8Array, why: string): Promise<void> {
  assert.ok(equal(unwrap(await answers(edge, getData(TAG), 0x9000), 0x53), value), why)
}

/** Sends `data` in parts of `size` octets; `le` at the end of each part, as some programs do. */
async function inParts(edge: Edge, data: Uint8Array, size: number, le = ''): Promise<void> {
  let at = 0
  for (; data.length - at > size; at += size) await answers(edge, short('10', data.subarray(at, at + size), le), 0x9000)
  await answers(edge, short('00', data.subarray(at), le), 0x9000)
}

/** What may come between the parts of a chain. What each answers is another test's business. */
const BETWEEN: Readonly<Record<string, string>> = {
  'GET DATA': getData('5FC102'),
  'empty VERIFY': STATUS,
  VERIFY,
  SELECT,
  'SELECT of nothing': '00 A4 04 00 05 01 02 03 04 05 00',
  'GET RESPONSE': '00 C0 00 00 00',
  'an instruction of nobody': '00 05 00 00',
  'a class of nobody': '80 DB 3F FF 01 00',
  'another chain': '10 87 11 9A 02 7C 24',
  'a chain that is none': '10 20 00 80 08 31 32 33 34 35 36 FF FF',
  'the same with other parameters': '10 DB 3F FE 01 00',
  'an APDU that is none': '00 DB 3F',
  'an APDU whose length is wrong': '00 DB 3F FF 09 00',
}

atEdge('an object comes whole, whatever the size of the parts it is sent in', async ({ edge }) => {
  await edge.authenticateAdmin()
  const value = content(700)
  for (const size of [1, 2, 254, 255]) {
    await inParts(edge, dataOf(value), size)
    await holds(edge, value, `parts of ${size}`)
    await inParts(edge, dataOf(content(3)), 255)
  }
  await inParts(edge, dataOf(value), 255, '00')
  await holds(edge, value, 'Le at every part, as yubico-piv-tool has it')
  await answers(edge, short('10', new Uint8Array(0)), 0x9000)
  await inParts(edge, dataOf(content(9)), 255)
  await holds(edge, content(9), 'a part without data')
})

atEdge('an interrupted chain leaves the old object, and nothing of it stays', async ({ edge }) => {
  await edge.authenticateAdmin()
  const [old, data] = [content(300, 7), dataOf(content(600))]
  is(await putData(edge, TAG, old), 0x9000, 'the old object')
  for (const [name, between] of Object.entries(BETWEEN)) {
    await answers(edge, short('10', data.subarray(0, 255)), 0x9000, name)
    await edge.send(between)
    const rest = await edge.chain('00 DB 3F FF', data.subarray(255), '')
    assert.not(rest.sw === 0x9000, `${name}: the rest of the chain is taken`)
    await holds(edge, old, name)
  }
  await answers(edge, short('10', data.subarray(0, 255)), 0x9000)
  await edge.reset()
  await answers(edge, short('00', data.subarray(255, 300)), 0x6a80, 'after a reset')
  await edge.authenticateAdmin()
  is(await putData(edge, TAG, content(600)), 0x9000, 'a whole one')
  await holds(edge, content(600), 'the new object')
})

atEdge('a chain that lacks the right to write is refused at its end', async ({ edge }) => {
  const { sw } = await putData(edge, TAG, content(600))
  assert.is(sw, 0x6982)
  await answers(edge, getData(TAG), 0x6a82)
})

atEdge('commands that are not chained are not', async ({ edge }) => {
  for (const apdu of ['10 20 00 80 08 {pin}', '10 CB 3F FF 05 5C 03 5F C1 02', '10 24 00 80 10 {pin} {newPin}']) {
    await answers(edge, apdu, 0x6884)
  }
  await answers(edge, STATUS, 0x63c5)
})

atEdge('a command that is too long is refused, and what follows is a command again', async ({ edge }) => {
  await edge.authenticateAdmin()
  is(await putData(edge, TAG, content(10)), 0x9000, 'a short one')
  for (const length of [16_385, 20_000]) is(await putData(edge, TAG, content(length)), 0x6a84, `${length} octets`)
  await answers(edge, extended('00 DB 3F FF', dataOf(content(20_000))), 0x6a84)
  const authenticated = await edge.chain('00 87 11 9E', tlv(0x7c, tlv(0x81, content(20_000))))
  is(authenticated, 0x6700, 'GENERAL AUTHENTICATE')
  await holds(edge, content(10), 'the old object')
})

atEdge('an answer comes in pieces of the size that is asked for, and is the same', async ({ edge }) => {
  await edge.authenticateAdmin()
  const value = content(700)
  is(await putData(edge, TAG, value), 0x9000, 'an object')
  const whole = await answers(edge, getData(TAG), 0x9000)
  for (const size of [1, 7, 100, 255, 256]) {
    const first = await edge.transmit(getData(TAG).slice(0, -2) + two(size & 0xff))
    const pieces = [first.data]
    let { sw } = first
    while (sw >> 8 === 0x61) {
      assert.is(pieces.at(-1)?.length, size)
      const left = whole.length - pieces.reduce((sum, piece) => sum + piece.length, 0)
      assert.is(sw & 0xff, left > 255 ? 0 : left, 'what is left')
      const next = await edge.transmit(`00 C0 00 00 ${two(size & 0xff)}`)
      pieces.push(next.data)
      sw = next.sw
    }
    assert.is(sw, 0x9000)
    assert.equal(concat(...pieces), whole, `pieces of ${size}`)
    await answers(edge, '00 C0 00 00 00', 0x6985, 'it was fetched to its end')
  }
})

atEdge('the rest of an answer is gone after any other command, and after a reset', async ({ edge }) => {
  await edge.authenticateAdmin()
  is(await putData(edge, TAG, content(700)), 0x9000, 'an object')
  for (const [name, between] of Object.entries(BETWEEN)) {
    if (name === 'GET RESPONSE') continue
    assert.is((await edge.transmit(getData(TAG))).sw, 0x6100, name)
    await edge.transmit(between)
    const { data, sw } = await edge.transmit('00 C0 00 00 00')
    assert.not.equal(data, content(700).slice(252, 508), name)
    assert.ok(sw === 0x6985 || data.length < 256, name)
    await edge.transmit(STATUS)
  }
  assert.is((await edge.transmit(getData(TAG))).sw, 0x6100)
  await edge.reset()
  await answers(edge, '00 C0 00 00 00', 0x6985)
})

atEdge('extended commands and answers', async ({ edge }) => {
  await edge.authenticateAdmin()
  for (const length of [1, 255, 256, 3000, 16_000]) {
    await answers(edge, extended('00 DB 3F FF', dataOf(content(length))), 0x9000)
    await holds(edge, content(length), `${length} octets`)
    const whole = await edge.transmit(extended('00 CB 3F FF', octets('5C 03 5F C1 0E'), '00 00'))
    assert.is(whole.sw, 0x9000, 'the whole answer at once')
    assert.ok(equal(unwrap(whole.data, 0x53), content(length)))
  }
  const part = await edge.transmit(extended('00 CB 3F FF', octets('5C 03 5F C1 0E'), '03 E8'))
  assert.equal([part.data.length, part.sw], [1000, 0x6100])
  const without = await edge.transmit(extended('00 CB 3F FF', octets('5C 03 5F C1 0E')))
  assert.equal([without.data.length, without.sw], [256, 0x6100], 'no Le: as much as a short one')
})

atEdge('a signature of 264 octets, however it is asked for', async ({ edge }) => {
  await edge.authenticateAdmin()
  const made = await generate(edge, 0x9e, 0x07)
  assert.match(hex(made.data), /^7f4982010981820100.{512}8203010001$/)
  const modulus = keyIn(made).export({ format: 'jwk' }).n ?? ''
  const block = concat(Uint8Array.of(0), new Uint8Array(255).fill(0x5a))
  const data = tlv(0x7c, tlv(0x82), tlv(0x81, block))
  const [chained, whole] = [
    await authenticate(edge, 0x07, 0x9e, 0x81, block),
    await edge.transmit(extended('00 87 07 9E', data, '00 00')),
  ]
  for (const answer of [chained, whole]) {
    is(answer, 0x9000, 'a signature')
    assert.is(answer.data.length, 264)
  }
  assert.equal(chained.data, whole.data)
  const number = (value: Uint8Array): bigint => BigInt(`0x${hex(value)}`)
  const n = number(Buffer.from(modulus, 'base64url'))
  let check = number(responseIn(whole))
  const base = check
  for (let bit = 0; bit < 16; bit += 1) check = (check * check) % n
  assert.is((check * base) % n, number(block), 'RSA with exponent 65537 takes it back')
})

atEdge('lengths that contradict each other: 6700, and nothing happens', async ({ edge }) => {
  for (const apdu of [
    '00',
    '00 20',
    '00 20 00',
    '00 20 00 80 08 31 32 33 34 35 36 FF',
    '00 20 00 80 08 {pin} 00 00',
    '00 20 00 80 00 00',
    '00 20 00 80 00 00 08 31 32 33 34 35 36 FF',
    '00 20 00 80 00 00 00 00 00',
    '00 20 00 80 00 00 08 {pin} 00',
  ]) {
    await answers(edge, apdu, 0x6700)
  }
  await answers(edge, '', 0x6700)
  await answers(edge, STATUS, 0x63c5)
})

runAtEdge()
