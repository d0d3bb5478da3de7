// What the thread with the card and the thread with the sockets say to each other. Everything here can be cloned.
import type { TcpNetConnectOpts } from 'node:net'
import type { CipherNameAndProtocol, ConnectionOptions, EphemeralKeyInfo, PeerCertificate } from 'node:tls'

/** So many octets may be under way in one direction of a connection; who sends more waits until some were taken. */
export const WINDOW = 256 * 1024
/** No piece is larger. */
export const PIECE = 64 * 1024
/** What was taken is told when it comes to so much: no sender waits for less. */
export const TELL_AT = WINDOW / 4

/** What of Node's options is the connection's own, and can cross to another thread. */
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

/** What a TLSSocket knows when its handshake is over. */
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

/** An error in parts: a clone of one keeps its words alone. */
export interface ErrorParts {
  readonly message: string
  /** `code`, `errno`, `reason`, …: whatever is plain. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly errors?: readonly ErrorParts[]
}

export type ToSockets =
  | { readonly do: 'connect'; readonly line: number; readonly options: WorkerOptions; readonly key: CardIdentity }
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

/** Whose certificate is shown, and where its key signs. */
export interface CardIdentity {
  /** PEM, the leaf first. */
  readonly cert: string
  readonly privateKeyEngine: string
  readonly privateKeyIdentifier: string
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
