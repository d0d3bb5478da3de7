// What the thread with the card and the thread with the sockets say to each other. Everything here can be cloned.
import type { TcpNetConnectOpts } from 'node:net'
import type { CipherNameAndProtocol, ConnectionOptions, EphemeralKeyInfo, PeerCertificate } from 'node:tls'

/** Most octets in transit in one direction of a connection; a sender waits until some are taken. */
export const WINDOW = 256 * 1024
/** Longest piece. */
export const PIECE = 64 * 1024
/** Octets are acknowledged in steps of this size, so that a sender never waits for less. */
export const TELL_AT = WINDOW / 4

/** Those of Node's options that belong to one connection and can be sent to another thread. */
export const WORKER_OPTIONS = [
  'host',
  'port',
  'path',
  'localAddress',
  'localPort',
  'family',
  'hints',
  'autoSelectFamily',
  'autoSelectFamilyAttemptTimeout',
  'keepAlive',
  'keepAliveInitialDelay',
  'noDelay',
  'allowHalfOpen',
  'servername',
  'ca',
  'crl',
  'ciphers',
  'ecdhCurve',
  'sigalgs',
  'minVersion',
  'maxVersion',
  'minDHSize',
  'secureOptions',
  'ALPNProtocols',
  'rejectUnauthorized',
] as const

type Names = (typeof WORKER_OPTIONS)[number]
type Known = ConnectionOptions & Partial<TcpNetConnectOpts> & { allowHalfOpen?: boolean | undefined }
export type WorkerOptions = Readonly<Pick<Known, Extract<Names, keyof Known>>>

export interface Addresses {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly remoteFamily: string | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
}

/** Properties of a TLSSocket after its handshake. */
export interface Facts {
  readonly authorized: boolean
  readonly authorizationError: string | undefined
  readonly protocol: string | null
  readonly cipher: CipherNameAndProtocol
  readonly alpnProtocol: string | false | null
  readonly servername: string | false | null
  readonly ephemeralKey: EphemeralKeyInfo | object | null
  readonly certificate: PeerCertificate | undefined
}

/** An error in parts: cloning one keeps only its message. */
export interface ErrorParts {
  readonly message: string
  /** `code`, `errno`, `reason` and other plain values. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly errors?: readonly ErrorParts[]
}

export type ToSockets =
  | { readonly do: 'connect'; readonly line: number; readonly options: WorkerOptions; readonly identity: CardIdentity }
  | { readonly do: 'data'; readonly line: number; readonly octets: Uint8Array }
  | { readonly do: 'taken'; readonly line: number; readonly count: number }
  | { readonly do: 'end'; readonly line: number }
  | { readonly do: 'destroy'; readonly line: number }
  | { readonly do: 'keepAlive'; readonly line: number; readonly on: boolean; readonly delay: number }
  | { readonly do: 'noDelay'; readonly line: number; readonly on: boolean }
  | {
      readonly do: 'export'
      readonly line: number
      readonly call: number
      readonly length: number
      readonly label: string
      readonly context: Uint8Array | undefined
    }

/** The certificate to show, and its key. */
export interface CardIdentity {
  /** PEM, the leaf first. */
  readonly cert: string
  /** PEM that stands for the key of the card, for one connection. */
  readonly key: string
}

export type FromSockets =
  | { readonly say: 'connected'; readonly line: number; readonly addresses: Addresses }
  | { readonly say: 'secure'; readonly line: number; readonly facts: Facts }
  | { readonly say: 'data'; readonly line: number; readonly octets: Uint8Array }
  | { readonly say: 'taken'; readonly line: number; readonly count: number }
  | { readonly say: 'end'; readonly line: number }
  | { readonly say: 'finished'; readonly line: number }
  | { readonly say: 'error'; readonly line: number; readonly error: ErrorParts }
  | { readonly say: 'closed'; readonly line: number }
  | { readonly say: 'exported'; readonly line: number; readonly call: number; readonly octets: Uint8Array | undefined }
