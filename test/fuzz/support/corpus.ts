// Good sessions with a card, out of the reference: what the fuzzing of a card application begins with.
import { concat, leftPad } from '../../../src/bytes.ts'
import { splitChain } from '../../../src/iso7816/chaining.ts'
import { encodeCommand } from '../../../src/iso7816/command.ts'
import { tlv } from '../../../src/iso7816/tlv.ts'
import type { Algorithm } from '../../../src/piv/algorithms.ts'
import { writeGetData, writePutData } from '../../../src/piv/objects.ts'
import { writeAuthentication, writeKeyTemplate } from '../../../src/piv/templates.ts'
import { newKey, spkiOf } from '../../contract/memory-keys.ts'
import { filled, octets } from '../../support/octets.ts'
import { privateJwk } from '../../support/private-jwk.ts'
import { Random } from '../../support/random.ts'

/** What no card knows, and the test does in its place. */
export const DEEDS = {
  /** To ask for a witness or a challenge, and to prove the admin key with it. */
  witness: octets('f0000001'),
  challenge: octets('f0000002'),
  prove: octets('f0000003'),
  reset: octets('f0000004'),
  /** The TPM is gone when it is used next. */
  fail: octets('f0000005'),
} as const

const ASKED = new Uint8Array(0)
const apdu = (ins: number, p1: number, p2: number, data: Uint8Array, extended = false) =>
  encodeCommand({ cla: 0, ins, p1, p2, data, le: extended ? 65536 : 256, extended })
const chain = (ins: number, p1: number, p2: number, data: Uint8Array) =>
  splitChain({ cla: 0, ins, p1, p2, data, le: 256, extended: false }, false)
const get = (tag: string) => apdu(0xcb, 0x3f, 0xff, writeGetData(tag))
const put = (tag: string, length: number) => chain(0xdb, 0x3f, 0xff, writePutData(tag, filled(length)))
const sign = (p1: number, p2: number, length: number) =>
  chain(0x87, p1, p2, writeAuthentication({ response: ASKED, challenge: filled(length, 0x2a) }))
const generate = (slot: number, algorithm: number, pinPolicy?: number) =>
  apdu(0x47, 0, slot, writeKeyTemplate({ algorithm, ...(pinPolicy && { pinPolicy }) }))

const point = spkiOf(await newKey('P-256')).slice(-65)
const agree = (p2: number) => apdu(0x87, 0x11, p2, writeAuthentication({ response: ASKED, exponentiation: point }))

const select = octets('00a4040009 a00000030800001000 00')
const pin = octets('0020008008 343833393230ffff')
const wrong = octets('0020008008 303030303030ffff')
const status = octets('00200080')
const clear = octets('0020ff80')
const changePin = octets('0024008010 343833393230ffff 3731363530383432')
const changePuk = octets('0024008110 6f70656e203f6d65 4f722d656c736521')
const unblock = octets('002c008010 6f70656e203f6d65 3731363530383432')
const more = octets('00c0000000')
const { witness, challenge, prove, reset, fail } = DEEDS

/** Yubico's: keys in their parts, admin keys. */
const keys = { ec: await importable('P-256'), rsa: await importable('RSA-2048') }
async function importable(algorithm: Algorithm): Promise<Uint8Array> {
  const { d, p, q, dp, dq, qi } = privateJwk(await newKey(algorithm))
  const field = (text = '', length: number) => leftPad(Uint8Array.from(Buffer.from(text, 'base64url')), length)
  if (algorithm === 'P-256') return tlv(0x06, field(d, 32))
  return concat(...[p, q, dp, dq, qi].map((text, index) => tlv(index + 1, field(text, 128))))
}
const bring = (algorithm: number, slot: number, data: Uint8Array, policies = '') =>
  chain(0xfe, algorithm, slot, concat(data, octets(policies)))
const move = (to: number, from: number) => apdu(0xf6, to, from, new Uint8Array(0))
const metadata = (reference: number) => apdu(0xf7, 0, reference, new Uint8Array(0))
const adminKey = (algorithm: number, length: number) =>
  apdu(0xff, 0xff, 0xff, concat(Uint8Array.of(algorithm, 0x9b, length), filled(length, 0x41)))
