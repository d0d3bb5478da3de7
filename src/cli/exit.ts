// Exit codes: a promise to scripts. docs/cli.md lists them.
import { CardError, type ErrorCode } from '../errors.ts'

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  noCard: 3,
  pin: 4,
  pinBlocked: 5,
  puk: 6,
  policy: 7,
  unsupported: 8,
  tpm: 9,
  /** A CA, or the service to sign in to. */
  ca: 10,
  /** No error: the CA has not decided yet. */
  pending: 11,
  /** A failure of a command that uses 1 for an answer. */
  unanswered: 12,
  /** 128 + SIGINT, as shells report it. */
  interrupted: 130,
  /** 128 + SIGTERM. */
  terminated: 143,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT] | PassedOn

/** The exit code of another program, which ran in the place of this one. */
export type PassedOn = number & { readonly passedOn: true }
export const passedOn = (code: number): PassedOn => code as PassedOn

/** The compiler keeps this complete: a new error code without a row does not build. */
export const EXIT_CODES: Readonly<Record<ErrorCode, ExitCode>> = {
  ERR_PIN_WRONG: EXIT.pin,
  ERR_PIN_BLOCKED: EXIT.pinBlocked,
  ERR_PIN_FORMAT: EXIT.pin,
  ERR_PIN_REQUIRED: EXIT.pin,
  ERR_PIN_CHANGE_REQUIRED: EXIT.policy,
  ERR_PIN_LAST_TRY: EXIT.policy,
  ERR_ADMIN_REQUIRED: EXIT.pin,
  ERR_ADMIN_WRONG: EXIT.pin,
  ERR_CARD_REFUSED: EXIT.unsupported,
  ERR_CARD_IDENTITY: EXIT.policy,
  ERR_PUK_WRONG: EXIT.puk,
  ERR_PUK_BLOCKED: EXIT.puk,
  ERR_PUK_FORMAT: EXIT.puk,
  ERR_PUK_ABSENT: EXIT.unsupported,
  ERR_HELP_DESK_REFUSED: EXIT.puk,
  ERR_HELP_DESK_ABSENT: EXIT.unsupported,

  ERR_CARD_NOT_FOUND: EXIT.noCard,
  ERR_CARD_AMBIGUOUS: EXIT.usage,
  ERR_CARD_EXISTS: EXIT.usage,
  ERR_CARD_DEAD: EXIT.noCard,
  ERR_CARD_OTHER_TPM: EXIT.tpm,
  ERR_CARD_CLOSED: EXIT.failure,
  ERR_KEY_ABSENT: EXIT.unsupported,
  ERR_KEY_DAMAGED: EXIT.failure,
  ERR_OBJECT_ABSENT: EXIT.unsupported,
  ERR_NOT_SUPPORTED: EXIT.unsupported,
  ERR_DATA: EXIT.usage,
  ERR_CERTIFICATE_ABSENT: EXIT.unsupported,
  ERR_CERTIFICATE_KEY: EXIT.usage,
  ERR_CERTIFICATE_UNFIT: EXIT.policy,
  ERR_NO_PROVIDER: EXIT.unsupported,
  ERR_KEY_BUSY: EXIT.failure,

  ERR_CARD_BUSY: EXIT.failure,
  ERR_CARD_FILE: EXIT.failure,
  ERR_CARD_FILE_NEWER: EXIT.failure,
  ERR_CARD_READ_ONLY: EXIT.failure,
  ERR_DISK_FULL: EXIT.failure,
  ERR_IO: EXIT.failure,

  ERR_USAGE: EXIT.usage,
  ERR_CARD_NAME: EXIT.usage,
  ERR_SLOT: EXIT.usage,
  ERR_ALGORITHM: EXIT.usage,
  ERR_SERVE_PORT: EXIT.usage,

  ERR_TCTI: EXIT.usage,
  ERR_TPM_ABSENT: EXIT.tpm,
  ERR_TPM_LIBRARY: EXIT.tpm,
  ERR_TPM_PERMISSION: EXIT.tpm,
  ERR_TPM_BUSY: EXIT.tpm,
  ERR_TPM_GONE: EXIT.tpm,
  ERR_TPM_TIMEOUT: EXIT.tpm,
  ERR_TPM_ANSWER: EXIT.tpm,
  ERR_TPM_STATE: EXIT.tpm,
  ERR_TPM_STATE_ABSENT: EXIT.tpm,
  ERR_TPM_NO_PIN_INDEX: EXIT.unsupported,
  ERR_TPM_SRK: EXIT.tpm,
  ERR_TPM_OWNER_AUTH: EXIT.tpm,
  ERR_TPM_LOCKOUT: EXIT.tpm,
  ERR_TPM_NV_FULL: EXIT.tpm,
  ERR_TPM_MEMORY: EXIT.tpm,
  ERR_TPM_FAILURE: EXIT.tpm,
  ERR_TPM_TAMPERED: EXIT.tpm,
  ERR_TPM: EXIT.tpm,

  ERR_PCSC_UNAVAILABLE: EXIT.failure,
  ERR_READER_NOT_FOUND: EXIT.noCard,
  ERR_READER_BUSY: EXIT.failure,
  ERR_CARD_REMOVED: EXIT.noCard,
  ERR_CARD_RESET: EXIT.failure,
  ERR_PCSC: EXIT.failure,
  ERR_SERVE_PEER: EXIT.failure,

  ERR_CA_REFUSED: EXIT.ca,
  ERR_CA_LOGIN: EXIT.ca,
  ERR_CA_UNTRUSTED: EXIT.ca,
  ERR_CA_UNAVAILABLE: EXIT.failure,
  ERR_CA_ANSWER: EXIT.ca,
  ERR_CA_ANSWER_LOST: EXIT.ca,
  ERR_CA_CERTIFICATE: EXIT.ca,

  ERR_TLS_HANDSHAKE: EXIT.failure,
  ERR_TLS_REFUSED: EXIT.ca,
  ERR_TLS_TIMEOUT: EXIT.failure,
  ERR_TLS_CLOSED: EXIT.failure,

  ERR_ACCOUNT_UNKNOWN: EXIT.usage,
  ERR_SIGNED_IN: EXIT.failure,
  ERR_SIGNED_OUT: EXIT.failure,
  ERR_SIGN_IN_REFUSED: EXIT.ca,
  ERR_SERVICE_UNTRUSTED: EXIT.ca,
  ERR_SERVICE_UNAVAILABLE: EXIT.failure,
  ERR_SERVICE_ANSWER: EXIT.ca,
}

/** The exit code of a command without an answer: never a number that is one of its answers. */
export const failureOf = (row: { readonly oneIsAnswer?: true } | undefined): ExitCode =>
  row?.oneIsAnswer ? EXIT.unanswered : EXIT.failure

/** Exit code for a thrown value. Anything that is not a CardError counts as an internal error. */
export function exitCode(error: unknown): ExitCode {
  return error instanceof CardError ? EXIT_CODES[(error as CardError).code] : EXIT.failure
}
