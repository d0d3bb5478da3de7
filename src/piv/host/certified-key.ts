// The public key in a certificate object: it stays the same when a certificate is renewed with its key.
import { X509Certificate } from 'node:crypto'
import { readCertificate } from '../certificate.ts'

/** SubjectPublicKeyInfo in DER; undefined where the certificate cannot be parsed. */
export function certifiedKey(content: Uint8Array): Uint8Array | undefined {
  try {
    return Uint8Array.from(
      new X509Certificate(readCertificate(content)).publicKey.export({ type: 'spki', format: 'der' }),
    )
  } catch {
    return undefined
  }
}
