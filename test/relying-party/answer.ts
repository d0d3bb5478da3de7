// Answers to challenges, as a client makes them, and as nobody should.
import { createHash, createPrivateKey, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { type Ask, ask, MARIA, type Person, type Reply, type Sample } from './support.ts'

export interface Challenge {
  readonly nonce: string
  readonly audience: string
  readonly expires: string
}

export async function challengeOf(
  sample: Pick<Sample, 'url' | 'pem'>,
  address: string = MARIA.address,
  how: Pick<Ask, 'headers' | 'options'> = {},
): Promise<Challenge> {
  const { json } = await ask(sample, '/challenge', { json: { address }, ...how })
  const { nonce = '', audience = '', expires = '' } = json
  return { nonce, audience, expires }
}

const base64url = (octets: string | Uint8Array): string => Buffer.from(octets).toString('base64url')
export const jws = (header: unknown, payload: unknown): string =>
  [header, payload].map((part) => base64url(typeof part === 'string' ? part : JSON.stringify(part))).join('.')

const ALGORITHMS: Readonly<Record<string, readonly [alg: string, hash: string]>> = {
  prime256v1: ['ES256', 'sha256'],
  secp384r1: ['ES384', 'sha384'],
}
const algorithmOf = (key: KeyObject) => ALGORITHMS[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? ['RS256', 'sha256']

export const derOf = (pem: string): string => new X509Certificate(pem).raw.toString('base64')

/** What is other than it should be. */
export interface Changes {
  readonly header?: Readonly<Record<string, unknown>>
  readonly claims?: Readonly<Record<string, unknown>>
  /** Signs instead of the person's key. */
  readonly signature?: (input: string) => Uint8Array
}

export function tokenOf(
  sample: Pick<Sample, 'pem'>,
  person: Person,
  challenge: Challenge,
  changes: Changes = {},
): string {
  const key = createPrivateKey(person.key)
  const [alg, hash] = algorithmOf(key)
  const now = Math.floor(Date.now() / 1000)
  const channel = base64url(createHash('sha256').update(new X509Certificate(sample.pem).raw).digest())
  const header = { alg, typ: 'tessera-signin+jwt', x5c: [derOf(person.cert)], ...changes.header }
  const claims = {
    aud: challenge.audience,
    nonce: challenge.nonce,
    sub: MARIA.address,
    iat: now,
    exp: now + 60,
    channel: { type: 'tls-server-end-point', value: channel },
    ...changes.claims,
  }
  const input = jws(header, claims)
  const own = (text: string) => sign(hash, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${base64url((changes.signature ?? own)(input))}`
}

export const handIn = (sample: Pick<Sample, 'url' | 'pem'>, token: string): Promise<Reply> =>
  ask(sample, '/session', { json: { token } })

/** Asks for a challenge and answers it. */
export async function answered(sample: Pick<Sample, 'url' | 'pem'>, person: Person, changes?: Changes): Promise<Reply> {
  return handIn(sample, tokenOf(sample, person, await challengeOf(sample), changes))
}
