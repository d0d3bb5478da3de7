/**
 * One small tree of errors. Every error has a stable `code`, says what happened, why, and what to do, and keeps
 * what lies below it (`cause`, and the TPM's `rc` or the card's `sw`). Secrets never become part of an error.
 */
import { isNativeError } from 'node:util/types'

/** Which class of error each code belongs to, and the numbers a search engine knows it by. */
interface CodeFacts {
  readonly kind: 'pin' | 'tpm' | 'card' | 'file' | 'usage' | 'pcsc' | 'ca' | 'tls' | 'signin'
  /** ISO 7816-4 status word that says the same at the card edge. */
  readonly sw?: number
  /** PKCS#11 return value that says the same. */
  readonly ckr?: string
}

export const ERROR_CODES = {
  ERR_PIN_WRONG: { kind: 'pin', sw: 0x63c0, ckr: 'CKR_PIN_INCORRECT' },
  ERR_PIN_BLOCKED: { kind: 'pin', sw: 0x6983, ckr: 'CKR_PIN_LOCKED' },
  ERR_PIN_FORMAT: { kind: 'pin', sw: 0x6a80, ckr: 'CKR_PIN_LEN_RANGE' },
  ERR_PIN_REQUIRED: { kind: 'pin', sw: 0x6982, ckr: 'CKR_USER_NOT_LOGGED_IN' },
  ERR_PIN_CHANGE_REQUIRED: { kind: 'pin', sw: 0x6985, ckr: 'CKR_PIN_EXPIRED' },
  ERR_PIN_LAST_TRY: { kind: 'pin' },
  ERR_PUK_WRONG: { kind: 'pin', sw: 0x63c0, ckr: 'CKR_PIN_INCORRECT' },
  ERR_PUK_BLOCKED: { kind: 'pin', sw: 0x6983, ckr: 'CKR_PIN_LOCKED' },
  ERR_PUK_FORMAT: { kind: 'pin', sw: 0x6a80, ckr: 'CKR_PIN_LEN_RANGE' },
  ERR_PUK_ABSENT: { kind: 'pin', sw: 0x6983 },
  ERR_ADMIN_REQUIRED: { kind: 'pin', sw: 0x6982, ckr: 'CKR_USER_NOT_LOGGED_IN' },
  ERR_ADMIN_WRONG: { kind: 'pin', sw: 0x6982, ckr: 'CKR_PIN_INCORRECT' },
  ERR_HELP_DESK_REFUSED: { kind: 'pin', sw: 0x6982 },
  ERR_HELP_DESK_ABSENT: { kind: 'pin' },

  ERR_CARD_NOT_FOUND: { kind: 'card', ckr: 'CKR_TOKEN_NOT_PRESENT' },
  ERR_CARD_AMBIGUOUS: { kind: 'usage' },
  ERR_CARD_EXISTS: { kind: 'card' },
  ERR_CARD_DEAD: { kind: 'card' },
  ERR_CARD_OTHER_TPM: { kind: 'card' },
  ERR_CARD_CLOSED: { kind: 'card', ckr: 'CKR_DEVICE_REMOVED' },
  ERR_CARD_REFUSED: { kind: 'card' },
  ERR_CARD_IDENTITY: { kind: 'card' },
  ERR_KEY_ABSENT: { kind: 'card', sw: 0x6a88, ckr: 'CKR_KEY_HANDLE_INVALID' },
  ERR_KEY_DAMAGED: { kind: 'card' },
  ERR_OBJECT_ABSENT: { kind: 'card', sw: 0x6a82, ckr: 'CKR_OBJECT_HANDLE_INVALID' },
  ERR_NOT_SUPPORTED: { kind: 'card', sw: 0x6a81, ckr: 'CKR_MECHANISM_INVALID' },
  ERR_DATA: { kind: 'card', sw: 0x6a80, ckr: 'CKR_DATA_INVALID' },
  ERR_CERTIFICATE_ABSENT: { kind: 'card', sw: 0x6a82, ckr: 'CKR_OBJECT_HANDLE_INVALID' },
  ERR_CERTIFICATE_KEY: { kind: 'card' },
  ERR_CERTIFICATE_UNFIT: { kind: 'card' },
  ERR_NO_PROVIDER: { kind: 'card' },
  ERR_KEY_BUSY: { kind: 'card' },

  ERR_CARD_BUSY: { kind: 'file' },
  ERR_CARD_FILE: { kind: 'file' },
  ERR_CARD_FILE_NEWER: { kind: 'file' },
  ERR_CARD_READ_ONLY: { kind: 'file', ckr: 'CKR_TOKEN_WRITE_PROTECTED' },
  ERR_DISK_FULL: { kind: 'file' },
  ERR_IO: { kind: 'file' },

  ERR_USAGE: { kind: 'usage' },
  ERR_CARD_NAME: { kind: 'usage' },
  ERR_SLOT: { kind: 'usage', sw: 0x6a86 },
  ERR_ALGORITHM: { kind: 'usage', sw: 0x6a80 },
  ERR_SERVE_PORT: { kind: 'usage' },

  ERR_TCTI: { kind: 'tpm' },
  ERR_TPM_ABSENT: { kind: 'tpm' },
  ERR_TPM_LIBRARY: { kind: 'tpm' },
  ERR_TPM_PERMISSION: { kind: 'tpm' },
  ERR_TPM_BUSY: { kind: 'tpm' },
  ERR_TPM_GONE: { kind: 'tpm' },
  ERR_TPM_TIMEOUT: { kind: 'tpm' },
  ERR_TPM_ANSWER: { kind: 'tpm' },
  ERR_TPM_STATE: { kind: 'tpm' },
  ERR_TPM_STATE_ABSENT: { kind: 'tpm' },
  ERR_TPM_NO_PIN_INDEX: { kind: 'tpm' },
  ERR_TPM_SRK: { kind: 'tpm' },
  ERR_TPM_OWNER_AUTH: { kind: 'tpm' },
  ERR_TPM_LOCKOUT: { kind: 'tpm' },
  ERR_TPM_NV_FULL: { kind: 'tpm' },
  ERR_TPM_MEMORY: { kind: 'tpm' },
  ERR_TPM_FAILURE: { kind: 'tpm' },
  ERR_TPM_TAMPERED: { kind: 'tpm' },
  ERR_TPM: { kind: 'tpm' },

  ERR_PCSC_UNAVAILABLE: { kind: 'pcsc' },
  ERR_READER_NOT_FOUND: { kind: 'pcsc', ckr: 'CKR_SLOT_ID_INVALID' },
  ERR_READER_BUSY: { kind: 'pcsc' },
  ERR_CARD_REMOVED: { kind: 'pcsc', ckr: 'CKR_DEVICE_REMOVED' },
  ERR_CARD_RESET: { kind: 'pcsc', ckr: 'CKR_SESSION_HANDLE_INVALID' },
  ERR_PCSC: { kind: 'pcsc', ckr: 'CKR_DEVICE_ERROR' },
  ERR_SERVE_PEER: { kind: 'pcsc' },

  ERR_CA_REFUSED: { kind: 'ca' },
  ERR_CA_LOGIN: { kind: 'ca' },
  ERR_CA_UNTRUSTED: { kind: 'ca' },
  ERR_CA_UNAVAILABLE: { kind: 'ca' },
  ERR_CA_ANSWER: { kind: 'ca' },
  ERR_CA_ANSWER_LOST: { kind: 'ca' },
  ERR_CA_CERTIFICATE: { kind: 'ca' },

  ERR_TLS_HANDSHAKE: { kind: 'tls' },
  ERR_TLS_REFUSED: { kind: 'tls' },
  ERR_TLS_TIMEOUT: { kind: 'tls' },
  ERR_TLS_CLOSED: { kind: 'tls' },

  ERR_ACCOUNT_UNKNOWN: { kind: 'signin' },
  ERR_SIGNED_IN: { kind: 'signin' },
  ERR_SIGNED_OUT: { kind: 'signin' },
  ERR_SIGN_IN_REFUSED: { kind: 'signin' },
  ERR_SERVICE_UNTRUSTED: { kind: 'signin' },
  ERR_SERVICE_UNAVAILABLE: { kind: 'signin' },
  ERR_SERVICE_ANSWER: { kind: 'signin' },
} as const satisfies Record<string, CodeFacts>

