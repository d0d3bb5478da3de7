// Messages between the command and the background process: a line of JSON each, and the PIN as a line of its own.
import {
  CaError,
  CardError,
  ERROR_CODES,
  type ErrorCode,
  FileError,
  isError,
  PcscError,
  PinError,
  SignInError,
  TlsError,
  TpmError,
  UsageError,
} from '../errors.ts'
import type { PinRequest } from '../piv/host/pin-request.ts'
import type { Method } from './methods.ts'
import type { SignInOptions } from './sign-in.ts'

/** First message to the process. */
export type BackgroundRequest = Pick<
  SignInOptions,
  'address' | 'service' | 'slot' | 'method' | 'minTriesLeft' | 'timeout' | 'tcti'
> & {
  readonly card?: string
  /** PEM. */
  readonly ca?: string
  /** Absolute. */
  readonly home: string
  readonly wait: boolean
}

export interface BackgroundSession {
  readonly pid: number
  readonly user: string
  readonly address: string
  readonly how: Method
  readonly service: string
  readonly slot: string
  readonly card: string
  /** ISO 8601. */
  readonly expires: string
  readonly socket: string
}

/** Properties of each class of errors. */
const DETAILS = [
  ...['triesLeft', 'reason', 'status', 'words', 'path', 'sw'],
  ...['rc', 'command', 'layer', 'response', 'position', 'reader', 'holders'],
]

export interface SerializedError {
  readonly code: ErrorCode | 'ERR_INTERNAL'
  readonly message: string
  /** Those that are present. */
  readonly details?: object
}

/** Messages from the process. */
export type BackgroundReport =
  | { readonly is: 'pin'; readonly request: PinRequest }
  | { readonly is: 'waiting'; readonly error: SerializedError }
  | { readonly is: 'failed'; readonly error: SerializedError }
  | { readonly is: 'signed-in'; readonly started: BackgroundSession }

export function serializeError(error: unknown): SerializedError {
  if (!(error instanceof CardError)) {
    return { code: 'ERR_INTERNAL', message: isError(error) ? error.message : 'unknown' }
  }
  const { code, message } = error as CardError
  const details = DETAILS.map((name) => [name, Reflect.get(error, name)] as const)
  return { code, message, details: Object.fromEntries(details.filter(([, value]) => value !== undefined)) }
}

type Make = new (code: never, message: string, details: never) => Error

/** Classes of errors by code. */
const CLASSES: Readonly<Record<(typeof ERROR_CODES)[ErrorCode]['kind'], Make>> = {
  pin: PinError,
  tpm: TpmError,
  card: CardError,
  file: FileError,
  usage: UsageError,
  pcsc: PcscError,
  ca: CaError,
  tls: TlsError,
  signin: SignInError,
}

/** The error, rebuilt with its class. */
export function deserializeError({ code, message, details = {} }: SerializedError): Error {
  if (code === 'ERR_INTERNAL') return new Error(message)
  return new CLASSES[ERROR_CODES[code].kind](code as never, message, details as never)
}
