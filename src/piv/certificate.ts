// Certificates in their data objects. SP 800-73-5 part 1, section 3.1.2 and tables 10, 15, 17, 18 and 20 to 39:
// 70 certificate, 71 CertInfo, 72 MSCUID (retired keys only), FE error detection code (always empty). Written as NIST
// specifies. Read in the forms of other makers' cards: the first octets of the content decide, not the CertInfo.
import { gunzipSync, gzipSync, inflateSync } from 'node:zlib'
import { concat } from '../bytes.ts'
import { knownFields, writeFields } from '../iso7816/fields.ts'
import { readableTlvs, TlvError, unwrap } from '../iso7816/tlv.ts'

/** The longest certificate in octets, so that a compressed one cannot fill the memory. Containers hold less than 4 kB. */
export const LONGEST_CERTIFICATE = 32 * 1024

const CONTAINER = {
  certificate: { tag: 0x70, length: [1, LONGEST_CERTIFICATE] },
  info: { tag: 0x71, length: 1 },
  check: { tag: 0xfe, length: 0 },
} as const

/** CertInfo: plain, and compressed with gzip. */
const PLAIN = 0x00
const GZIP = 0x01

const SEQUENCE = 0x30
const limit = { maxOutputLength: LONGEST_CERTIFICATE }

/** The forms of a stored certificate, by its first octets. Those of Net iD have two octets of length before zlib's. */
const FORMS: ReadonlyArray<readonly [first: readonly number[], read: (octets: Uint8Array) => Uint8Array]> = [
  [[SEQUENCE], (octets) => octets],
  [[0x1f, 0x8b], (octets) => gunzipSync(octets, limit)],
  [[0x78], (octets) => inflateSync(octets, limit)],
  [[0x01, 0x00], (octets) => inflateSync(octets.subarray(4), limit)],
]

const formOf = (octets: Uint8Array) =>
  FORMS.find(([first]) => first.every((octet, index) => octets[index] === octet))?.[1]

/** Tags beside the certificate: CertInfo, MSCUID, error detection code. */
const BESIDE: readonly number[] = [0x71, 0x72, 0xfe]

/** Whether a certificate object is an empty container, which counts as no object. */
export function isEmptyContainer(content: Uint8Array): boolean {
  const tlvs = readableTlvs(content)
  const empty = tlvs.every(({ tag, value }) => BESIDE.includes(tag) || (tag === 0x70 && value.length === 0))
  return content.length === 0 || (tlvs.length > 0 && empty && formOf(content) === undefined)
}

/**
 * The certificate (DER) in its object's content: plain or compressed, in its container or alone. It is one DER SEQUENCE;
 * its contents are not checked, and anything after it is dropped.
 * @throws TlvError where there is none
 */
export function readCertificate(content: Uint8Array): Uint8Array {
  const certificate = knownFields(content, CONTAINER).certificate ?? content
  const form = formOf(certificate)
  if (form === undefined) throw new TlvError('this is not a certificate, plain or compressed')
  const der = unpacked(form, certificate)
  const [first] = readableTlvs(der)
  if (first?.tag !== SEQUENCE || first.value.length === 0) throw new TlvError('the certificate is not DER, or cut off')
  return der.subarray(0, first.value.byteOffset + first.value.length - der.byteOffset)
}

function unpacked(read: (octets: Uint8Array) => Uint8Array, certificate: Uint8Array): Uint8Array {
  try {
    return Uint8Array.from(read(certificate))
  } catch (cause) {
    throw new TlvError('the certificate is not well compressed, or too long', { cause })
  }
}

/**
 * The object content for a certificate (DER).
 * @throws TlvError unless it is a DER SEQUENCE of at most 32 kB
 */
export function writeCertificate(der: Uint8Array, { gzip = false }: { readonly gzip?: boolean } = {}): Uint8Array {
  unwrap(der, 0x30)
  if (der.length > LONGEST_CERTIFICATE) throw new TlvError('the certificate is too long')
  const certificate = gzip ? Uint8Array.from(gzipSync(der, { level: 9 })) : der
  const check = new Uint8Array(0)
  return concat(...writeFields({ certificate, info: Uint8Array.of(gzip ? GZIP : PLAIN), check }, CONTAINER))
}
