// Status words. ISO/IEC 7816-4:2020, 5.6; SP 800-73-5 part 1, section 5.6; those of Yubico's cards where they differ.

export const SW = {
  OK: 0x9000,
  /** 61xx: xx more octets by GET RESPONSE, 00 for 256 or more. */
  MORE_DATA: 0x6100,
  /** Also a wrong pairing code. */
  VERIFICATION_FAILED: 0x6300,
  /** 63Cx: wrong PIN or PUK, x tries left. */
  TRIES_LEFT: 0x63c0,
  MEMORY_FAILURE: 0x6581,
  WRONG_LENGTH: 0x6700,
  SECURE_MESSAGING_NOT_SUPPORTED: 0x6882,
  LAST_PART_EXPECTED: 0x6883,
  CHAINING_NOT_SUPPORTED: 0x6884,
  SECURITY_STATUS: 0x6982,
  BLOCKED: 0x6983,
  DATA_INVALID: 0x6984,
  CONDITIONS_OF_USE: 0x6985,
  COMMAND_NOT_ALLOWED: 0x6986,
  SECURE_MESSAGING_MISSING: 0x6987,
  SECURE_MESSAGING_WRONG: 0x6988,
  SELECT_FAILED: 0x6999,
  WRONG_DATA: 0x6a80,
  NOT_SUPPORTED: 0x6a81,
  NOT_FOUND: 0x6a82,
  NO_SPACE: 0x6a84,
  WRONG_PARAMETERS: 0x6a86,
  REFERENCE_NOT_FOUND: 0x6a88,
  WRONG_P1_P2: 0x6b00,
  /** 6Cxx: send the same command again with Le = xx. */
  WRONG_LE: 0x6c00,
  UNKNOWN_INS: 0x6d00,
  UNKNOWN_CLA: 0x6e00,
  ABORTED: 0x6f00,
} as const

export type StatusName = keyof typeof SW

/** What each means to a person. One table, for later translation. */
export const STATUS_TEXTS: Readonly<Record<StatusName, string>> = {
  OK: 'done',
  MORE_DATA: 'there is more data',
  VERIFICATION_FAILED: 'the verification failed',
  TRIES_LEFT: 'the PIN or PUK is wrong',
  MEMORY_FAILURE: "the card's memory failed",
  WRONG_LENGTH: 'the length is wrong',
  SECURE_MESSAGING_NOT_SUPPORTED: 'the card has no secure messaging',
  LAST_PART_EXPECTED: 'the last part of a chain was expected',
  CHAINING_NOT_SUPPORTED: 'this command cannot be chained',
  SECURITY_STATUS: 'a PIN or the admin key is needed first',
  BLOCKED: 'the PIN or PUK is blocked',
  DATA_INVALID: 'the data is not valid',
  CONDITIONS_OF_USE: 'the conditions of use are not met',
  COMMAND_NOT_ALLOWED: 'the command is not allowed now',
  SECURE_MESSAGING_MISSING: 'secure messaging objects are missing',
  SECURE_MESSAGING_WRONG: 'secure messaging objects are wrong',
  SELECT_FAILED: 'the application could not be selected',
  WRONG_DATA: 'the data is wrong',
  NOT_SUPPORTED: 'the card does not have this function',
  NOT_FOUND: 'the application or object is not there',
  NO_SPACE: 'there is no space for it',
  WRONG_PARAMETERS: 'the parameters P1 and P2 are wrong',
  REFERENCE_NOT_FOUND: 'there is no such key or PIN',
  WRONG_P1_P2: 'the parameters P1 and P2 are wrong',
  WRONG_LE: 'another length of answer is wanted',
  UNKNOWN_INS: 'the card does not know this command',
  UNKNOWN_CLA: 'the card does not know this class of command',
  ABORTED: 'the card stopped without a diagnosis',
}

/** What a status word means, with the word itself in hex. */
export function statusText(sw: number): string {
  const digits = sw.toString(16).padStart(4, '0').toUpperCase()
  const name = statusName(sw)
  return name === undefined ? `status ${digits}` : `${STATUS_TEXTS[name]} (status ${digits})`
}

const NAMES = new Map(Object.entries(SW).map(([name, sw]) => [sw as number, name as StatusName]))

/** Words that contain a number are listed under their family: 63C2 is TRIES_LEFT. */
export function statusName(sw: number): StatusName | undefined {
  const family = sw >>> 4 === SW.TRIES_LEFT >>> 4 ? SW.TRIES_LEFT : isMore(sw) || isWrongLe(sw) ? sw & 0xff00 : sw
  return NAMES.get(family)
}

export const isMore = (sw: number): boolean => sw >>> 8 === SW.MORE_DATA >>> 8
export const isWrongLe = (sw: number): boolean => sw >>> 8 === SW.WRONG_LE >>> 8

/** 61xx: so many octets are left. */
export const moreData = (left: number): number => SW.MORE_DATA | (left > 0xff ? 0 : left)
/** 63Cx; the word can express up to 15 tries. */
export const wrongTry = (left: number): number => SW.TRIES_LEFT | Math.min(left, 15)

/**
 * The tries left in an answer to a PIN command: x of 63Cx, 0 of 6983, x of the 630x of old cards. Undefined where the
 * answer has none; 6300 has none, since it is also the answer for other secrets.
 */
export function triesLeft(sw: number): number | undefined {
  if (sw >>> 4 === SW.TRIES_LEFT >>> 4) return sw & 0x0f
  if (sw === SW.BLOCKED) return 0
  return sw > SW.VERIFICATION_FAILED && sw <= 0x630f ? sw & 0x0f : undefined
}

/** Thrown by handlers of commands on the card's side: the answer is this status word without data. */
export class StatusError extends Error {
  override name = 'StatusError'
  readonly sw: number

  constructor(sw: number, options?: { readonly cause?: unknown }) {
    super(statusText(sw), options)
    this.sw = sw
  }
}

/** @throws StatusError unless `condition` holds */
export function refuseUnless(condition: boolean, sw: number): asserts condition {
  if (!condition) throw new StatusError(sw)
}
