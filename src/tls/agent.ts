/**
 * TLS client authentication with a card's key, for https.request, fetch and plain connections. OpenSSL signs synchronously
 * and a card does not, so TLS runs in a worker thread, which waits while this thread asks the card.
 */
import { Agent, type AgentOptions } from 'node:https'
import { getDefaultAutoSelectFamily, getDefaultAutoSelectFamilyAttemptTimeout, isIP } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { UsageError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import type { AskPin } from '../piv/host/pin-request.ts'
import type { Secret } from '../piv/pin.ts'
import { type CardFetchInit, fetchOver } from './fetch.ts'
import { fitness, readIdentity } from './identity.ts'
import { CardKey } from './key.ts'
import { WORKER_OPTIONS, type WorkerOptions } from './messages.ts'
import { CardSocket } from './socket.ts'
import { TlsThread } from './thread.ts'

/** Node's options for the server's side of a connection, and for TLS; certificate and key are the card's. */
export type CardConnectOptions = WorkerOptions & { readonly timeout?: number | undefined }

export interface CardAgentOptions extends WorkerOptions, Pick<AgentOptions, (typeof POOLING)[number]> {
  /** The PIN, or a function that is asked for it before a handshake if the key needs it. */
  readonly onPin?: AskPin | Secret
  /** Issuers of the certificate in DER, from its own issuer upwards; unless given, those on the card. */
  readonly chain?: readonly Uint8Array[]
  /** Refuses to try a PIN when fewer tries are left; 2 unless given, which keeps the last one. */
  readonly minTriesLeft?: number
  /** How many ms connecting, the handshake and the card's signature may take together: 30 000 unless given. */
  readonly handshakeTimeout?: number
  /** Shows the certificate even if it has expired or is for another use. */
  readonly allowUnfit?: boolean
}

/** undici's callback; the socket is a CardSocket. */
type Connected = (...result: [error: Error, socket: null] | [error: null, socket: TLSSocket]) => void

/** Where undici wants a connection to. */
export interface ConnectorPlace {
  readonly hostname: string
  readonly port?: string | number
  /** `https:` unless given; others are refused. */
  readonly protocol?: string
  readonly servername?: string | null
}

const POOLING = ['keepAliveMsecs', 'maxSockets', 'maxTotalSockets', 'maxFreeSockets', 'scheduling', 'timeout'] as const
const LONGEST = 30_000
/** Options that distinguish connections and that Node leaves out of its names of them. */
const UNNAMED = ['ALPNProtocols', 'minDHSize', 'allowHalfOpen'] as const

/** Options that the card determines, or that cannot be sent to another thread. */
const REFUSED = {
  cert: 'the certificate is the one on the card',
  key: 'the key is the one on the card',
  pfx: 'certificate and key are those on the card',
  // Without it, Node takes no key from another module of OpenSSL.
  privateKeyIdentifier: 'the key is the one on the card',
  secureContext: 'it has a key of its own: give ca, minVersion and the like instead',
  socket: 'TLS runs in another thread: give host and port',
  checkServerIdentity: 'TLS runs in another thread: look at getPeerCertificate() after secureConnect, before you write',
  lookup: 'TLS runs in another thread: look the name up first, and give host and servername',
} as const

/** Node's own check, which the worker thread does anyway. Some libraries (got) always pass it. */
const { checkServerIdentity } = tls

/** @throws UsageError ERR_USAGE */
function workerOptions(options: object): WorkerOptions {
  for (const [name, why] of Object.entries(REFUSED)) {
    const value: unknown = Reflect.get(options, name)
    if (value == null || value === checkServerIdentity) continue
    throw new UsageError('ERR_USAGE', `A card's agent takes no option '${name}': ${why}.`)
  }
  const given = WORKER_OPTIONS.map((name) => [name, Reflect.get(options, name)] as const)
  return Object.fromEntries(given.filter(([, value]) => value != null))
}

const httpsOnly = (protocol: string) =>
  new UsageError('ERR_USAGE', `A card's agent fetches only https:, not ${protocol}`)

/** The CA certificates of this thread, however they were set. */
const defaults = (): WorkerOptions => ({
  minVersion: tls.DEFAULT_MIN_VERSION,
  maxVersion: tls.DEFAULT_MAX_VERSION,
  ciphers: tls.DEFAULT_CIPHERS,
  ecdhCurve: tls.DEFAULT_ECDH_CURVE,
  autoSelectFamily: getDefaultAutoSelectFamily(),
  autoSelectFamilyAttemptTimeout: getDefaultAutoSelectFamilyAttemptTimeout(),
})

/** @throws UsageError ERR_USAGE */
function checkTime(ms: number): number {
  if (ms > 0 && ms <= LONGEST) return ms
  throw new UsageError('ERR_USAGE', `handshakeTimeout is a number of milliseconds up to ${LONGEST}.`)
}

export class CardAgent extends Agent {
  readonly #key: CardKey
  readonly #thread = new TlsThread()
  readonly #sockets = new Set<CardSocket>()
  readonly #defaults: WorkerOptions
  readonly #handshakeTimeout: number
  readonly #assertUsable: () => void

  /** Use cardAgent. */
  constructor(key: CardKey, options: CardAgentOptions, assertUsable: () => void) {
    const own = workerOptions(options)
    const pooling = POOLING.map((name) => [name, options[name]] as const).filter(([, value]) => value !== undefined)
    super({ keepAlive: true, ...own, ...Object.fromEntries(pooling) } as AgentOptions)
    this.#key = key
    this.#defaults = own
    this.#handshakeTimeout = checkTime(options.handshakeTimeout ?? LONGEST)
    this.#assertUsable = assertUsable
  }

  /** Which connections serve a request. Node's own name omits options that are refused here, which must be refused each time. */
  override getName(options: object = {}): string {
    const more = [...UNNAMED, ...Object.keys(REFUSED)].map((name) => Reflect.get(options, name))
    return [super.getName(options), ...more].join(':')
  }

  /** Called by Node's https alone. */
  override createConnection(options: object): CardSocket {
    return this.#open(options as CardConnectOptions)
  }

  /**
   * Like tls.connect, with the card's key; resolves after the handshake.
   * @throws PinError, TlsError, Node's own errors of connections
   */
  connect(options: CardConnectOptions): Promise<CardSocket> {
    return new Promise((resolve, reject) => {
      const socket = this.#open({ ...this.#defaults, ...options })
      socket.once('error', reject)
      socket.once('secureConnect', () => {
        socket.off('error', reject)
        resolve(socket)
      })
    })
  }

  /** Like the global fetch, over connections of this agent. It follows redirects to the same origin only. */
  fetch(url: string | URL, init?: CardFetchInit): Promise<Response> {
    return fetchOver(this, url, init)
  }

  /** For undici and libraries built on its dispatchers: `new Agent({ connect: agent.connector() })`. */
  connector(): (place: ConnectorPlace, connected: Connected) => void {
    return ({ hostname, port, protocol = 'https:', servername }, connected) => {
      if (protocol !== 'https:') return connected(httpsOnly(protocol), null)
      const name = servername ?? (isIP(hostname) ? undefined : hostname)
      const place = { host: hostname, port: Number(port || 443), ...(name && { servername: name }) }
      this.connect({ ...place, ALPNProtocols: ['http/1.1'] }).then(
        (socket) => connected(null, socket as unknown as TLSSocket),
        (error: Error) => connected(error, null),
      )
    }
  }

  /** Closes its connections and ends its thread. The card stays open. */
  override destroy(): void {
    for (const socket of this.#sockets) socket.giveUp()
    super.destroy()
    this.#key.close()
    this.#thread.end()
  }

  #open(options: CardConnectOptions): CardSocket {
    const socket = new CardSocket(this.#thread, this.#key, () => this.#prepared(options), this.#handshakeTimeout)
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    if (options.timeout) socket.setTimeout(options.timeout)
    return socket
  }

  #prepared(options: CardConnectOptions): WorkerOptions {
    this.#assertUsable()
    return { ...defaults(), ...workerOptions(options) }
  }
}

/**
 * An agent whose connections show the certificate in a slot of a card, and prove its key.
 * @throws CardError ERR_KEY_ABSENT, ERR_CERTIFICATE_ABSENT, ERR_CERTIFICATE_KEY, ERR_CERTIFICATE_UNFIT, ERR_NO_PROVIDER;
 *   UsageError ERR_USAGE
 * @example https.get('https://intranet.example/', { agent: await cardAgent(card, '9a', { onPin: ({ reason }) => ask(reason) }) })
 */
export async function cardAgent(card: Card, slot = '9a', options: CardAgentOptions = {}): Promise<CardAgent> {
  workerOptions(options)
  const { info, chain } = await readIdentity(card, slot, options.chain)
  const assertUsable = options.allowUnfit === true ? () => {} : fitness(chain[0], info.slot)
  assertUsable()
  const { onPin, minTriesLeft = 2 } = options
  return new CardAgent(new CardKey(card, info, chain, { onPin, minTriesLeft }), options, assertUsable)
}
