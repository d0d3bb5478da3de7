// Certificate requests: PKCS#10, RFC 2986. They are parsed strictly; anything unknown is refused.
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { hex } from '../bytes.ts'
import { DER, field } from '../iso7816/der.ts'
import { readTlvs, type Tlv, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import type { Extension } from '../x509/extensions.ts'
import { dotted } from '../x509/oid.ts'
import { PSS } from '../x509/pss.ts'
import { Refusal } from './notice.ts'
import { signatureOf } from './signatures.ts'

export interface Request {
  /** The requested name, in DER. The CA decides on the name in the certificate. */
  readonly subject: Uint8Array
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  readonly kind: 'rsa' | 'ec'
  readonly extensions: readonly Extension[]
}

const ATTRIBUTES = field(0)

/** extensionRequest (RFC 2985, 5.4.2), and its old Microsoft equivalent (szOID_CERT_EXTENSIONS). */
const EXTENSION_REQUESTS = ['1.2.840.113549.1.9.14', '1.3.6.1.4.1.311.2.1.14']
const MOST_EXTENSIONS = 16
const MOST_ATTRIBUTES = 16

const RSA_BITS = [2048, 4096] as const
const CURVES = ['prime256v1', 'secp384r1']

const malformed = (why: string) => new Refusal(400, `This is not a valid certificate request (PKCS#10): ${why}.`)
const refused = (why: string) => new Refusal(403, why)

/**
 * Reads a request, and checks its signature and the strength of its key.
 * @throws Refusal 400 for a malformed request, 403 for one that the CA does not accept
 */
export function readRequest(der: Uint8Array): Request {
  try {
    return read(der)
  } catch (error) {
    if (error instanceof TlvError) throw malformed(error.message)
    throw error
  }
}

function read(der: Uint8Array): Request {
  const [info, algorithm, signature] = parts(unwrap(der, DER.sequence), [DER.sequence, DER.sequence, DER.bitString])
  const [version, subject, spki, attributes] = parts(info, [DER.integer, DER.sequence, DER.sequence, ATTRIBUTES])
  if (hex(version) !== '00') throw malformed('its version is not 1')
  const publicKey = tlv(DER.sequence, spki)
  const key = strongKey(publicKey)
  checkSignature(key, tlv(DER.sequence, info), algorithm, signature)
  return {
    subject: tlv(DER.sequence, subject),
    publicKey,
    kind: key.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec',
    extensions: extensionsOf(attributes),
  }
}

/** The values of exactly these elements, in this order. */
function parts<const Tags extends readonly number[]>(
  octets: Uint8Array,
  tags: Tags,
): { [At in keyof Tags]: Uint8Array } {
  const found = readTlvs(octets)
  if (found.length !== tags.length || found.some(({ tag }, at) => tag !== tags[at])) {
    throw new TlvError('its parts are not the ones that should be there')
  }
  return found.map(({ value }) => value) as { [At in keyof Tags]: Uint8Array }
}

/** @throws Refusal 403 for a key that is too short, or of an unsupported type */
function strongKey(spki: Uint8Array): KeyObject {
  const key = publicKeyOf(spki)
  const { modulusLength = 0, publicExponent = 0n, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'ec') {
    if (CURVES.includes(namedCurve)) return key
    throw refused(`The curve of this key is not taken: use P-256 or P-384.`)
  }
  if (key.asymmetricKeyType !== 'rsa') throw refused('A key of this kind is not taken: use RSA, P-256 or P-384.')
  const [least, most] = RSA_BITS
  if (modulusLength < least)
    throw refused(`This RSA key has ${modulusLength} bits: that is too weak, use ${least} or more.`)
  if (modulusLength > most) throw refused(`This RSA key has ${modulusLength} bits: use ${most} at most.`)
  if (publicExponent < 65537n) throw refused('The public exponent of this RSA key is too small: use 65537.')
  return key
}

function publicKeyOf(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    throw malformed('its public key is malformed')
  }
}

function checkSignature(key: KeyObject, signed: Uint8Array, algorithm: Uint8Array, bits: Uint8Array): void {
  const { hash, kind, pss } = signatureOf(algorithm)
  if (kind !== key.asymmetricKeyType || bits[0] !== 0) throw malformed('its signature is not of the kind of its key')
  if (!verify(hash, signed, { key, ...(pss && PSS) }, bits.subarray(1))) {
    throw malformed('its signature is wrong, so whoever made it may not have the private key')
  }
}

function extensionsOf(octets: Uint8Array): Extension[] {
  const attributes = readTlvs(octets)
  if (attributes.length > MOST_ATTRIBUTES) throw malformed(`it has more than ${MOST_ATTRIBUTES} attributes`)
  const wanted = attributes.flatMap(({ tag, value }) => {
    if (tag !== DER.sequence) throw malformed('one of its attributes is malformed')
    const [type, values] = parts(value, [DER.oid, DER.set])
    return EXTENSION_REQUESTS.includes(dotted(type)) ? [values] : []
  })
  if (wanted.length > 1) throw malformed('it asks for extensions twice')
  const [values] = wanted
  const extensions = values === undefined ? [] : readTlvs(unwrap(values, DER.sequence)).map(extensionOf)
  if (extensions.length > MOST_EXTENSIONS) throw malformed(`it asks for more than ${MOST_EXTENSIONS} extensions`)
  const ids = new Set(extensions.map(({ id }) => id))
  if (ids.size < extensions.length) throw malformed('it asks for the same extension twice')
  return extensions
}

/** RFC 5280, 4.1: OID, critical (false by default), value. */
function extensionOf({ tag, value }: Tlv): Extension {
  if (tag !== DER.sequence) throw malformed('one of the extensions is malformed')
  const marked = readTlvs(value).length === 3
  const [id, critical, content] = marked
    ? parts(value, [DER.oid, DER.boolean, DER.octetString])
    : withoutMark(parts(value, [DER.oid, DER.octetString]))
  if (marked && hex(critical) !== 'ff')
    throw malformed('one of the extensions is marked in a way that DER does not know')
  return { id: dotted(id), critical: marked, value: content }
}

const withoutMark = ([id, content]: readonly [Uint8Array, Uint8Array]): [Uint8Array, Uint8Array, Uint8Array] => [
  id,
  new Uint8Array(0),
  content,
]
