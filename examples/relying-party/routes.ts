// What the service does: says who is signed in, makes challenges, takes answers to them, signs out.
import * as v from 'valibot'
import type { Challenges } from './challenges.ts'
import type { Connections } from './connections.ts'
import type { Answer, Call, Routes } from './http.ts'
import { Refusal } from './refusals.ts'
import type { Sessions } from './sessions.ts'
import { type Claims, LONGEST_TOKEN, readToken } from './token.ts'
import { type Holder, holderOf, readCertificate, type Trust } from './trust.ts'
import { AddressSchema, plainAddress } from './users.ts'

export interface Parts {
  readonly trust: Trust
  readonly connections: Connections
  readonly challenges: Challenges
  readonly sessions: Sessions
  readonly sessionMs: number
  /** What this service is called, the first unless a call names another one: `https://localhost:8445`. */
  readonly audiences: readonly string[]
  /** Of its own certificate. */
  readonly channel: string
}

const HOW = { certificate: 'certificate', challenge: 'challenge' } as const
/** Clocks differ; how long ago the challenge was made is known here, by its own clock. */
const CLOCKS_DIFFER_S = 120
const LONGEST_TOKEN_LIFE_S = 600

const AskSchema = v.strictObject({ address: AddressSchema })
const TokenSchema = v.strictObject({ token: v.pipe(v.string(), v.maxLength(LONGEST_TOKEN)) })

export const routesOf = (parts: Parts): Routes => ({
  '/': { GET: (call) => session(parts, call) },
  '/session': {
    GET: (call) => session(parts, call),
    POST: (call) => signIn(parts, call),
    DELETE: (call) => signOut(parts, call),
  },
  '/challenge': { POST: (call) => challenge(parts, call) },
})

interface SignedIn {
  readonly holder: Holder
  readonly how: keyof typeof HOW
  readonly expires: Date
}

async function session(parts: Parts, call: Call): Promise<Answer> {
  return welcome(await whoIs(parts, call), call)
}

/** Everything is looked at anew: who was revoked a minute ago is out. @throws Refusal */
async function whoIs({ trust, connections, sessions }: Parts, { bearer, socket }: Call): Promise<SignedIn> {
  const how = bearer === undefined ? HOW.certificate : HOW.challenge
  const { certificate, expires } = bearer === undefined ? connections.certificate(socket) : sessions.find(bearer)
  const holder = await holderOf(certificate, trust)
  return { holder, how, expires: earlier(expires, holder.notAfter) }
}

const earlier = (one: Date, other: Date): Date => (one < other ? one : other)

function welcome({ holder, how, expires }: SignedIn, { socket }: Call, more: Record<string, string> = {}): Answer {
  const { user, address } = holder
  const means = { certificate: 'by certificate', challenge: 'by a signed challenge' }[how]
  const version = socket.getProtocol()?.replace('v', ' ') ?? ''
  return {
    status: 200,
    json: { user: user.user, address, how, expires: expires.toISOString(), ...more },
    page: {
      title: `Signed in as ${user.name}`,
      says: `Signed in as ${user.name} (${address}) ${means}, ${version}.`,
      facts: { User: user.user, Address: address, How: means, Until: expires.toISOString() },
    },
    what: `${user.user} ${means}`,
  }
}

async function challenge({ challenges, audiences }: Parts, call: Call): Promise<Answer> {
  const { address } = parse(AskSchema, await call.json())
  const audience = audiences.find((name) => name === `https://${call.host}`) ?? audiences[0] ?? ''
  const { nonce, expires } = challenges.make(address, audience)
  // Also for who is not known here: nobody learns who is.
  const json = { nonce, audience, expires: expires.toISOString() }
  return { status: 200, json, page: { title: 'A challenge', says: 'To be signed.', facts: json }, what: 'challenge' }
}

async function signIn(parts: Parts, call: Call): Promise<Answer> {
  const { trust, sessions, sessionMs } = parts
  const token = readToken(parse(TokenSchema, await call.json()).token)
  const certificate = readCertificate(token.certificate)
  const holder = await holderOf(certificate, trust)
  checkClaims(token.claims(holder.publicKey), holder, parts)
  const expires = earlier(new Date(trust.now() + sessionMs), holder.notAfter)
  const name = sessions.begin({ certificate, user: holder.user.user, expires })
  return welcome({ holder, how: HOW.challenge, expires }, call, { session: name })
}

/** Signed claims, for this service, this user, this connection, now, and once. @throws Refusal */
function checkClaims({ aud, nonce, sub, iat, exp, channel }: Claims, { address }: Holder, parts: Parts): void {
  if (!parts.audiences.includes(aud)) throw new Refusal('wrong-audience')
  if (channel.value.toString('base64url') !== parts.channel) throw new Refusal('wrong-channel')
  if (plainAddress(sub) !== address) {
    throw new Refusal('unknown-user', { words: `The certificate is that of ${address}, and the answer is not.` })
  }
  const now = parts.trust.now() / 1000
  const sane = exp > iat && exp - iat <= LONGEST_TOKEN_LIFE_S
  if (!sane || now < iat - CLOCKS_DIFFER_S || now >= exp + CLOCKS_DIFFER_S) {
    const words = 'By its times the answer was not made just now. Check the clock of the machine that made it.'
    throw new Refusal('stale-challenge', { words, detail: 'iat and exp' })
  }
  parts.challenges.use(nonce, address, aud)
}

async function signOut({ connections, sessions }: Parts, { bearer, socket }: Call): Promise<Answer> {
  if (bearer === undefined) connections.signOut(socket)
  else sessions.end(bearer)
  return { status: 204, json: {}, page: { title: '', says: '' }, what: 'signed out' }
}

function parse<const S extends v.GenericSchema>(schema: S, json: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, json)
  if (result.success) return result.output
  throw new Refusal('bad-request')
}
