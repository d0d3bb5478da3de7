// SHA-256 in octets: of certificates, as RFC 5929 and fingerprints want it.
import { createHash } from 'node:crypto'

export const sha256 = (octets: Uint8Array): Uint8Array => Uint8Array.from(createHash('sha256').update(octets).digest())
