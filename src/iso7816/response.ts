// Response APDUs. ISO/IEC 7816-4:2020, 5.1: data, then the status word in two octets.
import { space } from '../bytes.ts'
import { CardError } from '../errors.ts'

export interface ResponseApdu {
  /** Parsed: a view of the input, not a copy. */
  readonly data: Uint8Array
  readonly sw: number
}

/** 65536 octets of data, the most that Le can ask for, and the status word. */
const LONGEST = 0x10000 + 2

export function encodeResponse({ data, sw }: ResponseApdu): Uint8Array {
  const octets = space(data.length + 2)
  octets.set(data)
  octets[data.length] = sw >>> 8
  octets[data.length + 1] = sw
  return octets
}

/**
 * @throws CardError ERR_DATA when there is no status word, or more octets than any answer can have: a fault of the reader
 * or the card
 */
export function parseResponse(octets: Uint8Array): ResponseApdu {
  const end = octets.length - 2
  const [high, low] = [octets[end], octets[end + 1]]
  if (high === undefined || low === undefined || octets.length > LONGEST) {
    throw new CardError(
      'ERR_DATA',
      `The card's answer of ${octets.length} octets is too short or too long. Take the card out and put it in again.`,
    )
  }
  return { data: octets.subarray(0, end), sw: (high << 8) | low }
}
