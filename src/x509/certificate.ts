// What stands in a certificate. RFC 5280, 4.1. That it is well-formed beyond that is for OpenSSL to say (node:crypto).
import { hex } from '../bytes.ts'
import { readTlv, readTlvs, TlvError, unwrap } from '../iso7816/tlv.ts'
import { dotted } from './oid.ts'
import { Parts } from './parts.ts'

const TAG = { boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04, oid: 0x06, utc: 0x17, general: 0x18 } as const
const SEQUENCE = 0x30
const VERSION = 0xa0
const EXTENSIONS = 0xa3
/** Extensions are there from version 3 on, which is written as 2. */
const V3 = 2

export interface Extension {
  /** Dotted digits. */
  readonly id: string
  readonly critical: boolean
  /** DER. */
  readonly value: Uint8Array
}

export interface Certificate {
  /** In lower-case hex digits, without a sign. */
  readonly serialNumber: string
  /** Object identifier in dotted digits. */
  readonly signatureAlgorithm: string
  /** Parameters of the signature algorithm in DER, where there are any: PSS names its hash there. */
  readonly signatureParameters: Uint8Array | undefined
  /** Names in DER. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array
  readonly extensions: readonly Extension[]
}

/** @throws TlvError */
export function readCertificate(der: Uint8Array): Certificate {
  const outer = new Parts(unwrap(der, SEQUENCE))
  const parts = new Parts(outer.take(SEQUENCE))
  const outerAlgorithm = readAlgorithm(outer.take(SEQUENCE))
  outer.take(TAG.bits)
  outer.end()
  const version = parts.takeIf(VERSION)
  const serialNumber = hex(parts.take(TAG.integer)).replace(/^(00)+(?=..)/, '')
  const { id: signatureAlgorithm, parameters: signatureParameters } = readAlgorithm(parts.take(SEQUENCE))
  if (signatureAlgorithm !== outerAlgorithm.id) throw new TlvError('it names two signature algorithms')
  const issuer = parts.takeWhole(SEQUENCE)
  const validity = new Parts(parts.take(SEQUENCE))
  const [notBefore, notAfter] = [readTime(validity), readTime(validity)]
  validity.end()
  const subject = parts.takeWhole(SEQUENCE)
  const spki = parts.takeWhole(SEQUENCE)
  parts.takeIf(0x81)
  parts.takeIf(0x82)
  const extensions = readExtensions(parts.takeIf(EXTENSIONS), version)
  parts.end()
  return {
    serialNumber,
    signatureAlgorithm,
    signatureParameters,
    issuer,
    subject,
    notBefore,
    notAfter,
    spki,
    extensions,
  }
}

/** AlgorithmIdentifier, RFC 5280, 4.1.1.2; what its sequence holds. */
export function readAlgorithm(value: Uint8Array): { readonly id: string; readonly parameters: Uint8Array | undefined } {
  const parts = new Parts(value)
  const id = dotted(parts.take(TAG.oid))
  const [parameters, ...more] = parts.rest()
  if (more.length > 0) throw new TlvError('an algorithm has more than one parameter')
  return { id, parameters: parameters?.value }
}

/** RFC 5280, 4.1.2.5: seconds are there, and the zone is Z. */
function readTime(parts: Parts): Date {
  const utc = parts.takeIf(TAG.utc)
  const text = Buffer.from(utc ?? parts.take(TAG.general)).toString('latin1')
  const [, year = '', month, day, hour, minute, second] =
    (utc === undefined ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(
      text,
    ) ?? []
  const full = utc === undefined ? year : `${Number(year) < 50 ? '20' : '19'}${year}`
  const date = new Date(`${full}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(date.getTime())) throw new TlvError('a time is none')
  return date
}

function readExtensions(wrapped: Uint8Array | undefined, version: Uint8Array | undefined): Extension[] {
  if (wrapped === undefined) return []
  const number = version === undefined ? 0 : readTlv(version).value[0]
  if (number !== V3) throw new TlvError('it has extensions, which its version does not have')
  const extensions = readTlvs(unwrap(wrapped, SEQUENCE)).map(({ value }) => readExtension(value))
  if (new Set(extensions.map(({ id }) => id)).size < extensions.length)
    throw new TlvError('an extension is there twice')
  return extensions
}

function readExtension(value: Uint8Array): Extension {
  const parts = new Parts(value)
  const id = dotted(parts.take(TAG.oid))
  const critical = parts.takeIf(TAG.boolean)?.[0] === 0xff
  const content = parts.take(TAG.octets)
  parts.end()
  return { id, critical, value: content }
}
