// Key algorithms. Identifiers: SP 800-78-5, table 9.
import { UsageError } from '../errors.ts'

export const ALGORITHMS = {
  'P-256': { id: 0x11, kind: 'ec', octets: 32, curve: 'prime256v1' },
  'P-384': { id: 0x14, kind: 'ec', octets: 48, curve: 'secp384r1' },
  'RSA-2048': { id: 0x07, kind: 'rsa', octets: 256 },
  'RSA-3072': { id: 0x05, kind: 'rsa', octets: 384 },
} as const satisfies Record<string, { id: number; kind: 'ec' | 'rsa'; octets: number; curve?: string }>

export type Algorithm = keyof typeof ALGORITHMS

/**
 * Keys on cards of any maker: of those below nobody makes new ones here. RSA-1024 is broken, and TPMs have no RSA-4096, whose
 * identifier is Yubico's.
 */
export const CARD_ALGORITHMS = {
  ...ALGORITHMS,
  'RSA-1024': { id: 0x06, kind: 'rsa', octets: 128 },
  'RSA-4096': { id: 0x16, kind: 'rsa', octets: 512 },
} as const satisfies Record<string, { id: number; kind: 'ec' | 'rsa'; octets: number; curve?: string }>

/** The algorithm of a key on a card. New keys are of an `Algorithm`: RSA-1024 is broken, and TPMs have no RSA-4096. */
export type CardAlgorithm = keyof typeof CARD_ALGORITHMS

/** Too short to be trusted (SP 800-131A): still used, for what was made with it. */
export const isWeak = (algorithm: string): boolean => algorithm === 'RSA-1024'

export const isOwn = (algorithm: CardAlgorithm): algorithm is Algorithm => algorithm in ALGORITHMS

/** The algorithm of a key on a card with that identifier, if it can be used. */
export function cardAlgorithmById(id: number): CardAlgorithm | undefined {
  return (Object.keys(CARD_ALGORITHMS) as CardAlgorithm[]).find((name) => CARD_ALGORITHMS[name].id === id)
}

/** The key algorithm with that identifier, if new keys may have it. */
export function algorithmById(id: number): Algorithm | undefined {
  return (Object.keys(ALGORITHMS) as Algorithm[]).find((name) => ALGORITHMS[name].id === id)
}

/**
 * Algorithms of the admin key (9B), in ECB mode. Identifiers: SP 800-78-5, table 9; 00 is another name of 03.
 * `key` and `block` in octets, `cipher` as OpenSSL calls it.
 */
export const ADMIN_ALGORITHMS = {
  '3DES': { id: 0x03, key: 24, block: 8, cipher: 'des-ede3-ecb' },
  'AES-128': { id: 0x08, key: 16, block: 16, cipher: 'aes-128-ecb' },
  'AES-192': { id: 0x0a, key: 24, block: 16, cipher: 'aes-192-ecb' },
  'AES-256': { id: 0x0c, key: 32, block: 16, cipher: 'aes-256-ecb' },
} as const satisfies Record<string, { id: number; key: number; block: number; cipher: string }>

export type AdminAlgorithm = keyof typeof ADMIN_ALGORITHMS

/** The admin key's algorithm with that identifier. */
export function adminAlgorithmById(id: number): AdminAlgorithm | undefined {
  if (id === 0x00) return '3DES'
  return (Object.keys(ADMIN_ALGORITHMS) as AdminAlgorithm[]).find((name) => ADMIN_ALGORITHMS[name].id === id)
}

/** Algorithms that other PIV cards support and this one does not, and why. */
const ABSENT: ReadonlyMap<string, string> = new Map([
  ['ed25519', 'The TPMs of today do not have Ed25519 keys.'],
  ['x25519', 'The TPMs of today do not have X25519 keys.'],
  ['rsa-4096', 'The TPMs of today do not have RSA-4096 keys.'],
  ['rsa-1024', 'RSA-1024 is broken.'],
])

/** @throws UsageError ERR_ALGORITHM */
export function parseAlgorithm(text: string): Algorithm {
  const name = text.toLowerCase()
  const found = Object.keys(ALGORITHMS).find((known) => known.toLowerCase() === name)
  if (found === undefined) {
    const why = ABSENT.get(name) ?? `There is no key algorithm '${text.slice(0, 40)}'.`
    throw new UsageError('ERR_ALGORITHM', `${why} Use one of ${Object.keys(ALGORITHMS).join(', ')}.`)
  }
  return found as Algorithm
}

/** Hashes a signature may use, with their length in octets. SHA-1 is refused: it is broken for signatures. */
export const HASHES = { 'SHA-256': 32, 'SHA-384': 48, 'SHA-512': 64 } as const
export type Hash = keyof typeof HASHES
const HASH_NAMES = Object.keys(HASHES) as Hash[]

/** Hashes of OAEP, with their length in octets: for it SHA-1 is not broken (RFC 8017, B.1), and JOSE's RSA-OAEP has no other. */
export const OAEP_HASHES = { 'SHA-1': 20, ...HASHES } as const
export type OaepHash = keyof typeof OAEP_HASHES

/** @throws UsageError ERR_ALGORITHM */
export function parseHash(text: string): Hash {
  const upper = text.toUpperCase()
  const found = HASH_NAMES.find((name) => name === upper)
  if (found !== undefined) return found
  throw new UsageError(
    'ERR_ALGORITHM',
    `The hash '${text.slice(0, 40)}' is not supported. Use one of ${HASH_NAMES.join(', ')}.`,
  )
}