export type ErrorCode = keyof typeof ERROR_CODES
type CodesOf<Kind extends CodeFacts['kind']> = {
  [Code in ErrorCode]: (typeof ERROR_CODES)[Code]['kind'] extends Kind ? Code : never
}[ErrorCode]

export class CardError<Code extends ErrorCode = ErrorCode> extends Error {
  override name = 'CardError'
  readonly code: Code
  /** The ISO 7816-4 status word of this error, if it has one. */
  readonly sw: number | undefined

  constructor(code: Code, message: string, options?: { readonly cause?: unknown; readonly sw?: number }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.sw = options?.sw ?? (ERROR_CODES[code] as CodeFacts).sw
  }

  /** PKCS#11 return value that says the same, for readers who know that interface. */
  get ckr(): string | undefined {
    return (ERROR_CODES[this.code] as CodeFacts).ckr
  }
}

/** About a PIN, a PUK or a help-desk response. `triesLeft` is set if it is known. */
export class PinError extends CardError<CodesOf<'pin'>> {
  override name = 'PinError'
  readonly triesLeft: number | undefined

  constructor(
    code: CodesOf<'pin'>,
    message: string,
    options?: { readonly cause?: unknown; readonly triesLeft?: number },
  ) {
    const wrong = code === 'ERR_PIN_WRONG' || code === 'ERR_PUK_WRONG'
    super(code, message, {
      cause: options?.cause,
      ...(wrong && options?.triesLeft !== undefined ? { sw: 0x63c0 | Math.min(options.triesLeft, 15) } : {}),
    })
    this.triesLeft = options?.triesLeft
  }
}

