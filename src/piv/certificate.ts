// Certificates in their data objects. SP 800-73-5 part 1, section 3.1.2 and tables 10, 15, 17, 18 and 20 to 39:
// 70 certificate, 71 CertInfo, 72 MSCUID (retired keys only), FE error detection code (always empty).
import { gunzipSync, gzipSync } from 'node:zlib'
import { concat } from '../bytes.ts'
import { readFields, writeFields } from '../iso7816/fields.ts'
import { TlvError, unwrap } from '../iso7816/tlv.ts'

/** Most octets of a certificate, so that a compressed one cannot fill the memory. Containers hold less than 4 kB. */
export const LONGEST_CERTIFICATE = 32 * 1024

const CONTAINER = {
  certificate: { tag: 0x70, length: [1, LONGEST_CERTIFICATE] },
  info: { tag: 0x71, length: 1 },
  mscuid: { tag: 0x72, length: [0, 38], optional: true },
  check: { tag: 0xfe, length: 0 },
} as const

/** CertInfo: plain, compressed with gzip, and what some cards write for the same (OpenSC reads it so). */
const PLAIN = 0x00
const GZIP = 0x01
const GZIP_TOO = 0x80

/** What `info: true` makes of the answer; the declarations do not say. */
type Inflated = { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } }

function inflate(compressed: Uint8Array): Uint8Array {
  const { buffer, engine } = gunzip(compressed)
  if (engine.bytesWritten !== compressed.length) throw new TlvError('there are octets after the compressed certificate')
  return Uint8Array.from(buffer)
}

function gunzip(compressed: Uint8Array): Inflated {
  try {
    return gunzipSync(compressed, { maxOutputLength: LONGEST_CERTIFICATE, info: true }) as unknown as Inflated
  } catch (cause) {
    throw new TlvError('the certificate is not well compressed, or too long', { cause })
  }
}

/**
 * The certificate (DER) in the content of its object. It is one DER SEQUENCE; what is in it is not looked at.
 * @throws TlvError
 */
export function readCertificate(content: Uint8Array): Uint8Array {
  const { certificate, info } = readFields(content, CONTAINER)
  const [flag] = info
  if (flag !== PLAIN && flag !== GZIP && flag !== GZIP_TOO) throw new TlvError('the certificate info is not known')
  const der = flag === PLAIN ? certificate.slice() : inflate(certificate)
  unwrap(der, 0x30)
  return der
}

/**
 * The content of the object of a certificate (DER).
 * @throws TlvError for what is no DER SEQUENCE, or one of more than 32 kB
 */
export function writeCertificate(der: Uint8Array, { gzip = false }: { readonly gzip?: boolean } = {}): Uint8Array {
  unwrap(der, 0x30)
  if (der.length > LONGEST_CERTIFICATE) throw new TlvError('the certificate is too long')
  const certificate = gzip ? Uint8Array.from(gzipSync(der, { level: 9 })) : der
  const check = new Uint8Array(0)
  return concat(...writeFields({ certificate, info: Uint8Array.of(gzip ? GZIP : PLAIN), check }, CONTAINER))
}
