// Signed structures: certificates (RFC 5280, 4.1), requests (RFC 2986) and lists of revoked certificates (RFC 5280,
// 5.1). The signing key may be anywhere.
import { type KeyObject, randomBytes } from 'node:crypto'
import { utf8 } from '../bytes.ts'
import { bits, DER, element, field, integer } from '../iso7816/der.ts'
import { tlv } from '../iso7816/tlv.ts'
import { type SigningAlgorithm, writeSignatureAlgorithm } from './algorithms.ts'
import { type Extension, writeExtensions } from './extensions.ts'
import { oid } from './oid.ts'

export interface Signer {
  readonly publicKey: KeyObject
  readonly algorithm: SigningAlgorithm
  /** The signature over `data` in the form of X.509: for ECDSA in DER. */
  sign(data: Uint8Array): Promise<Uint8Array>
}

/** Validity is written to the second. */
export interface NewCertificate {
  /** Random by default. */
  readonly serialNumber?: Uint8Array
  /** Names in DER. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array
  readonly extensions: readonly Extension[]
}

const V2 = integer(Uint8Array.of(1))
const V3 = element(field(0), integer(Uint8Array.of(2)))
/** extensionRequest, RFC 2985, 5.4.2. */
const EXTENSION_REQUEST = oid('1.2.840.113549.1.9.14')

export const spkiOf = (key: KeyObject): Uint8Array => Uint8Array.from(key.export({ type: 'spki', format: 'der' }))

/** Positive, and with 120 random bits: RFC 5280, 4.1.2.2. */
const randomSerial = (): Uint8Array => Uint8Array.of(0x40, ...randomBytes(15))

/** RFC 5280, 4.1.2.5: two digits for the year up to 2049, four from then on. */
function time(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/\.\d+|[-:T]/g, '')
  const short = date.getUTCFullYear() >= 1950 && date.getUTCFullYear() < 2050
  return tlv(short ? DER.utcTime : DER.generalizedTime, utf8(short ? digits.slice(2) : digits))
}

async function signed(content: Uint8Array, signer: Signer): Promise<Uint8Array> {
  const signature = await signer.sign(content)
  return element(DER.sequence, content, algorithmOf(signer), bits(signature))
}

const algorithmOf = ({ publicKey, algorithm }: Signer): Uint8Array =>
  writeSignatureAlgorithm(publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec', algorithm)

const listed = (extensions: readonly Extension[], number: number): Uint8Array[] =>
  extensions.length === 0 ? [] : [element(field(number), writeExtensions(extensions))]

/** @returns DER */
export function writeCertificate(certificate: NewCertificate, signer: Signer): Promise<Uint8Array> {
  const { serialNumber = randomSerial(), issuer, subject, notBefore, notAfter, spki, extensions } = certificate
  const content = element(
    DER.sequence,
    ...[V3, integer(serialNumber), algorithmOf(signer)],
    ...[issuer, element(DER.sequence, time(notBefore), time(notAfter)), subject, spki],
    ...listed(extensions, 3),
  )
  return signed(content, signer)
}

export interface NewRequest {
  /** In DER. */
  readonly subject: Uint8Array
  readonly extensions: readonly Extension[]
  /** Further attributes, each with its only value in DER. */
  readonly attributes?: ReadonlyArray<{ readonly id: string; readonly value: Uint8Array }> | undefined
}

/** Writes a request for the key that signs it. @returns PKCS#10 in DER */
export function writeRequest(
  { subject, extensions, attributes: more = [] }: NewRequest,
  signer: Signer,
): Promise<Uint8Array> {
  const wanted = element(DER.set, writeExtensions(extensions))
  const attributes = extensions.length === 0 ? [] : [element(DER.sequence, EXTENSION_REQUEST, wanted)]
  for (const { id, value } of more) attributes.push(element(DER.sequence, oid(id), element(DER.set, value)))
  const version = integer(new Uint8Array(1))
  const content = [version, subject, spkiOf(signer.publicKey), element(field(0), ...attributes)]
  return signed(element(DER.sequence, ...content), signer)
}

export interface NewRevocationList {
  /** In DER. */
  readonly issuer: Uint8Array
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  readonly entries: ReadonlyArray<{ readonly serialNumber: Uint8Array; readonly at: Date }>
  readonly extensions: readonly Extension[]
}

/** @returns DER */
export function writeRevocationList(list: NewRevocationList, signer: Signer): Promise<Uint8Array> {
  const { issuer, thisUpdate, nextUpdate, extensions } = list
  const entries = list.entries.map(({ serialNumber, at }) => element(DER.sequence, integer(serialNumber), time(at)))
  const content = element(
    DER.sequence,
    ...[V2, algorithmOf(signer), issuer, time(thisUpdate), time(nextUpdate)],
    ...(entries.length === 0 ? [] : [element(DER.sequence, ...entries)]),
    ...listed(extensions, 0),
  )
  return signed(content, signer)
}