/** The origin of a TPM error. None of it is secret. */
export interface TpmErrorDetails {
  readonly cause?: unknown
  /** Who spoke: the TPM, the transport, the session layer, a library, the embedded TPM's state. */
  readonly layer?: string
  /** TSS or TPM response code. */
  readonly rc?: number
  /** Its name without TPM_RC_: `BAD_AUTH`. */
  readonly response?: string
  /** What it is about: `handle 1`, `parameter 2`, `session 1`. */
  readonly position?: string
  /** The TPM command that got it, without TPM2_. */
  readonly command?: string
}

/** About the TPM or the way to it. */
export class TpmError extends CardError<CodesOf<'tpm'>> {
  override name = 'TpmError'
  readonly layer: string | undefined
  readonly rc: number | undefined
  readonly response: string | undefined
  readonly position: string | undefined
  readonly command: string | undefined

  constructor(code: CodesOf<'tpm'>, message: string, details: TpmErrorDetails = {}) {
    super(code, message, details)
    this.layer = details.layer
    this.rc = details.rc
    this.response = details.response
    this.position = details.position
    this.command = details.command
  }
}

/** About a reader, the card in it, or the way to it. */
export class PcscError extends CardError<CodesOf<'pcsc'>> {
  override name = 'PcscError'
  /** Return code of PC/SC. */
  readonly rc: number | undefined
  readonly reader: string | undefined
  /** Programs that may be using the card, if that can be found out: `scdaemon (1234)`. */
  readonly holders: readonly string[]

  constructor(
    code: CodesOf<'pcsc'>,
    message: string,
    details: {
      readonly cause?: unknown
      readonly rc?: number
      readonly reader?: string | undefined
      readonly holders?: readonly string[]
    } = {},
  ) {
    super(code, message, details)
    this.rc = details.rc
    this.reader = details.reader
    this.holders = details.holders ?? []
  }
}

/** About a certificate authority, the way to it, or what it answered. */
export class CaError extends CardError<CodesOf<'ca'>> {
  override name = 'CaError'
  /** The CA's own words, if it gave any: short, without control characters. */
  readonly words: string | undefined
  /** Status of its HTTP answer. */
  readonly status: number | undefined
  /** What went wrong with its answer, without what to do about it: `the connection broke off`. */
  readonly fact: string | undefined

  constructor(
    code: CodesOf<'ca'>,
    message: string,
    details: {
      readonly cause?: unknown
      readonly words?: string
      readonly status?: number
      readonly fact?: string
    } = {},
  ) {
    super(code, message, details)
    this.fact = details.fact
    this.words = details.words
    this.status = details.status
  }
}

/** About a TLS connection with a card's key. `cause` is the error of the card, or Node's error of the connection. */
export class TlsError extends CardError<CodesOf<'tls'>> {
  override name = 'TlsError'
}

/** About signing in to a service, the service itself, or a remembered account. */
export class SignInError extends CardError<CodesOf<'signin'>> {
  override name = 'SignInError'
  /** Why the service refused, in its own short word: `revoked`, `unknown-user`. docs/relying-party.md has them. */
  readonly reason: string | undefined
  /** Status of its HTTP answer. */
  readonly status: number | undefined

  constructor(
    code: CodesOf<'signin'>,
    message: string,
    details: { readonly cause?: unknown; readonly reason?: string; readonly status?: number } = {},
  ) {
    super(code, message, details)
    this.reason = details.reason
    this.status = details.status
  }
}

/** About a file of ours. */
export class FileError extends CardError<CodesOf<'file'>> {
  override name = 'FileError'
  readonly path: string | undefined

  constructor(code: CodesOf<'file'>, message: string, options?: { readonly cause?: unknown; readonly path?: string }) {
    super(code, message, options)
    this.path = options?.path
  }
}

/** The caller's mistake: nothing was sent to a card. */
export class UsageError extends CardError<CodesOf<'usage'>> {
  override name = 'UsageError'
}

/** Every error of this library; `code` tells the members apart. */
export type AnyCardError =
  | PinError
  | TpmError
  | PcscError
  | CaError
  | TlsError
  | SignInError
  | FileError
  | UsageError
  | CardError<CodesOf<'card'>>

export const isCardError = (error: unknown): error is AnyCardError => error instanceof CardError

export const hasCode = (error: unknown, ...codes: readonly ErrorCode[]): boolean =>
  error instanceof CardError && codes.includes(error.code)

/** For a rejected promise: `value` where it was rejected with such an error; any other is thrown on. */
export const valueIf =
  <Value>(isSuch: (error: unknown) => boolean, value: Value) =>
  (error: unknown): Value => {
    if (isSuch(error)) return value
    throw error
  }

/**
 * Whether somebody threw an error: also one of another context (node:vm), where test runners have their tests: there
 * the class Error is another one.
 */
export const isError = (value: unknown): value is Error =>
  isNativeError(value) || Object.prototype.toString.call(value) === '[object DOMException]'
