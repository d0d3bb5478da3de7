// Content with the signature of one certificate's key: CMS "signed data", RFC 5652, section 5.
import { createHash } from 'node:crypto'
import { fromHex, hex } from '../bytes.ts'
import { DER, element, field, integer } from '../iso7816/der.ts'
import { readTlvs, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import { writeHashAlgorithm, writeSignatureAlgorithm } from './algorithms.ts'
import { readAlgorithm, readCertificate } from './certificate.ts'
import { oid } from './oid.ts'
import { Parts } from './parts.ts'
import type { Signer } from './write.ts'

export const SIGNED_DATA = '1.2.840.113549.1.7.2'
export const DATA = '1.2.840.113549.1.7.1'
/** RFC 5652, 11.1 and 11.2. */
export const CONTENT_TYPE = '1.2.840.113549.1.9.3'
export const MESSAGE_DIGEST = '1.2.840.113549.1.9.4'

/** With its only value, DER. */
export interface SignedAttribute {
  readonly id: string
  readonly value: Uint8Array
}

export interface NewSignedData {
  readonly content: Uint8Array
  /** Of the signer, DER. */
  readonly certificate: Uint8Array
  /** Besides those that every signature has. */
  readonly attributes: readonly SignedAttribute[]
}

/** @returns DER */
export async function writeSignedData(data: NewSignedData, signer: Signer): Promise<Uint8Array> {
  const { content, certificate, attributes } = data
  const { hash } = signer.algorithm
  const digest = createHash(hash.replace('-', '')).update(content).digest()
  const signed = setOf([
    attribute({ id: CONTENT_TYPE, value: oid(DATA) }),
    attribute({ id: MESSAGE_DIGEST, value: tlv(DER.octetString, digest) }),
    ...attributes.map(attribute),
  ])
  // The signature covers the attributes as a SET: RFC 5652, 5.4.
  const signature = await signer.sign(element(DER.set, ...signed))
  const { issuer, serialNumber } = readCertificate(certificate)
  const kind = signer.publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec'
  const signerInfo = element(
    DER.sequence,
    V1,
    element(DER.sequence, issuer, integer(fromHex(serialNumber) ?? new Uint8Array(1))),
    writeHashAlgorithm(hash),
    element(field(0), ...signed),
    writeSignatureAlgorithm(kind, signer.algorithm),
    element(DER.octetString, signature),
  )
  const signedData = element(
    DER.sequence,
    V1,
    element(DER.set, writeHashAlgorithm(hash)),
    element(DER.sequence, oid(DATA), element(field(0), element(DER.octetString, content))),
    element(field(0), certificate),
    element(DER.set, signerInfo),
  )
  return element(DER.sequence, oid(SIGNED_DATA), element(field(0), signedData))
}

const V1 = integer(Uint8Array.of(1))

const attribute = ({ id, value }: SignedAttribute): Uint8Array =>
  element(DER.sequence, oid(id), element(DER.set, value))

/** In the order that DER has for sets: X.690, 11.6. */
const setOf = (elements: readonly Uint8Array[]): Uint8Array[] =>
  [...elements].sort((one, other) => Buffer.compare(one, other))

/** Nothing of it is checked. */
export interface SignedData {
  readonly content: Uint8Array
  /** DER. */
  readonly certificates: readonly Uint8Array[]
  /** DER. */
  readonly issuer: Uint8Array
  /** In lower-case hex digits, without leading zeros. */
  readonly serialNumber: string
  /** Object identifier of the hash over the content. */
  readonly digest: string
  readonly attributes: readonly SignedAttribute[]
  /** What the signature covers. */
  readonly signed: Uint8Array
  /** AlgorithmIdentifier, without its outer tag. */
  readonly algorithm: Uint8Array
  readonly signature: Uint8Array
}

/** Whether the octets begin like signed data, whatever follows. */
export function isSignedData(octets: Uint8Array): boolean {
  try {
    return new Parts(unwrap(octets, DER.sequence)).takeOid() === SIGNED_DATA
  } catch (error) {
    if (error instanceof TlvError) return false
    throw error
  }
}

/** Signed data with content of the type "data" and one signer, who is named by issuer and serial number. @throws TlvError */
export function readSignedData(octets: Uint8Array): SignedData {
  const outer = new Parts(unwrap(octets, DER.sequence))
  if (outer.takeOid() !== SIGNED_DATA) throw new TlvError('it is no PKCS#7 of the kind "signed data"')
  const parts = new Parts(unwrap(outer.take(field(0)), DER.sequence))
  outer.end()
  parts.take(DER.integer)
  parts.take(DER.set)
  const content = contentOf(parts.take(DER.sequence))
  const certificates = readTlvs(parts.takeIf(field(0)) ?? new Uint8Array(0), 'BER')
  parts.takeIf(field(1))
  const [signer, ...others] = readTlvs(parts.take(DER.set), 'BER')
  parts.end()
  if (signer?.tag !== DER.sequence || others.length > 0) throw new TlvError('it does not have one signature')
  return {
    content,
    certificates: certificates.map(({ tag, value }) => tlv(tag, value)),
    ...signerOf(new Parts(signer.value)),
  }
}

function contentOf(value: Uint8Array): Uint8Array {
  const parts = new Parts(value)
  if (parts.takeOid() !== DATA) throw new TlvError('its content is not of the type "data"')
  const content = unwrap(parts.take(field(0)), DER.octetString)
  parts.end()
  return content
}

function signerOf(parts: Parts): Omit<SignedData, 'content' | 'certificates'> {
  parts.take(DER.integer)
  const name = new Parts(parts.take(DER.sequence))
  const issuer = name.takeWhole(DER.sequence)
  const serialNumber = hex(name.take(DER.integer)).replace(/^(00)+(?=..)/, '')
  const digest = readAlgorithm(parts.take(DER.sequence)).id
  const attributes = parts.take(field(0))
  const algorithm = parts.take(DER.sequence)
  const signature = parts.take(DER.octetString)
  parts.takeIf(field(1))
  parts.end()
  return {
    ...{ issuer, serialNumber, digest, algorithm, signature },
    attributes: readTlvs(attributes, 'BER').map(({ tag, value }) => attributeOf(tag, value)),
    signed: element(DER.set, attributes),
  }
}

function attributeOf(tag: number, value: Uint8Array): SignedAttribute {
  if (tag !== DER.sequence) throw new TlvError('one of its attributes is malformed')
  const parts = new Parts(value)
  const id = parts.takeOid()
  const values = readTlvs(parts.take(DER.set), 'BER')
  parts.end()
  const [only] = values
  if (only === undefined || values.length > 1) throw new TlvError('one of its attributes does not have one value')
  return { id, value: tlv(only.tag, only.value) }
}
