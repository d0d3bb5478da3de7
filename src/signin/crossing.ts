// What goes between a terminal and the process that stays behind when it is closed: one line of JSON each, but for the PIN.
import {
  CaError,
  CardError,
  ERROR_CODES,
  type ErrorCode,
  FileError,
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

/** What the process is told first. */
export type Order = Pick<
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

export interface Started {
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

export interface CrossedError {
  readonly code: ErrorCode | 'ERR_INTERNAL'
  readonly message: string
  readonly triesLeft?: number | undefined
  readonly reason?: string | undefined
}

/** What the process says. */
export type Report =
  | { readonly is: 'pin'; readonly request: PinRequest }
  | { readonly is: 'waiting'; readonly error: CrossedError }
  | { readonly is: 'failed'; readonly error: CrossedError }
  | { readonly is: 'signed-in'; readonly started: Started }

export function crossed(error: unknown): CrossedError {
  if (!(error instanceof CardError)) {
    return { code: 'ERR_INTERNAL', message: error instanceof Error ? error.message : 'unknown' }
  }
  const { code, message } = error as CardError
  return {
    ...{ code, message },
    triesLeft: error instanceof PinError ? error.triesLeft : undefined,
    reason: error instanceof SignInError ? error.reason : undefined,
  }
}

type Make = (code: never, message: string, details: { triesLeft?: number; reason?: string }) => Error

/** By the kind of their codes. */
const CLASSES: Readonly<Record<(typeof ERROR_CODES)[ErrorCode]['kind'], Make>> = {
  pin: (code, message, details) => new PinError(code, message, details),
  tpm: (code, message) => new TpmError(code, message),
  card: (code, message) => new CardError(code, message),
  file: (code, message) => new FileError(code, message),
  usage: (code, message) => new UsageError(code, message),
  pcsc: (code, message) => new PcscError(code, message),
  ca: (code, message) => new CaError(code, message),
  tls: (code, message) => new TlsError(code, message),
  signin: (code, message, details) => new SignInError(code, message, details),
}

/** The error again, of its class. */
export function revived({ code, message, triesLeft, reason }: CrossedError): Error {
  if (code === 'ERR_INTERNAL') return new Error(message)
  const details = { ...(triesLeft !== undefined && { triesLeft }), ...(reason !== undefined && { reason }) }
  return CLASSES[ERROR_CODES[code].kind](code as never, message, details)
}