const facts = [0x80, 0x81, 0x9b, 0x9a, 0x9d, 0x84, 0x95, 0x96].map(metadata)
const attest = (slot: number) => apdu(0xf9, slot, 0, new Uint8Array(0))
const [blocks, version, serial, renew] = [
  octets(`002c008010 ${'ff'.repeat(16)}`),
  octets('00fd0000'),
  octets('00f80000'),
  octets('00fb0000'),
]

const SESSIONS: ReadonlyArray<readonly Uint8Array[]> = [
  [select, octets('00a404000b a000000308000010000100'), octets('00a4040005 a000000308 00'), more],
  [octets('00a4040008 a000000527471117 00'), octets('00a4040006 f00102030405'), octets('00a4000002 3f00'), select],
  [...['5fc102', '5fc107', '7e', '7f61', '5fc10c', '5fc105', '5fc1f0'].map(get), pin, get('5fc109'), get('5fc103')],
  [status, pin, status, clear, octets('0020008000'), reset, status],
  [wrong, status, pin, wrong, wrong, wrong, pin, unblock, status],
  [changePin, octets('0020008008 3731363530383432'), changePuk, unblock, octets('0024008110 6f70656e203f6d65')],
  [octets('002c008010 6f70656e203f6d66 3731363530383432'), unblock, octets('0024008010 343833393230ffff 3132')],
  [
    octets('0020008004 34383339'),
    octets('0020008007 343833393230ff'),
    octets('0024008010 343833393230ffff 3132333435363738'),
  ],
  [octets('002c008010 6f70656e203f6d65 3132333435363738'), octets('002c008010 6f70656e203f6d65 3132ffffffffffff')],
  [pin, ...sign(0x11, 0x9a, 32), ...sign(0x11, 0x9a, 20), ...sign(0x11, 0x9e, 32), clear, ...sign(0x11, 0x9a, 32)],
  [pin, ...sign(0x11, 0x9c, 32), ...sign(0x11, 0x9c, 32), pin, get('7e'), ...sign(0x11, 0x9c, 32)],
  [pin, ...sign(0x07, 0x83, 256), more, pin, ...sign(0x11, 0x9c, 32)],
  [pin, ...sign(0x07, 0x9d, 256), more, agree(0x9a), agree(0x9e), ...sign(0x14, 0x84, 48)],
  [sign(0x07, 0x9d, 256)[0] ?? select, get('7e'), sign(0x07, 0x9d, 256)[1] ?? select, ...sign(0x11, 0x9e, 32)],
  [witness, prove, ...put('5fc10e', 700), get('5fc10e'), more, more, ...put('5fc10e', 0), get('5fc10e')],
  [challenge, prove, ...put('5fc105', 40), ...put('5fc105', 600).slice(0, 2), status, ...put('5fc105', 50)],
  [witness, prove, apdu(0xdb, 0x3f, 0xff, writePutData('5fc101', filled(900)), true), get('5fc101'), more],
  [witness, prove, generate(0x82, 0x11), ...sign(0x11, 0x82, 32), generate(0x9c, 0x14, 1), generate(0x9d, 7, 2)],
  [witness, prove, generate(0x95, 0x05), octets('00db3fff02 7e00'), octets('00db3fff09 5c035fc10c 5302c100')],
  [witness, get('7e'), prove, challenge, ...sign(0x11, 0x9e, 32), prove, reset, ...put('5fc105', 9)],
  [challenge, prove, octets(`00870a9b14 7c128210 ${'00'.repeat(16)} 00`)],
  [witness, prove, octets(`00870a9b26 7c248010 ${'00'.repeat(16)} 8110 ${'00'.repeat(16)} 00`)],
  [octets('00870a9b04 7c028000 00'), octets('00870a9b04 7c028100 00'), octets('0087009b04 7c028100 00'), prove],
  ['0087119904 7c028200 00', '00870b9b04 7c028000 00', '0087119a02 7c00 00', '0087119b', '00870a9b027c04'].map(octets),
  [fail, pin, fail, ...sign(0x11, 0x9e, 32), witness, fail, prove, prove, fail, ...put('5fc105', 9)],
  [attest(0x9a), more, more, attest(0x9d), attest(0x95), metadata(0xf9), get('5fff01'), more, attest(0xf9)],
  [witness, prove, generate(0x82, 0x11), attest(0x82), more, ...put('5fff01', 90), attest(0x82), move(0xff, 0xf9)],
  [witness, prove, generate(0xf9, 0x11), generate(0x82, 0x14), attest(0x82), ...put('5fff01', 0), attest(0x82), more],
  [witness, prove, ...bring(0x11, 0xf9, keys.ec), generate(0x82, 0x11), attest(0x82), ...sign(0x11, 0xf9, 32)],
  [renew, wrong, wrong, wrong, renew, blocks, blocks, renew, status, ...facts, pin, witness, prove, serial],
  [witness, prove, ...put('5fc105', 600), wrong, blocks, wrong, blocks, wrong, get('5fc105'), renew, more, status],
  [wrong, wrong, wrong, blocks, blocks, fail, renew, renew, octets(`0020008008 ${'3132333435363738'}`), attest(0x9a)],
  [version, ...facts, serial, pin, ...facts, wrong, ...facts, blocks, ...facts],
  [
    witness,
    prove,
    ...bring(0x11, 0x82, keys.ec),
    metadata(0x82),
    ...sign(0x11, 0x82, 32),
    move(0x83, 0x82),
    move(0xff, 0x83),
  ],
  [witness, prove, ...bring(0x07, 0x9d, keys.rsa, 'aa0101ab0101'), metadata(0x9d), ...sign(0x07, 0x9d, 256), more],
  [...bring(0x07, 0x9c, keys.rsa), ...bring(0x11, 0x9c, keys.ec, 'aa0103'), move(0xff, 0x9a), adminKey(8, 16), serial],
  [witness, prove, adminKey(8, 16), adminKey(0x0c, 32), metadata(0x9b), reset, challenge, prove, ...put('5fc105', 9)],
  [
    witness,
    prove,
    adminKey(3, 24),
    reset,
    witness,
    prove,
    move(0x9c, 0x9a),
    pin,
    ...sign(0x11, 0x9c, 32),
    adminKey(10, 24),
  ],
  [octets('00fa0303'), octets('00f600ff'), octets('00ffffff03 089b10'), octets(`00ffffff13 089b10 ${'00'.repeat(16)}`)],
  ['00fd0000', '00f70096', '00fb0000', '00050000', '80cb3fff', '0c200080', '10200080', '00cadf3005'].map(octets),
]

