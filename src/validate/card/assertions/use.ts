// Private-key operations at the edge of a card, and whether their answers are right. RFC 8017 and SP 800-73-5 part 2.
import {
  constants,
  createHash,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  publicDecrypt,
  verify,
} from 'node:crypto'
import { concat, equal, hex } from '../../../bytes.ts'
import { find, tlv } from '../../../iso7816/tlv.ts'
import { must } from './assertion.ts'
import { type Answer, type Edge, octets, two } from './edge.ts'
import { readTlvs, unwrap } from './read.ts'

const MESSAGE = new TextEncoder().encode('Tessera')
const EMPTY = new Uint8Array(0)

/** Algorithm identifiers, SP 800-78-5 table 9, and octets of the curve or the modulus. */
export function algorithmOf(key: KeyObject): { readonly id: number; readonly size: number; readonly ec: boolean } {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  if (namedCurve === 'prime256v1') return { id: 0x11, size: 32, ec: true }
  if (namedCurve === 'secp384r1') return { id: 0x14, size: 48, ec: true }
  const id = { 1024: 0x06, 2048: 0x07, 3072: 0x05, 4096: 0x16 }[modulusLength]
  if (id === undefined) throw new Error('a key of a kind that is not known here')
  return { id, size: modulusLength / 8, ec: false }
}

/** What is signed: a digest, or one in its padding (EMSA-PKCS1-v1_5). */
function inputOf(key: KeyObject): Uint8Array {
  const { size, ec } = algorithmOf(key)
  if (ec)
    return createHash(size === 32 ? 'sha256' : 'sha384')
      .update(MESSAGE)
      .digest()
  const info = concat(octets('3031300D060960864801650304020105000420'), createHash('sha256').update(MESSAGE).digest())
  const filler = new Uint8Array(size - info.length - 3).fill(0xff)
  return concat(Uint8Array.of(0, 1), filler, Uint8Array.of(0), info)
}

const keyIn = async (edge: Edge, slot: number): Promise<KeyObject> => {
  const key = await edge.key(slot)
  if (key === undefined) throw new Error(`there is no certificate in slot ${slot.toString(16)}`)
  return key
}

/** Of all certificates, the slots whose keys are of a kind. */
export async function slotsOf(edge: Edge, kind: 'ec' | 'rsa'): Promise<number[]> {
  const found = [...(await edge.certificates())].filter(([, { publicKey }]) => publicKey.asymmetricKeyType === kind)
  return found.map(([slot]) => slot)
}

/** GENERAL AUTHENTICATE: item `tag` with `input`, and the response asked for. */
export function authenticate(edge: Edge, id: number, slot: number, tag: number, input: Uint8Array): Promise<Answer> {
  return edge.chain(`00 87 ${two(id)} ${two(slot)}`, tlv(0x7c, tlv(0x82, EMPTY), tlv(tag, input)))
}

/** The data field of the signature of slot `slot`, for who sends it himself. */
export async function signatureTemplate(edge: Edge, slot: number): Promise<{ header: string; data: Uint8Array }> {
  const key = await keyIn(edge, slot)
  const data = tlv(0x7c, tlv(0x82, EMPTY), tlv(0x81, inputOf(key)))
  return { header: `${two(algorithmOf(key).id)} ${two(slot)}`, data }
}

/** A signature by the key in a slot, whose certificate is on the card. */
export const sign =
  (slot: number) =>
  async (edge: Edge): Promise<Answer> =>
    signWith(edge, slot, await keyIn(edge, slot))

/** A signature by the key in a slot, which is the private half of `key`. */
export const signWith = (edge: Edge, slot: number, key: KeyObject): Promise<Answer> =>
  authenticate(edge, algorithmOf(key).id, slot, 0x81, inputOf(key))

export const responseIn = ({ data }: Answer): Uint8Array => find(readTlvs(unwrap(data, 0x7c)), 0x82) ?? EMPTY

export function assertSigned(key: KeyObject, answer: Answer): void {
  const hash = algorithmOf(key).size === 48 ? 'sha384' : 'sha256'
  must(verify(hash, MESSAGE, key, responseIn(answer)), 'the signature is wrong')
}

/** The signature of a slot verifies. */
export const isSigned =
  (slot: number) =>
  async (answer: Answer, edge: Edge): Promise<void> =>
    assertSigned(await keyIn(edge, slot), answer)

/** Agreement or raw decryption by the key in a slot, with what it must come to. */
export async function exchange(edge: Edge, slot: number): Promise<{ answer: Answer; expected: Uint8Array }> {
  const key = await keyIn(edge, slot)
  const { id, ec } = algorithmOf(key)
  if (ec) {
    const peer = generateKeyPairSync('ec', { namedCurve: key.asymmetricKeyDetails?.namedCurve ?? '' })
    const expected = Uint8Array.from(diffieHellman({ privateKey: peer.privateKey, publicKey: key }))
    return { answer: await authenticate(edge, id, slot, 0x85, pointOf(peer.publicKey)), expected }
  }
  const expected = inputOf(key)
  const text = publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, expected)
  return { answer: await authenticate(edge, id, slot, 0x81, text), expected }
}

/** 04 || X || Y. */
export function pointOf(key: KeyObject): Uint8Array {
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  return concat(Uint8Array.of(0x04), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url'))
}

export function assertExchanged({ answer, expected }: Awaited<ReturnType<typeof exchange>>): void {
  must(equal(responseIn(answer), expected), `it comes to ${hex(responseIn(answer))}`)
}
