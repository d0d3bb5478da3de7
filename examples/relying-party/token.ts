/**
 * The answer to a challenge: a JWS in compact form (RFC 7515), signed by the key of the certificate in its header. What
 * is not exactly of this shape is refused before anything is computed.
 */
import { type KeyObject, verify } from 'node:crypto'
import * as v from 'valibot'
import { Refusal } from './refusals.ts'

export const LONGEST_TOKEN = 24 * 1024

/** The algorithm follows from the key (RFC 7518, 3.1); what the header says can only agree. */
const ALGORITHMS = [
  { alg: 'ES256', hash: 'sha256', fits: (key: KeyObject) => key.asymmetricKeyDetails?.namedCurve === 'prime256v1' },
  { alg: 'ES384', hash: 'sha384', fits: (key: KeyObject) => key.asymmetricKeyDetails?.namedCurve === 'secp384r1' },
  { alg: 'RS256', hash: 'sha256', fits: (key: KeyObject) => key.asymmetricKeyType === 'rsa' },
] as const

const refused = (detail: string): Refusal => new Refusal('bad-signature', { detail })

/** Octets that have one spelling only. */
const canonical = (encoding: 'base64' | 'base64url', longest: number) =>
  v.pipe(
    v.string(),
    v.maxLength(longest),
    v.check((text) => Buffer.from(text, encoding).toString(encoding) === text),
    v.transform((text) => Buffer.from(text, encoding)),
  )

const HeaderSchema = v.strictObject({
  alg: v.picklist(ALGORITHMS.map(({ alg }) => alg)),
  typ: v.literal('tessera-signin+jwt'),
  x5c: v.pipe(v.array(canonical('base64', 11_000)), v.minLength(1), v.maxLength(4)),
})

const seconds = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const ClaimsSchema = v.strictObject({
  aud: v.pipe(v.string(), v.maxLength(300)),
  nonce: v.pipe(v.string(), v.maxLength(64)),
  sub: v.pipe(v.string(), v.maxLength(320)),
  iat: seconds,
  exp: seconds,
  channel: v.strictObject({ type: v.literal('tls-server-end-point'), value: canonical('base64url', 64) }),
})

export type Claims = v.InferOutput<typeof ClaimsSchema>

export interface Token {
  /** DER of the signer's certificate. */
  readonly certificate: Uint8Array
  /** What it says, which counts for nothing before the signature is verified. @throws Refusal bad-signature */
  claims(key: KeyObject): Claims
}

/** @throws Refusal bad-signature */
export function readToken(text: string): Token {
  if (text.length > LONGEST_TOKEN) throw refused('too long')
  const [header = '', payload = '', signature = '', ...more] = text.split('.')
  if (more.length > 0) throw refused('not three parts')
  const { alg, x5c } = read(HeaderSchema, decode(header), 'header')
  const [signed, octets] = [Buffer.from(`${header}.${payload}`), decode(signature)]
  return {
    certificate: x5c[0] ?? new Uint8Array(0),
    claims(key) {
      const known = ALGORITHMS.find(({ fits }) => fits(key))
      if (known?.alg !== alg) throw refused('the algorithm is not that of the key')
      if (!verify(known.hash, signed, { key, dsaEncoding: 'ieee-p1363' }, octets)) throw refused('signature')
      return read(ClaimsSchema, decode(payload), 'claims')
    },
  }
}

function decode(part: string): Buffer {
  const octets = Buffer.from(part, 'base64url')
  if (octets.length === 0 || octets.toString('base64url') !== part) throw refused('not base64url')
  return octets
}

function read<const S extends v.GenericSchema>(schema: S, octets: Uint8Array, what: string): v.InferOutput<S> {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets))
  } catch {
    throw refused(`${what}: no JSON`)
  }
  const result = v.safeParse(schema, json)
  if (!result.success) throw refused(`${what}: not of its shape`)
  return result.output
}
