// Protection of PKCS#12 files: keys derived from passphrases, ciphers, and the MAC over everything. RFC 7292,
// appendices B and C; RFC 8018, 6.2 (PBES2); RFC 9579 (PBMAC1). OpenSSL does all but RC2 and RC4, which Node's OpenSSL
// does not have.
import { createDecipheriv, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type Forge from 'node-forge'
import { concat, copyOf, space, wipe } from '../bytes.ts'
import { CardError } from '../errors.ts'
import { DER } from '../iso7816/der.ts'
import { native } from '../native.ts'
import { readAlgorithm } from '../x509/certificate.ts'
import { Parts } from '../x509/parts.ts'
import { EXPORT_AGAIN, type Pkcs12Work } from './pkcs12-work.ts'

/** The kind of key material to derive. RFC 7292, B.3. */
const PURPOSE = { key: 1, iv: 2, mac: 3 } as const

const PBES2 = '1.2.840.113549.1.5.13'
const PBKDF2 = '1.2.840.113549.1.5.12'
const PBMAC1 = '1.2.840.113549.1.5.14'
/** Most octets of a salt, and of a MAC's key. */
const LONGEST_SALT = 1024
const LONGEST_KEY = 64

interface Hash {
  readonly name: string
  readonly octets: number
}
const SHA1: Hash = { name: 'sha1', octets: 20 }

/** Hashes of HMACs, in PBKDF2 (RFC 8018, B.1.2) and in MacData. */
const HASHES: ReadonlyMap<string, Hash> = new Map([
  ['1.2.840.113549.2.7', SHA1],
  ['1.2.840.113549.2.8', { name: 'sha224', octets: 28 }],
  ['1.2.840.113549.2.9', { name: 'sha256', octets: 32 }],
  ['1.2.840.113549.2.10', { name: 'sha384', octets: 48 }],
  ['1.2.840.113549.2.11', { name: 'sha512', octets: 64 }],
  ['1.2.840.113549.2.5', { name: 'md5', octets: 16 }],
  ['1.3.14.3.2.26', SHA1],
  ['2.16.840.1.101.3.4.2.4', { name: 'sha224', octets: 28 }],
  ['2.16.840.1.101.3.4.2.1', { name: 'sha256', octets: 32 }],
  ['2.16.840.1.101.3.4.2.2', { name: 'sha384', octets: 48 }],
  ['2.16.840.1.101.3.4.2.3', { name: 'sha512', octets: 64 }],
])

interface Cipher {
  readonly name: string
  /** Octets of the key. */
  readonly key: number
}

/** Ciphers of PBES2: RFC 8018, B.2; RFC 3657. */
const PBES2_CIPHERS: ReadonlyMap<string, Cipher> = new Map([
  ['2.16.840.1.101.3.4.1.2', { name: 'aes-128-cbc', key: 16 }],
  ['2.16.840.1.101.3.4.1.22', { name: 'aes-192-cbc', key: 24 }],
  ['2.16.840.1.101.3.4.1.42', { name: 'aes-256-cbc', key: 32 }],
  ['1.2.840.113549.3.7', { name: 'des-ede3-cbc', key: 24 }],
  ['1.3.14.3.2.7', { name: 'des-cbc', key: 8 }],
  ['1.2.392.200011.61.1.1.1.2', { name: 'camellia-128-cbc', key: 16 }],
  ['1.2.392.200011.61.1.1.1.3', { name: 'camellia-192-cbc', key: 24 }],
  ['1.2.392.200011.61.1.1.1.4', { name: 'camellia-256-cbc', key: 32 }],
])
/** Ciphers that PKCS#12 defines itself: RFC 7292, appendix C. */
const OWN_CIPHERS: ReadonlyMap<string, Cipher> = new Map([
  ['1.2.840.113549.1.12.1.1', { name: 'rc4', key: 16 }],
  ['1.2.840.113549.1.12.1.2', { name: 'rc4', key: 5 }],
  ['1.2.840.113549.1.12.1.3', { name: 'des-ede3-cbc', key: 24 }],
  ['1.2.840.113549.1.12.1.4', { name: 'des-ede-cbc', key: 16 }],
  ['1.2.840.113549.1.12.1.5', { name: 'rc2', key: 16 }],
  ['1.2.840.113549.1.12.1.6', { name: 'rc2', key: 5 }],
])

/** A passphrase, as octets and in PKCS#12's form. */
export interface Secrets {
  readonly passphrase: Uint8Array
  readonly bmp: Uint8Array
}

export const unknown = (what: string) =>
  new CardError('ERR_DATA', `Tessera does not support something in the PKCS#12 file (${what}). ${EXPORT_AGAIN}`)

function found<T>(table: ReadonlyMap<string, T>, id: string, what: string): T {
  const row = table.get(id)
  if (row === undefined) throw unknown(`${what} ${id}`)
  return row
}

function takeSalt(parts: Parts): Uint8Array {
  const salt = parts.take(DER.octetString)
  if (salt.length > LONGEST_SALT) throw unknown(`a salt of ${salt.length} octets`)
  return salt
}

/** Whether the MAC over `content` is right. `mac`: the content of MacData. @throws TlvError, CardError ERR_DATA */
export async function macIsRight(
  mac: Uint8Array,
  content: Uint8Array,
  secrets: Secrets,
  work: Pkcs12Work,
): Promise<boolean> {
  const parts = new Parts(mac)
  const digestInfo = new Parts(parts.take(DER.sequence))
  const { id, parameters = new Uint8Array(0) } = readAlgorithm(digestInfo.take(DER.sequence))
  const expected = digestInfo.take(DER.octetString)
  const { hash, key } =
    id === PBMAC1 ? await pbmac1Key(parameters, secrets, work) : await ownMacKey(id, parts, secrets, work)
  const mine = hmac(hash.name, key, content)
  return mine.length === expected.length && timingSafeEqual(mine, expected)
}

/** Wipes the key. */
function hmac(hash: string, key: Uint8Array, content: Uint8Array): Uint8Array {
  try {
    return createHmac(hash, key).update(content).digest()
  } finally {
    wipe(key)
  }
}

interface MacKey {
  readonly hash: Hash
  readonly key: Uint8Array
}

async function ownMacKey(id: string, parts: Parts, { bmp }: Secrets, work: Pkcs12Work): Promise<MacKey> {
  const hash = found(HASHES, id, 'MAC')
  const salt = takeSalt(parts)
  const count = work.rounds(parts.takeIf(DER.integer) ?? Uint8Array.of(1), 1)
  return { hash, key: await native().pkcs12Key(hash.name, bmp, salt, PURPOSE.mac, count, hash.octets) }
}

/** RFC 9579, 4: the salt and rounds in MacData have no meaning here. */
async function pbmac1Key(parameters: Uint8Array, { passphrase }: Secrets, work: Pkcs12Work): Promise<MacKey> {
  const parts = new Parts(parameters)
  const derivation = parts.take(DER.sequence)
  const hash = found(HASHES, readAlgorithm(parts.take(DER.sequence)).id, 'MAC')
  return { hash, key: await pbkdf2Key(derivation, passphrase, undefined, work) }
}

/** @param derivation AlgorithmIdentifier of PBKDF2 @param length of the key, if the cipher sets it */
async function pbkdf2Key(
  derivation: Uint8Array,
  passphrase: Uint8Array,
  length: number | undefined,
  work: Pkcs12Work,
): Promise<Uint8Array> {
  const { id, parameters = new Uint8Array(0) } = readAlgorithm(derivation)
  if (id !== PBKDF2) throw unknown(`key derivation ${id}`)
  const parts = new Parts(parameters)
  const salt = takeSalt(parts)
  const wanted = parts.take(DER.integer)
  const said = Number(`0x${Buffer.from(parts.takeIf(DER.integer) ?? []).toString('hex') || '0'}`)
  const octets = length ?? said
  if (octets < 1 || octets > LONGEST_KEY) throw unknown(`a key of ${octets} octets`)
  const prf = parts.takeIf(DER.sequence)
  const hash = prf === undefined ? SHA1 : found(HASHES, readAlgorithm(prf).id, 'hash of the key derivation')
  const count = work.rounds(wanted, Math.ceil(octets / hash.octets))
  return promisify(pbkdf2)(passphrase, salt, count, octets, hash.name)
}

/**
 * Decrypts a part. `algorithm`: the content of its AlgorithmIdentifier.
 * @throws CardError ERR_DATA for an unsupported algorithm, or too much work; an error of OpenSSL for a wrong passphrase
 */
export async function decrypt(
  algorithm: Uint8Array,
  ciphertext: Uint8Array,
  secrets: Secrets,
  work: Pkcs12Work,
): Promise<Uint8Array> {
  const { id, parameters = new Uint8Array(0) } = readAlgorithm(algorithm)
  if (id === PBES2) return decryptPbes2(parameters, ciphertext, secrets, work)
  const cipher = found(OWN_CIPHERS, id, 'cipher')
  const parts = new Parts(parameters)
  const salt = takeSalt(parts)
  const count = work.rounds(parts.take(DER.integer), Math.ceil(cipher.key / SHA1.octets) + 1)
  const derived = (purpose: 1 | 2, length: number) =>
    native().pkcs12Key(SHA1.name, secrets.bmp, salt, purpose, count, length)
  // The IV first: nothing that fails afterwards leaves the key.
  const iv = await derived(PURPOSE.iv, 8)
  const key = await derived(PURPOSE.key, cipher.key)
  return withCipher(cipher.name, key, iv, ciphertext)
}

async function decryptPbes2(
  parameters: Uint8Array,
  ciphertext: Uint8Array,
  { passphrase }: Secrets,
  work: Pkcs12Work,
): Promise<Uint8Array> {
  const parts = new Parts(parameters)
  const derivation = parts.take(DER.sequence)
  const { id, parameters: iv = new Uint8Array(0) } = readAlgorithm(parts.take(DER.sequence))
  const cipher = found(PBES2_CIPHERS, id, 'cipher')
  return withCipher(cipher.name, await pbkdf2Key(derivation, passphrase, cipher.key, work), iv, ciphertext)
}

/**
 * DES goes through OpenSSL's three-key 3DES: one key is repeated three times; of two, the first comes again at the end.
 */
const AS_TRIPLE: ReadonlyMap<string, (key: Uint8Array) => Uint8Array> = new Map([
  ['des-cbc', (key) => concat(key, key, key)],
  ['des-ede-cbc', (key) => concat(key, key.subarray(0, 8))],
])

/** Wipes the key, and the part of the text that comes before a failure. */
async function withCipher(name: string, key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  const triple = AS_TRIPLE.get(name)?.(key)
  try {
    if (name === 'rc2') return rc2((await import('node-forge')).default, key, iv, ciphertext)
    if (name === 'rc4') return rc4(key, ciphertext)
    const decipher = createDecipheriv(triple === undefined ? name : 'des-ede3-cbc', triple ?? key, iv)
    pieces.push(decipher.update(ciphertext))
    pieces.push(decipher.final())
    return concat(...pieces)
  } finally {
    wipe(key, triple, ...pieces)
  }
}

function rc2(forge: typeof Forge, key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const buffer = (octets: Uint8Array) => forge.util.createBuffer(Buffer.from(octets).toString('latin1'))
  const cipher = forge.rc2.createDecryptionCipher(buffer(key), key.length * 8)
  cipher.start(buffer(iv))
  cipher.update(buffer(ciphertext))
  if (!cipher.finish()) throw new Error('padding')
  const plain = cipher.output.getBytes()
  // Not by a Buffer, which would be a part of Node's pool.
  const octets = space(plain.length)
  for (let at = 0; at < plain.length; at += 1) octets[at] = plain.charCodeAt(at)
  return octets
}

/** RFC 6229 has test vectors. With a wrong passphrase the result is not DER. */
function rc4(key: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const state = Uint8Array.from({ length: 256 }, (_, at) => at)
  const at = (index: number): number => state[index & 0xff] ?? 0
  const swap = (left: number, right: number): void => {
    const kept = at(left)
    state[left & 0xff] = at(right)
    state[right & 0xff] = kept
  }
  for (let i = 0, j = 0; i < 256; i += 1) {
    j = (j + at(i) + (key[i % key.length] ?? 0)) & 0xff
    swap(i, j)
  }
  const plain = copyOf(ciphertext)
  for (let n = 0, j = 0; n < plain.length; n += 1) {
    j = (j + at(n + 1)) & 0xff
    swap(n + 1, j)
    plain[n] = (plain[n] ?? 0) ^ at(at(n + 1) + at(j))
  }
  wipe(state)
  return plain
}
