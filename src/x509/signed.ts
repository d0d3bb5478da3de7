// The signature over a signed structure: SEQUENCE { content, algorithm, BIT STRING }. RFC 5280, 4.1.1; RFC 2986, 4.2.
import { constants, type KeyObject, verify } from 'node:crypto'
import { DER } from '../iso7816/der.ts'
import { unwrap } from '../iso7816/tlv.ts'
import { BROKEN_HASHES, signatureFacts } from './algorithms.ts'
import { readAlgorithm } from './certificate.ts'
import { Parts } from './parts.ts'

export interface SignedStructure {
  /** The content of the signed SEQUENCE. */
  readonly content: Uint8Array
  /** False also for a hash that is broken, and for an unknown algorithm. */
  isSignedBy(key: KeyObject): boolean
}

/** @throws TlvError */
export function readSigned(der: Uint8Array): SignedStructure {
  const outer = new Parts(unwrap(der, DER.sequence, 'BER'))
  const signed = outer.takeWhole(DER.sequence)
  const algorithm = readAlgorithm(outer.take(DER.sequence))
  const signature = outer.take(DER.bitString).subarray(1)
  outer.end()
  const { name, hash } = signatureFacts(algorithm.id, algorithm.parameters)
  return {
    content: unwrap(signed, DER.sequence, 'BER'),
    isSignedBy(key) {
      const padding = name === 'RSA-PSS' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
      if (hash === undefined || BROKEN_HASHES.includes(hash)) return false
      try {
        return verify(
          hash.replace('-', ''),
          signed,
          key.asymmetricKeyType === 'rsa' ? { key, padding } : key,
          signature,
        )
      } catch {
        return false
      }
    },
  }
}
