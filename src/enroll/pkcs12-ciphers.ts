// What protects the parts of a PKCS#12 file: keys from passphrases, ciphers, the MAC over all. RFC 7292, appendices B and
// C; RFC 8018, 6.2 (PBES2). All by OpenSSL but RC2, which Node's OpenSSL does not have; it hides certificates alone.
import { transcode } from 'node:buffer'
import { createDecipheriv, createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import type Forge from 'node-forge'
import { concat, copyOf, space, wipe } from '../bytes.ts'
import { CardError } from '../errors.ts'
import { readAlgorithm } from '../x509/certificate.ts'
import { Parts } from '../x509/parts.ts'
import { EXPORT_AGAIN, type Pkcs12Work } from './pkcs12-work.ts'

const SEQUENCE = 0x30
const INTEGER = 0x02
const OCTETS = 0x04

/** A round that is made here takes about as long as six of PBKDF2, which OpenSSL makes on another thread. */
const COST = 6
/** After so many of them others have a turn: some milliseconds. */
const TURN = 5000

/** Which key material is derived. RFC 7292, B.3. */
const PURPOSE = { key: 1, iv: 2, mac: 3 } as const

const PBES2 = '1.2.840.113549.1.5.13'
const PBKDF2 = '1.2.840.113549.1.5.12'

/** Hashes of HMACs, in PBKDF2 (RFC 8018, B.1.2) and in MacData. Octets of the hash, and of the block it works on. */
const HASHES: Readonly<Record<string, { readonly name: string; readonly octets: number; readonly block: number }>> = {
  '1.2.840.113549.2.7': { name: 'sha1', octets: 20, block: 64 },
  '1.2.840.113549.2.9': { name: 'sha256', octets: 32, block: 64 },
  '1.2.840.113549.2.10': { name: 'sha384', octets: 48, block: 128 },
  '1.2.840.113549.2.11': { name: 'sha512', octets: 64, block: 128 },
  '1.3.14.3.2.26': { name: 'sha1', octets: 20, block: 64 },
  '2.16.840.1.101.3.4.2.1': { name: 'sha256', octets: 32, block: 64 },
  '2.16.840.1.101.3.4.2.2': { name: 'sha384', octets: 48, block: 128 },
  '2.16.840.1.101.3.4.2.3': { name: 'sha512', octets: 64, block: 128 },
}
const SHA1 = { name: 'sha1', octets: 20, block: 64 } as const

/** Ciphers of PBES2 (RFC 8018, B.2), and those that PKCS#12 has of its own (RFC 7292, appendix C). */
const PBES2_CIPHERS: Readonly<Record<string, readonly [name: string, key: number]>> = {
  '2.16.840.1.101.3.4.1.2': ['aes-128-cbc', 16],
  '2.16.840.1.101.3.4.1.22': ['aes-192-cbc', 24],
  '2.16.840.1.101.3.4.1.42': ['aes-256-cbc', 32],
  '1.2.840.113549.3.7': ['des-ede3-cbc', 24],
}
const OWN_CIPHERS: Readonly<Record<string, readonly [name: string, key: number]>> = {
  '1.2.840.113549.1.12.1.3': ['des-ede3-cbc', 24],
  '1.2.840.113549.1.12.1.4': ['des-ede-cbc', 16],
  '1.2.840.113549.1.12.1.5': ['rc2', 16],
  '1.2.840.113549.1.12.1.6': ['rc2', 5],
}

/** A passphrase, and the same as PKCS#12 takes it. */
export interface Secrets {
  readonly passphrase: Uint8Array
  readonly bmp: Uint8Array
}

export const unknown = (what: string) =>
  new CardError('ERR_DATA', `The PKCS#12 file is made in a way that is not known here (${what}). ${EXPORT_AGAIN}`)

/** The passphrase as PKCS#12 takes it: a BMPString with two zeros at its end. RFC 7292, B.1. No string is made of it. */
export function bmpOf(passphrase: Uint8Array): Uint8Array {
  const text = transcode(passphrase, 'utf8', 'utf16le').swap16()
  const octets = concat(text, new Uint8Array(2))
  wipe(text)
  return octets
}

const repeated = (octets: Uint8Array, block: number): Uint8Array => {
  const length = Math.ceil(octets.length / block) * block
  return octets.length === 0 ? octets : Uint8Array.from({ length }, (_, index) => octets[index % octets.length] ?? 0)
}

/** RFC 7292, B.2. */
async function derive(
  { name, block }: { readonly name: string; readonly block: number },
  bmp: Uint8Array,
  salt: Uint8Array,
  count: number,
  purpose: number,
  length: number,
): Promise<Uint8Array> {
  const i = concat(repeated(salt, block), repeated(bmp, block))
  const parts: Uint8Array[] = []
  for (let have = 0; have < length; ) {
    let a: Uint8Array = createHash(name).update(new Uint8Array(block).fill(purpose)).update(i).digest()
    for (let round = 1; round < count; round += 1) {
      a = createHash(name).update(a).digest()
      if (round % TURN === 0) await setImmediate()
    }
    parts.push(a)
    have += a.length
    addOne(i, repeated(a, block).subarray(0, block), block)
  }
  const key = copyOf(concat(...parts).subarray(0, length))
  wipe(i, ...parts)
  return key
}

/** Each block of `i` becomes that block + b + 1. */
function addOne(i: Uint8Array, b: Uint8Array, block: number): void {
  for (let start = 0; start < i.length; start += block) {
    let carry = 1
    for (let at = block - 1; at >= 0; at -= 1) {
      carry += (i[start + at] ?? 0) + (b[at] ?? 0)
      i[start + at] = carry & 0xff
      carry >>= 8
    }
  }
}

/** Whether the MAC over `content` is right. `mac`: what MacData holds. @throws TlvError, CardError ERR_DATA */
export async function macIsRight(
  mac: Uint8Array,
  content: Uint8Array,
  { bmp }: Pick<Secrets, 'bmp'>,
  work: Pkcs12Work,
): Promise<boolean> {
  const parts = new Parts(mac)
  const digestInfo = new Parts(parts.take(SEQUENCE))
  const { id } = readAlgorithm(digestInfo.take(SEQUENCE))
  const expected = digestInfo.take(OCTETS)
  const salt = parts.take(OCTETS)
  const count = work.rounds(parts.takeIf(INTEGER) ?? Uint8Array.of(1), COST)
  const hash = HASHES[id]
  if (hash === undefined) throw unknown(`MAC ${id}`)
  const key = await derive(hash, bmp, salt, count, PURPOSE.mac, hash.octets)
  const found = createHmac(hash.name, key).update(content).digest()
  wipe(key)
  return found.length === expected.length && timingSafeEqual(found, expected)
}

/**
 * Decrypts a part. `algorithm`: what its AlgorithmIdentifier holds.
 * @throws CardError ERR_DATA for a way that is not known, or too much work; whatever OpenSSL throws for another passphrase
 */
export async function decrypt(
  algorithm: Uint8Array,
  ciphertext: Uint8Array,
  { passphrase, bmp }: Secrets,
  work: Pkcs12Work,
): Promise<Uint8Array> {
  const { id, parameters = new Uint8Array(0) } = readAlgorithm(algorithm)
  if (id === PBES2) return decryptPbes2(parameters, ciphertext, passphrase, work)
  const [name, length] = OWN_CIPHERS[id] ?? []
  if (name === undefined || length === undefined) throw unknown(`cipher ${id}`)
  const parts = new Parts(parameters)
  const salt = parts.take(OCTETS)
  const count = work.rounds(parts.take(INTEGER), (Math.ceil(length / SHA1.octets) + 1) * COST)
  const key = await derive(SHA1, bmp, salt, count, PURPOSE.key, length)
  const iv = await derive(SHA1, bmp, salt, count, PURPOSE.iv, 8)
  return withCipher(name, key, iv, ciphertext)
}

async function decryptPbes2(
  parameters: Uint8Array,
  ciphertext: Uint8Array,
  passphrase: Uint8Array,
  work: Pkcs12Work,
): Promise<Uint8Array> {
  const parts = new Parts(parameters)
  const kdf = readAlgorithm(parts.take(SEQUENCE))
  const cipher = readAlgorithm(parts.take(SEQUENCE))
  if (kdf.id !== PBKDF2) throw unknown(`key derivation ${kdf.id}`)
  const [name, length] = PBES2_CIPHERS[cipher.id] ?? []
  if (name === undefined || length === undefined) throw unknown(`cipher ${cipher.id}`)
  const inner = new Parts(kdf.parameters ?? new Uint8Array(0))
  const salt = inner.take(OCTETS)
  const wanted = inner.take(INTEGER)
  inner.takeIf(INTEGER)
  const prf = inner.takeIf(SEQUENCE)
  const hash = prf === undefined ? SHA1 : HASHES[readAlgorithm(prf).id]
  if (hash === undefined) throw unknown('hash of the key derivation')
  const count = work.rounds(wanted, Math.ceil(length / hash.octets))
  const key = await promisify(pbkdf2)(passphrase, salt, count, length, hash.name)
  return withCipher(name, key, cipher.parameters ?? new Uint8Array(0), ciphertext)
}

async function withCipher(name: string, key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Promise<Uint8Array> {
  try {
    if (name === 'rc2') return rc2((await import('node-forge')).default, key, iv, ciphertext)
    // OpenSSL has two-key 3DES as three keys of which the last is the first.
    const whole = name === 'des-ede-cbc' ? concat(key, key.subarray(0, 8)) : key
    const decipher = createDecipheriv(name === 'des-ede-cbc' ? 'des-ede3-cbc' : name, whole, iv)
    const [first, last] = [decipher.update(ciphertext), decipher.final()]
    const plain = concat(first, last)
    wipe(first, last)
    return plain
  } finally {
    wipe(key)
  }
}

function rc2(forge: typeof Forge, key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const buffer = (octets: Uint8Array) => forge.util.createBuffer(Buffer.from(octets).toString('latin1'))
  const cipher = forge.rc2.createDecryptionCipher(buffer(key), key.length * 8)
  cipher.start(buffer(iv))
  cipher.update(buffer(ciphertext))
  if (!cipher.finish()) throw new Error('padding')
  const plain = Buffer.from(cipher.output.getBytes(), 'latin1')
  const octets = space(plain.length)
  octets.set(plain)
  return octets
}
