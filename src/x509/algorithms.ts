// How certificates are signed, and with what kind of key they are about. RFC 4055, RFC 5758, RFC 8410.
import { TlvError, unwrap } from '../iso7816/tlv.ts'
import { readAlgorithm } from './certificate.ts'
import { Parts } from './parts.ts'

/** Signature algorithms by their object identifiers: what they are called, and the hash they use. */
const SIGNATURES: Readonly<Record<string, readonly [name: string, hash: string]>> = {
  '1.2.840.113549.1.1.4': ['RSA', 'MD5'],
  '1.2.840.113549.1.1.5': ['RSA', 'SHA-1'],
  '1.2.840.113549.1.1.11': ['RSA', 'SHA-256'],
  '1.2.840.113549.1.1.12': ['RSA', 'SHA-384'],
  '1.2.840.113549.1.1.13': ['RSA', 'SHA-512'],
  '1.2.840.10045.4.1': ['ECDSA', 'SHA-1'],
  '1.2.840.10045.4.3.2': ['ECDSA', 'SHA-256'],
  '1.2.840.10045.4.3.3': ['ECDSA', 'SHA-384'],
  '1.2.840.10045.4.3.4': ['ECDSA', 'SHA-512'],
  '1.3.101.112': ['Ed25519', 'SHA-512'],
}
const PSS = '1.2.840.113549.1.1.10'

const HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'SHA-1',
  '2.16.840.1.101.3.4.2.1': 'SHA-256',
  '2.16.840.1.101.3.4.2.2': 'SHA-384',
  '2.16.840.1.101.3.4.2.3': 'SHA-512',
}
const HASH_OF_PSS = 0xa0
const SEQUENCE = 0x30

/** Hashes whose signatures can be forged. */
export const BROKEN_HASHES: readonly string[] = ['MD5', 'SHA-1']

export interface SignatureFacts {
  /** `RSA`, `RSA-PSS`, `ECDSA`; dotted digits where it has no name here. */
  readonly name: string
  /** undefined where it is not known here. */
  readonly hash: string | undefined
}

/** @param parameters what the algorithm's parameters hold, without tag and length */
export function signatureFacts(id: string, parameters: Uint8Array | undefined): SignatureFacts {
  if (id === PSS) return { name: 'RSA-PSS', hash: pssHash(parameters ?? new Uint8Array(0)) }
  const [name, hash] = SIGNATURES[id] ?? [id, undefined]
  return { name, hash }
}

/** RFC 4055, 3.1: SHA-1 where it does not say. */
function pssHash(parameters: Uint8Array): string | undefined {
  try {
    const found = new Parts(parameters).takeIf(HASH_OF_PSS)
    return found === undefined ? 'SHA-1' : HASHES[readAlgorithm(unwrap(found, SEQUENCE)).id]
  } catch (error) {
    if (error instanceof TlvError) return undefined
    throw error
  }
}
