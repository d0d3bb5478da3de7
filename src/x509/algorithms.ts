// How certificates are signed: one table for reading and writing. RFC 4055, RFC 5758, RFC 8410.
import { DER, element, field } from '../iso7816/der.ts'
import { ifWellFormed, tlv, unwrap } from '../iso7816/tlv.ts'
import type { Hash } from '../piv/algorithms.ts'
import { readAlgorithm } from './certificate.ts'
import { oid } from './oid.ts'
import { Parts } from './parts.ts'

interface Row {
  readonly name: 'RSA' | 'ECDSA' | 'Ed25519' | 'DSA'
  readonly hash: string
}

/** Signature algorithms by their object identifiers. */
const SIGNATURES: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['1.2.840.113549.1.1.2', { name: 'RSA', hash: 'MD2' }],
  ['1.2.840.113549.1.1.4', { name: 'RSA', hash: 'MD5' }],
  ['1.2.840.113549.1.1.5', { name: 'RSA', hash: 'SHA-1' }],
  ['1.3.14.3.2.29', { name: 'RSA', hash: 'SHA-1' }],
  ['1.2.840.113549.1.1.11', { name: 'RSA', hash: 'SHA-256' }],
  ['1.2.840.113549.1.1.12', { name: 'RSA', hash: 'SHA-384' }],
  ['1.2.840.113549.1.1.13', { name: 'RSA', hash: 'SHA-512' }],
  ['1.2.840.10040.4.3', { name: 'DSA', hash: 'SHA-1' }],
  ['1.2.840.10045.4.1', { name: 'ECDSA', hash: 'SHA-1' }],
  ['1.2.840.10045.4.3.2', { name: 'ECDSA', hash: 'SHA-256' }],
  ['1.2.840.10045.4.3.3', { name: 'ECDSA', hash: 'SHA-384' }],
  ['1.2.840.10045.4.3.4', { name: 'ECDSA', hash: 'SHA-512' }],
  ['1.3.101.112', { name: 'Ed25519', hash: 'SHA-512' }],
])
const PSS = '1.2.840.113549.1.1.10'
const MASK = '1.2.840.113549.1.1.8'

const HASHES: Readonly<Record<Hash, readonly [id: string, octets: number]>> = {
  'SHA-256': ['2.16.840.1.101.3.4.2.1', 32],
  'SHA-384': ['2.16.840.1.101.3.4.2.2', 48],
  'SHA-512': ['2.16.840.1.101.3.4.2.3', 64],
}
const HASH_NAMES: ReadonlyMap<string, string> = new Map([
  ['1.3.14.3.2.26', 'SHA-1'],
  ...Object.entries(HASHES).map(([name, [id]]) => [id, name] as const),
])

/** The hash with this object identifier; undefined for an unknown one, and for a broken one. */
export const hashOf = (id: string): Hash | undefined =>
  (Object.keys(HASHES) as Hash[]).find((hash) => HASHES[hash][0] === id)

/** The AlgorithmIdentifier of a hash, without parameters: RFC 5754, 2. */
export const writeHashAlgorithm = (hash: Hash): Uint8Array => element(DER.sequence, oid(HASHES[hash][0]))

/** Hashes whose signatures can be forged. */
export const BROKEN_HASHES: readonly string[] = ['MD2', 'MD5', 'SHA-1']

export interface SignatureFacts {
  /** `RSA`, `RSA-PSS`, `ECDSA`; dotted digits for an unknown algorithm. */
  readonly name: string
  /** Undefined for an unknown algorithm. */
  readonly hash: string | undefined
}

/** @param parameters the content of the algorithm's parameters, without tag and length */
export function signatureFacts(id: string, parameters: Uint8Array | undefined): SignatureFacts {
  if (id === PSS) return { name: 'RSA-PSS', hash: pssHash(parameters ?? new Uint8Array(0)) }
  return SIGNATURES.get(id) ?? { name: id, hash: undefined }
}

/** RFC 4055, 3.1: SHA-1 by default. */
const pssHash = (parameters: Uint8Array): string | undefined =>
  ifWellFormed(() => {
    const found = new Parts(parameters).takeIf(field(0))
    return found === undefined ? 'SHA-1' : HASH_NAMES.get(readAlgorithm(unwrap(found, DER.sequence)).id)
  })

/** How a signature is made. */
export interface SigningAlgorithm {
  readonly hash: Hash
  /** Of RSA; PSS salts are as long as the hash. */
  readonly padding: 'pkcs1' | 'pss'
}

const NULL = tlv(DER.null)

/** The AlgorithmIdentifier of a signature. */
export function writeSignatureAlgorithm(kind: 'rsa' | 'ec', { hash, padding }: SigningAlgorithm): Uint8Array {
  if (kind === 'rsa' && padding === 'pss')
    return element(DER.sequence, oid(PSS), element(DER.sequence, pssParameters(hash)))
  const name = kind === 'rsa' ? 'RSA' : 'ECDSA'
  const [id = ''] = [...SIGNATURES].find(([, row]) => row.name === name && row.hash === hash) ?? []
  return element(DER.sequence, oid(id), ...(kind === 'rsa' ? [NULL] : []))
}

/**
 * The mask uses the same hash, and the salt is as long as the hash. RFC 4055, 2.1: a hash is written with NULL, and may
 * come without it.
 */
export function pssParameters(hash: Hash, none: readonly Uint8Array[] = [NULL]): Uint8Array {
  const [id, octets] = HASHES[hash]
  const algorithm = element(DER.sequence, oid(id), ...none)
  const mask = element(DER.sequence, oid(MASK), algorithm)
  const salt = tlv(DER.integer, Uint8Array.of(octets))
  return Uint8Array.from([...element(field(0), algorithm), ...element(field(1), mask), ...element(field(2), salt)])
}
