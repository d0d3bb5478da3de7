// Certificates in an envelope without signatures: PKCS#7 "certs-only", RFC 5652, 5.1 and 5.2; RFC 8551, 3.8.
import { concat } from '../bytes.ts'
import { DER, field } from '../iso7816/der.ts'
import { readTlvs, type Tlv, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import { oid } from './oid.ts'
import * as signedData from './signed-data.ts'

const SIGNED_DATA = oid(signedData.SIGNED_DATA)
const DATA = oid(signedData.DATA)
const TAG = { ...DER, certificates: field(0), revocations: field(1) } as const

/** Most certificates accepted in an envelope. */
export const MOST_CERTIFICATES = 32
/** Most octets of an envelope. */
const LONGEST = 0xffff
/** How deep an envelope is parsed: the certificates in it are not. */
const DEPTH = 8

/** An envelope with certificates (DER), in this order. */
export function writeCertsOnly(certificates: readonly Uint8Array[]): Uint8Array {
  const signedData = [
    tlv(TAG.integer, Uint8Array.of(1)),
    tlv(TAG.set),
    tlv(TAG.sequence, DATA),
    tlv(TAG.certificates, ...certificates),
    tlv(TAG.set),
  ]
  return tlv(TAG.sequence, SIGNED_DATA, tlv(TAG.certificates, tlv(TAG.sequence, ...signedData)))
}

/**
 * The certificates in an envelope, in their order and unchecked. BER is accepted too, since some CAs write the envelope
 * with indefinite lengths.
 * @throws TlvError, also for signatures or content: a CA's answer has neither
 */
export function readCertsOnly(octets: Uint8Array): Uint8Array[] {
  const [type, content, ...others] = readTlvs(unwrap(definite(octets), TAG.sequence))
  if (!is(type, SIGNED_DATA) || content?.tag !== TAG.certificates || others.length > 0) {
    throw new TlvError('it is no PKCS#7 of the kind "signed data"')
  }
  const [version, digests, inner, certificates, ...rest] = readTlvs(unwrap(content.value, TAG.sequence))
  const signers = rest.at(-1)
  const known = rest.length === 1 || (rest.length === 2 && rest[0]?.tag === TAG.revocations)
  if (version?.tag !== TAG.integer || digests?.tag !== TAG.set || inner?.tag !== TAG.sequence) {
    throw new TlvError('the signed data is not built as it should be')
  }
  if (certificates?.tag !== TAG.certificates || signers?.tag !== TAG.set || !known) {
    throw new TlvError('it does not hold certificates alone')
  }
  if (signers.value.length > 0 || !emptyContent(inner)) throw new TlvError('it holds more than certificates')
  const found = readTlvs(certificates.value)
  if (found.length === 0) throw new TlvError('it holds no certificate')
  if (found.length > MOST_CERTIFICATES) throw new TlvError(`it holds more than ${MOST_CERTIFICATES} certificates`)
  return found.map(({ tag, value }) => {
    if (tag !== TAG.sequence) throw new TlvError('something in it is not a certificate')
    return tlv(tag, value)
  })
}

const is = (part: Tlv | undefined, octets: Uint8Array): boolean =>
  part !== undefined && Buffer.compare(tlv(part.tag, part.value), octets) === 0

/** The type "data", with no content or with empty content. */
function emptyContent(inner: Tlv): boolean {
  const [type, content, ...others] = readTlvs(inner.value)
  if (!is(type, DATA) || others.length > 0) return false
  return content === undefined || (content.tag === TAG.certificates && readTlvs(content.value).every(isEmpty))
}

const isEmpty = ({ tag, value }: Tlv): boolean =>
  tag === 0x04 ? value.length === 0 : tag === 0x24 && readTlvs(value).every(isEmpty)

/** `octets` with every indefinite length of the envelope made definite (X.690, 8.1.3.6); the rest is unchanged. */
function definite(octets: Uint8Array): Uint8Array {
  if (octets.length > LONGEST) throw new TlvError(`it has more than ${LONGEST} octets`)
  const [whole, end] = element(octets, 0, DEPTH)
  if (end !== octets.length) throw new TlvError('there are octets after it')
  return whole
}

/** The number of octets of the element at `at`, with tag and length. It is not checked here. */
function lengthAt(octets: Uint8Array, at: number): number {
  const [, first = 0, second = 0, third = 0] = octets.subarray(at, at + 4)
  if (first < 0x80) return 2 + first
  if (first === 0x81) return 3 + second
  if (first === 0x82) return 4 + 256 * second + third
  throw new TlvError(`the length at octet ${at + 1} has no form that is known here`)
}

/** The element at `at` and where it ends. */
function element(octets: Uint8Array, at: number, depth: number): readonly [Uint8Array, number] {
  const [tag = 0, length] = octets.subarray(at, at + 2)
  if (length !== 0x80) {
    const end = at + lengthAt(octets, at)
    if (end > octets.length) throw new TlvError('it is cut off')
    return [octets.subarray(at, end), end]
  }
  if (depth === 0) throw new TlvError('it is nested too deeply')
  if ((tag & 0x20) === 0 || (tag & 0x1f) === 0x1f) throw new TlvError(`octet ${at} begins nothing that is known here`)
  const parts: Uint8Array[] = []
  let next = at + 2
  while (octets[next] !== 0x00 || octets[next + 1] !== 0x00) {
    if (next >= octets.length) throw new TlvError('it is cut off')
    const [part, end] = element(octets, next, depth - 1)
    parts.push(part)
    next = end
  }
  return [tlv(tag, concat(...parts)), next + 2]
}
