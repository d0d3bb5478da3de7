// Commands and answers longer than one APDU. ISO/IEC 7816-4:2020, 5.3.3 (command chaining), 5.3.4 (GET RESPONSE);
// SP 800-73-5 part 2, section 3 (which commands), appendix on chaining.
import { concat, copyOf, wipe } from '../bytes.ts'
import { type CommandApdu, encodeCommand } from './command.ts'
import type { ResponseApdu } from './response.ts'
import { moreData, StatusError, SW } from './status.ts'

/** Bit of CLA: more parts of this command follow. */
export const CHAINING = 0x10
const PART = 255
const SHORT_LE = 256

/** The most data octets of a command on the card side, chained or not. */
export const LONGEST_COMMAND = 16 * 1024

/**
 * The APDUs that carry a command to a card, in order: one if it fits, one extended where that is allowed, otherwise parts
 * of 255 octets, with Le on the last. They are copies of `data`, which the caller wipes when it is secret.
 * @throws RangeError when it fits into no APDU
 */
export function splitChain(apdu: CommandApdu, extendedAllowed: boolean): Uint8Array[] {
  const { data, le } = apdu
  if (extendedAllowed && (data.length > PART || (le ?? 0) > SHORT_LE))
    return [encodeCommand({ ...apdu, extended: true })]
  const short = { ...apdu, extended: false, le: le === undefined ? undefined : Math.min(le, SHORT_LE) }
  if (data.length <= PART) return [encodeCommand(short)]
  const parts = Array.from({ length: Math.ceil(data.length / PART) }, (_, index) =>
    data.subarray(index * PART, (index + 1) * PART),
  )
  return parts.map((part, index) =>
    index === parts.length - 1
      ? encodeCommand({ ...short, data: part })
      : encodeCommand({ ...short, cla: short.cla | CHAINING, data: part, le: undefined }),
  )
}

/** The card's side of command chaining. One chain at a time; another command in between drops it. */
export class CommandChain {
  readonly #limit: number
  #header: readonly number[] | undefined
  #parts: Uint8Array[] = []
  #length = 0

  /** `limit`: the most data octets of a command, chained or not. */
  constructor(limit = LONGEST_COMMAND) {
    this.#limit = limit
  }

  /** True while the next part of a chain is expected. */
  get active(): boolean {
    return this.#header !== undefined
  }

  /** Whether a command is the next part of the current chain. */
  continues({ cla, ins, p1, p2 }: CommandApdu): boolean {
    const header = [cla & ~CHAINING, ins, p1, p2]
    return this.#header?.every((octet, index) => octet === header[index]) ?? false
  }

  /**
   * The whole command, or `more` when parts of it are still to come: those are answered with 9000 without data.
   * An assembled command is a copy, which the caller wipes; a command that comes alone is returned as it is.
   * @throws StatusError 6700 when it gets too long; the chain is dropped
   */
  add(apdu: CommandApdu): CommandApdu | 'more' {
    const { cla, ins, p1, p2, data } = apdu
    if (!this.continues(apdu)) this.reset()
    if (this.#length + data.length > this.#limit) {
      this.reset()
      throw new StatusError(SW.WRONG_LENGTH)
    }
    if ((cla & CHAINING) !== 0) {
      this.#header = [cla & ~CHAINING, ins, p1, p2]
      this.#length += data.length
      // A copy, since the reader overwrites its buffer. Empty parts must not use memory.
      if (data.length > 0) this.#parts.push(copyOf(data))
      return 'more'
    }
    if (!this.active) return apdu
    const whole = { ...apdu, data: concat(...this.#parts, data) }
    this.reset()
    return whole
  }

  /** Forgets and overwrites the parts so far: at card reset, and for a command that was refused before it came here. */
  reset(): void {
    wipe(...this.#parts)
    this.#header = undefined
    this.#parts = []
    this.#length = 0
  }
}

/** The card's side of GET RESPONSE: the rest of an answer that was longer than the host asked for. */
export class PendingResponse {
  #rest: Uint8Array | undefined
  #at = 0

  /** True while GET RESPONSE has something to fetch. */
  get active(): boolean {
    return this.#rest !== undefined
  }

  /**
   * The first piece of an answer, `le` octets of it (256 when the command has no Le: many hosts omit it), with 9000 or
   * 61xx. The rest is kept as a copy.
   */
  take(data: Uint8Array, le: number | undefined): ResponseApdu {
    this.clear()
    const length = Math.min(data.length, le ?? SHORT_LE)
    if (length === data.length) return { data, sw: SW.OK }
    this.#rest = data.slice(length)
    return { data: data.subarray(0, length), sw: moreData(this.#rest.length) }
  }

  /**
   * The next piece, for GET RESPONSE: a copy.
   * @throws StatusError 6985 when nothing is waiting
   */
  next(le: number | undefined): ResponseApdu {
    const rest = this.#rest
    if (rest === undefined) throw new StatusError(SW.CONDITIONS_OF_USE)
    const data = rest.slice(this.#at, this.#at + (le ?? SHORT_LE))
    this.#at += data.length
    const left = rest.length - this.#at
    if (left === 0) this.clear()
    return { data, sw: left === 0 ? SW.OK : moreData(left) }
  }

  /** Forgets and overwrites the rest, as every command except GET RESPONSE does. */
  clear(): void {
    wipe(this.#rest)
    this.#rest = undefined
    this.#at = 0
  }
}
