// How the two transmission protocols carry a command. ISO/IEC 7816-3:2006, 12; PC/SC part 3.

export const PROTOCOL = { T0: 1, T1: 2 } as const

/** VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER: never sent twice, since each may cost a try. */
const PIN_COMMANDS: readonly number[] = [0x20, 0x24, 0x2c]
const GENERAL_AUTHENTICATE = 0x87
const ADMIN_KEY = 0x9b
/** SELECT and GET DATA: they can be repeated without harm. */
const HARMLESS: readonly number[] = [0xa4, 0xcb]

const CHAINED = 0x10
const HEADER = 4
const SHORT_DATA = 5

export const isPinCommand = (apdu: Uint8Array): boolean => PIN_COMMANDS.includes(apdu[1] ?? 0)

/**
 * Whether a command may prove something to the card: it carries a PIN or PUK (without data it only asks what is
 * verified), or is a step of the authentication with the admin key.
 */
export const proves = (apdu: Uint8Array): boolean =>
  (isPinCommand(apdu) && apdu.length > SHORT_DATA) || (apdu[1] === GENERAL_AUTHENTICATE && apdu[3] === ADMIN_KEY)

/** Whether a command that may or may not have arrived can be sent again. */
export function mayRepeat(apdu: Uint8Array): boolean {
  return ((apdu[0] ?? 0) & CHAINED) === 0 && HARMLESS.includes(apdu[1] ?? 0)
}

/** A short command as T=0 carries it: case 1 with P3 = 00, case 4 without its Le. Views where nothing is added. */
export function forT0(apdu: Uint8Array): Uint8Array {
  if (apdu.length === HEADER) return Uint8Array.of(...apdu, 0)
  const end = SHORT_DATA + (apdu[HEADER] ?? 0)
  return apdu.length > SHORT_DATA ? apdu.subarray(0, end) : apdu
}

/**
 * The command to send again after 6Cxx: the same with Le = xx. Undefined where there is none: it was a command about a
 * PIN, or did not ask for data with a short Le.
 */
export function withLength(apdu: Uint8Array, answer: Uint8Array): Uint8Array | undefined {
  if (answer.length !== 2 || answer[0] !== 0x6c || isPinCommand(apdu)) return undefined
  const length = answer[1] ?? 0
  const lc = apdu[HEADER] ?? 0
  if (apdu.length <= SHORT_DATA) return Uint8Array.of(...apdu.subarray(0, HEADER), length)
  if (lc === 0 || apdu.length < SHORT_DATA + lc) return undefined
  return Uint8Array.of(...apdu.subarray(0, SHORT_DATA + lc), length)
}
