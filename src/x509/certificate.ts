// The parts of a certificate. RFC 5280, 4.1. OpenSSL (node:crypto) decides whether it is one, and accepts much that
// breaks the RFC: such parts are read here as far as possible, and named.
import { hex } from '../bytes.ts'
import { DER, field, octetField } from '../iso7816/der.ts'
import { ifWellFormed, readTlv, TlvError, unwrap } from '../iso7816/tlv.ts'
import { toDer } from './ber.ts'
import { EXTENSIONS, type Extension, readExtensions } from './extensions.ts'
import { Parts } from './parts.ts'
import { NO_TIME, readTime } from './time.ts'

/** Extensions exist from version 3 on, which is written as 2. */
const V3 = 2

export interface Certificate {
  /** In lower-case hex digits, without a sign. */
  readonly serialNumber: string
  /** Object identifier in dotted digits. */
  readonly signatureAlgorithm: string
  /** Parameters of the signature algorithm in DER, if any: PSS names its hash there. */
  readonly signatureParameters: Uint8Array | undefined
  /** Names in DER. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  /** 1970 if the time cannot be parsed, so that the certificate counts as expired. */
  readonly notBefore: Date
  readonly notAfter: Date
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array
  /** One that occurs twice is here once, without a value: it must not count as understood. RFC 5280, 4.2. */
  readonly extensions: readonly Extension[]
  /** Parts that break RFC 5280. */
  readonly oddities: readonly string[]
}

/** @throws TlvError if the parts of a certificate are missing */
export function readCertificate(given: Uint8Array): Certificate {
  const oddities: string[] = []
  const odd = (is: boolean, what: string): void => void (is && oddities.push(what))
  const der = toDer(given)
  odd(der.length !== given.length, 'it is not written in DER')
  const outer = new Parts(unwrap(der, DER.sequence))
  const parts = new Parts(outer.take(DER.sequence))
  const outerAlgorithm = readAlgorithm(outer.take(DER.sequence))
  outer.take(DER.bitString)
  outer.end()
  const version = parts.takeIf(field(0))
  const serialNumber = hex(parts.take(DER.integer)).replace(/^(00)+(?=..)/, '')
  const { id: signatureAlgorithm, parameters: signatureParameters } = readAlgorithm(parts.take(DER.sequence))
  odd(signatureAlgorithm !== outerAlgorithm.id, 'it names two signature algorithms')
  const issuer = parts.takeWhole(DER.sequence)
  const [notBefore, notAfter] = readValidity(parts.take(DER.sequence))
  odd(notBefore === NO_TIME || notAfter === NO_TIME, 'the time from or until which it is valid is not understood')
  const subject = parts.takeWhole(DER.sequence)
  const spki = parts.takeWhole(DER.sequence)
  parts.takeIf(octetField(1))
  parts.takeIf(octetField(2))
  const wrapped = parts.takeIf(field(3))
  odd(wrapped !== undefined && versionOf(version) !== V3, 'it has extensions, which its version does not have')
  odd(parts.rest().length > 0, 'it has more parts than a certificate has')
  const read = wrapped === undefined ? [] : ifWellFormed(() => readExtensions(wrapped))
  odd(read === undefined, 'its extensions are not understood')
  const extensions = withoutDoubles(read ?? [])
  odd(extensions.length < (read ?? []).length, 'an extension is there twice')
  return {
    ...{ serialNumber, signatureAlgorithm, signatureParameters, issuer, subject },
    ...{ notBefore, notAfter, spki, extensions, oddities },
  }
}

/** Neither of two is taken for the right one. */
function withoutDoubles(extensions: readonly Extension[]): Extension[] {
  const found = new Map<string, Extension>()
  for (const one of extensions) found.set(one.id, found.has(one.id) ? { ...one, value: new Uint8Array(0) } : one)
  return [...found.values()]
}

const versionOf = (version: Uint8Array | undefined): number | undefined =>
  version === undefined ? 0 : readTlv(version).value[0]

function readValidity(value: Uint8Array): readonly [Date, Date] {
  const [notBefore, notAfter] = new Parts(value).rest()
  return [readTime(notBefore), readTime(notAfter)]
}

/** The value of an extension. */
export const extensionIn = ({ extensions }: Pick<Certificate, 'extensions'>, name: keyof typeof EXTENSIONS) =>
  extensions.find(({ id }) => id === EXTENSIONS[name])

/** The content of an AlgorithmIdentifier's sequence, RFC 5280, 4.1.1.2. */
export function readAlgorithm(value: Uint8Array): { readonly id: string; readonly parameters: Uint8Array | undefined } {
  const parts = new Parts(value)
  const id = parts.takeOid()
  const [parameters, ...more] = parts.rest()
  if (more.length > 0) throw new TlvError('an algorithm has more than one parameter')
  return { id, parameters: parameters?.value }
}