/** A stream is what is sent, each after its length in two octets. */
const stream = (parts: readonly Uint8Array[]): Uint8Array =>
  concat(...parts.flatMap((part) => [Uint8Array.of(part.length >> 8, part.length & 0xff), part]))

export function* partsOf(octets: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at + 2 <= octets.length; ) {
    const length = ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)
    yield octets.slice(at + 2, at + 2 + length)
    at += 2 + length
  }
}

/** What belongs together, and does so no more when something comes between. */
const PAIRS: ReadonlyArray<readonly Uint8Array[]> = [
  [witness, prove],
  [challenge, prove],
  [pin, ...sign(0x11, 0x9c, 32)],
  [pin, ...sign(0x07, 0x83, 256), more],
  [witness, prove, ...put('5fc10e', 700)],
  [witness, prove, ...put('5fc105', 300), get('5fc105'), more],
]

/** Sessions as they are; all their parts in any order, half of the time as who manages the card; pairs come between. */
export function seeds(): Uint8Array[] {
  const random = new Random(1)
  const all = SESSIONS.flat()
  const mixed = Array.from({ length: 400 }, (_, index) => {
    const parts = Array.from({ length: random.between(3, 12) }, () => random.pick(all))
    return index % 2 === 0 ? parts : [witness, prove, ...parts]
  })
  const disturbed = PAIRS.flatMap((pair) =>
    all.map((part) => pair.toSpliced(random.between(1, pair.length - 1), 0, part)),
  )
  return [...SESSIONS, ...mixed, ...disturbed].map(stream)
}
