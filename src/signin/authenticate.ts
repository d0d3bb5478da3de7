// The two sign-in methods: the certificate in TLS, or a signed challenge.
import type { Agent } from 'node:https'
import * as v from 'valibot'
import { utf8 } from '../bytes.ts'
import { clock } from '../dates.ts'
import type { CardAlgorithm } from '../piv/algorithms.ts'
import type { Card } from '../piv/host/card.ts'
import type { CardCertificate } from '../piv/host/certificates.ts'
import type { AskPin } from '../piv/host/pin-request.ts'
import type { Slot } from '../piv/slots.ts'
import { moment } from './answers.ts'
import { challengeSchema, checkChallenge, compact, jwsOf, signingInput } from './challenge.ts'
import type { Method } from './methods.ts'
import { anonymous } from './pinned-agent.ts'
import type { Service, Way } from './service.ts'

export interface Entrance {
  readonly service: Service
  readonly address: string
  readonly card: Card
  readonly slot: Slot
  readonly certificate: CardCertificate
  readonly onPin: AskPin
  readonly minTriesLeft: number
  readonly signal: AbortSignal
}

export interface Entered {
  readonly way: Way
  readonly user: string
  readonly address: string
  readonly expires: Date
}

/** Most certificates sent with a challenge: the leaf and its issuers. */
const MOST_CERTIFICATES = 4

const word = (most: number) => v.pipe(v.string(), v.regex(/^[^\p{C}]+$/u), v.maxLength(most))
const members = {
  user: word(256),
  address: word(320),
  expires: moment,
}
const sessionSchema = v.object(members)
/** A bearer token, RFC 6750, 2.1. */
const tokenSchema = v.object({ ...members, session: v.pipe(v.string(), v.regex(/^[A-Za-z0-9._~+/-]{16,4096}=*$/)) })

/** @throws SignInError ERR_SERVICE_ANSWER for a session that is over */
function assertOpen(service: Service, { expires }: Entered): void {
  const now = new Date()
  if (expires > now) return
  throw service.answer(`its session ended at ${clock(expires)}, and by the clock of this machine it is ${clock(now)}`)
}

const entered = ({ user, address, expires }: v.InferOutput<typeof sessionSchema>, way: Way): Entered => ({
  ...{ user, address, way },
  expires: new Date(expires),
})

/** @throws as `Service.ask` and `Card.sign`; an error of the card replaces the TLS error that it caused */
export async function signInBy(method: Method, entrance: Entrance): Promise<Entered> {
  const found = await ENTER[method](entrance)
  try {
    assertOpen(entrance.service, found)
    return found
  } catch (error) {
    found.way.agent.destroy()
    throw error
  }
}

const ENTER: Readonly<Record<Method, (entrance: Entrance) => Promise<Entered>>> = {
  async certificate({ service, card, slot, certificate, onPin, minTriesLeft, signal }) {
    // Loaded only here, since it starts worker threads.
    const { cardAgent } = await import('../tls/agent.ts')
    // The default, but NODE_TLS_REJECT_UNAUTHORIZED could turn it off.
    const trust = { rejectUnauthorized: true, ...(service.ca && { ca: service.ca }) }
    const agent = await cardAgent(card, slot, {
      onPin,
      minTriesLeft,
      chain: certificate.chain ?? [],
      minVersion: 'TLSv1.2',
      ...trust,
    })
    const way = { agent, headers: {} }
    try {
      return entered(await service.ask(way, { method: 'GET', path: '/session', signal }, sessionSchema), way)
    } catch (error) {
      agent.destroy()
      throw error
    }
  },

  async challenge(entrance) {
    const { service, card, slot, onPin, minTriesLeft, signal } = entrance
    const { agent, seen, settle } = anonymous(service.ca)
    try {
      const { algorithm } = await card.keyInfo(slot)
      let input = ''
      // Requested after the PIN was entered, since it is valid for only a minute.
      async function* message() {
        input = await challengeOf(entrance, { agent, seen, algorithm })
        yield utf8(input)
      }
      const { hash } = jwsOf(algorithm)
      const signature = await card.sign(slot, message(), { hash, format: 'raw', pin: onPin, minTriesLeft, signal })
      const body = JSON.stringify({ token: compact(input, signature) })
      const call = { method: 'POST', path: '/session', body, signal }
      const answer = await service.ask({ agent, headers: {} }, call, tokenSchema)
      settle()
      return entered(answer, { agent, headers: { Authorization: `Bearer ${answer.session}` } })
    } catch (error) {
      agent.destroy()
      throw error
    }
  },
}

interface Asking {
  readonly agent: Agent
  readonly seen: () => Uint8Array | undefined
  readonly algorithm: CardAlgorithm
}

/** The octets to sign for a challenge. */
async function challengeOf(
  { service, address, certificate: { certificate, chain = [] }, signal }: Entrance,
  { agent, seen, algorithm }: Asking,
): Promise<string> {
  const call = { method: 'POST', path: '/challenge', body: JSON.stringify({ address }), signal }
  const challenge = await service.ask({ agent, headers: {} }, call, challengeSchema)
  checkChallenge(challenge, service)
  const channel = seen()
  if (channel === undefined) throw service.answer('the connection shows no certificate')
  const certificates = [certificate, ...chain].slice(0, MOST_CERTIFICATES)
  return signingInput({ challenge, address, algorithm, certificates, channel })
}
