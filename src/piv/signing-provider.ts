/**
 * A key that is only there to sign, for a library that speaks WebCrypto: its private half signs by a function, and all
 * else is Node's own. Nothing global is set.
 */
import { webcrypto } from 'node:crypto'
import { ALGORITHMS, type Algorithm, HASHES, type Hash, parseHash } from './algorithms.ts'

/** How a message is to be signed. `padding` is of RSA; a PSS salt is as long as the hash. */
export interface SigningParameters {
  readonly hash: Hash
  readonly padding: 'pkcs1' | 'pss'
}

export interface SigningKey {
  readonly algorithm: Algorithm
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array
  /** Signs the octets of a message: r || s for ECDSA, as WebCrypto has it. */
  sign(message: Uint8Array, parameters: SigningParameters): Promise<Uint8Array>
}

export interface SigningProvider {
  /** The last argument of what makes certificates and requests. */
  readonly crypto: webcrypto.Crypto
  readonly keys: webcrypto.CryptoKeyPair
}

/** The library that makes certificates and requests. It is large, so only who needs it pays for it. */
export async function x509(): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata') // what it wants to find
  return import('@peculiar/x509')
}

/** An algorithm as WebCrypto names it, with all that may belong to it: one object then says it of key and signature. */
interface Named {
  readonly name: string
  readonly hash: { readonly name: Hash }
  readonly namedCurve: string
  readonly saltLength: number
}

function named(algorithm: Algorithm, { hash, padding }: SigningParameters): Named {
  const rsa = padding === 'pss' ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5'
  const name = ALGORITHMS[algorithm].kind === 'ec' ? 'ECDSA' : rsa
  return { name, hash: { name: hash }, namedCurve: algorithm, saltLength: HASHES[hash] }
}

/** What is asked for with a signature. @throws UsageError ERR_ALGORITHM for a hash that is not known here */
function parametersOf(asked: object): SigningParameters {
  const hash = 'hash' in asked ? asked.hash : undefined
  const name = typeof hash === 'object' && hash !== null && 'name' in hash ? hash.name : hash
  return { hash: parseHash(String(name)), padding: 'name' in asked && asked.name === 'RSA-PSS' ? 'pss' : 'pkcs1' }
}

/** `real`, but for `changes`. Its functions want to be called on itself. */
function but<T extends object>(real: T, changes: Partial<T>): T {
  const get = (_: T, name: PropertyKey): unknown => {
    if (name in changes) return Reflect.get(changes, name)
    const value: unknown = Reflect.get(real, name)
    return typeof value === 'function' ? value.bind(real) : value
  }
  return new Proxy(real, { get })
}

/** The provider of one key, and its two halves as that provider knows them. */
export async function signingProvider(
  key: SigningKey,
  parameters: SigningParameters = { hash: 'SHA-256', padding: 'pkcs1' },
): Promise<SigningProvider> {
  const algorithm = named(key.algorithm, parameters)
  const { subtle } = webcrypto
  const publicKey = await subtle.importKey('spki', key.spki, algorithm, true, ['verify'])
  const privateKey: webcrypto.CryptoKey = { type: 'private', algorithm, extractable: false, usages: ['sign'] }
  const sign: typeof subtle.sign = async (asked, by, data) => {
    if (by !== privateKey) return subtle.sign(asked, by, data)
    const view = ArrayBuffer.isView(data)
      ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
      : Buffer.from(data)
    const signature = await key.sign(Uint8Array.from(view), parametersOf(Object(asked)))
    return Uint8Array.from(signature).buffer
  }
  return { crypto: but(webcrypto, { subtle: but(subtle, { sign }) }), keys: { publicKey, privateKey } }
}
