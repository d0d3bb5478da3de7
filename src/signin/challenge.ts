/**
 * Signing in by a signed challenge, for services without TLS client certificates. The card signs a JWS (RFC 7515) over the
 * service's nonce and origin, the address, the time, and the service's certificate on this connection
 * (tls-server-end-point, RFC 5929, 4.1). So it works once, at that service, and is useless to a man in the middle.
 */
import * as v from 'valibot'
import { sha256 } from '../bytes.ts'
import { clock } from '../dates.ts'
import { CARD_ALGORITHMS, type CardAlgorithm, type Hash } from '../piv/algorithms.ts'
import { moment } from './answers.ts'
import type { Service } from './service.ts'

const base64url = (octets: number) => v.regex(new RegExp(`^[A-Za-z0-9_-]{${Math.ceil((octets * 4) / 3)}}$`))
const NONCE = 32
/** Longest validity of a challenge, and most difference between the clocks, in milliseconds. */
const LONGEST = 60_000
const SKEW = 5 * 60_000

export const challengeSchema = v.object({
  nonce: v.pipe(v.string(), base64url(NONCE)),
  audience: v.pipe(v.string(), v.maxLength(2048)),
  expires: moment,
})
export type Challenge = v.InferOutput<typeof challengeSchema>

/**
 * The challenge must name the service that sent it: a man in the middle would relay another's.
 * @throws SignInError ERR_SERVICE_ANSWER
 */
export function checkChallenge({ audience, expires }: Challenge, service: Service, now = Date.now()): void {
  if (audience !== service.origin) {
    const shown = audience.replaceAll(/\p{C}/gu, '?').slice(0, 200)
    throw service.answer(`it wants a signature for ${shown} and is ${service.origin}. Nothing was signed`)
  }
  const left = Date.parse(expires) - now
  if (!(left > -SKEW && left <= LONGEST + SKEW))
    throw service.answer(
      `its challenge ends at ${clock(new Date(expires))}, and by the clock of this machine it is ${clock(new Date(now))}`,
    )
}

/** Algorithms of RFC 7518, 3.1, and the card's options for each. */
const JWS = {
  'P-256': { alg: 'ES256', hash: 'SHA-256' },
  'P-384': { alg: 'ES384', hash: 'SHA-384' },
  rsa: { alg: 'RS256', hash: 'SHA-256' },
} as const satisfies Record<string, { readonly alg: string; readonly hash: Hash }>

export const jwsOf = (algorithm: CardAlgorithm): (typeof JWS)[keyof typeof JWS] =>
  JWS[CARD_ALGORITHMS[algorithm].kind === 'rsa' ? 'rsa' : (algorithm as 'P-256' | 'P-384')]

export interface Claims {
  readonly challenge: Challenge
  readonly address: string
  readonly algorithm: CardAlgorithm
  /** DER, the certificate and its issuers. */
  readonly certificates: readonly Uint8Array[]
  /** The service's certificate (DER) on the connection. */
  readonly channel: Uint8Array
}

const encode = (part: string | Uint8Array): string => Buffer.from(part).toString('base64url')

/** JWS signing input, RFC 7515, 5.1. */
export function signingInput(
  { challenge, address, algorithm, certificates, channel }: Claims,
  now = Date.now(),
): string {
  const x5c = certificates.map((der) => Buffer.from(der).toString('base64'))
  const header = { alg: jwsOf(algorithm).alg, typ: 'tessera-signin+jwt', x5c }
  const iat = Math.floor(now / 1000)
  const payload = {
    aud: challenge.audience,
    nonce: challenge.nonce,
    sub: address,
    iat,
    exp: iat + LONGEST / 1000,
    channel: { type: 'tls-server-end-point', value: encode(sha256(channel)) },
  }
  return `${encode(JSON.stringify(header))}.${encode(JSON.stringify(payload))}`
}

export const compact = (input: string, signature: Uint8Array): string => `${input}.${encode(signature)}`
