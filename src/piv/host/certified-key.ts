// The public key in the content of the object of a certificate: what stays where a certificate is renewed with its key.
import { X509Certificate } from 'node:crypto'
import { readCertificate } from '../certificate.ts'

/** SubjectPublicKeyInfo in DER; undefined where the certificate is not understood. */
export function certifiedKey(content: Uint8Array): Uint8Array | undefined {
  try {
    return Uint8Array.from(
      new X509Certificate(readCertificate(content)).publicKey.export({ type: 'spki', format: 'der' }),
    )
  } catch {
    return undefined
  }
}
