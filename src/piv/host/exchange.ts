/** Commands to a card of any kind: whole commands and whole answers, however many APDUs they take. */
import { concat, wipe } from '../../bytes.ts'
import type { CardChannel, Transmit, TransmitOptions } from '../../channel.ts'
import { CardError } from '../../errors.ts'
import { splitChain } from '../../iso7816/chaining.ts'
import { encodeCommand } from '../../iso7816/command.ts'
import { parseResponse, type ResponseApdu } from '../../iso7816/response.ts'
import { isMore, SW } from '../../iso7816/status.ts'
import { takesExtendedLength } from '../atr.ts'

export interface HostCommand {
  readonly ins: number
  readonly p1: number
  readonly p2: number
  readonly data?: Uint8Array
  /** Whether response data is expected. */
  readonly answer?: boolean
}

/** A whole answer. */
export interface Answer extends ResponseApdu {
  /** The error behind a refusal, from a card in this process. */
  readonly cause?: unknown
}

/** A card's answer is never longer: the largest object of PIV is a fraction of it. */
const LONGEST_ANSWER = 65_536
/** Nor in more pieces: 64 octets in each would be enough. */
const MOST_PIECES = 1024
/** What one short command can send, and ask for. */
const SHORT = { data: 255, answer: 256 } as const
const GET_RESPONSE = 0xc0
const NOTHING = new Uint8Array(0)
const LAST: TransmitOptions = { last: true }

/** Speaks to a card during one transaction. */
export class Exchange {
  readonly #transmit: Transmit
  /** Determined for each transaction: a reinserted card may speak another protocol. */
  readonly #extended: boolean

  constructor({ atr, extended }: Pick<CardChannel, 'atr' | 'extended'>, transmit: Transmit) {
    this.#transmit = transmit
    this.#extended = extended !== false && takesExtendedLength(atr)
  }

  /** Every APDU that we build is overwritten afterwards: it may contain a PIN. */
  async send(command: HostCommand): Promise<Answer> {
    const parts = this.#apdus(command)
    let answer: Answer = { data: NOTHING, sw: SW.OK }
    try {
      for (const part of parts) {
        answer = this.#answer(await this.#transmit(part))
        if (answer.sw !== SW.OK && part !== parts.at(-1)) return answer
      }
    } finally {
      wipe(...parts)
    }
    return isMore(answer.sw) ? this.#collect(answer) : answer
  }

  /** As `send`, for a command that asks for data and is the last one of its transaction. */
  sendLast(command: HostCommand): Promise<Answer> {
    // On other cards the answer may come in pieces, each of which needs a command.
    if (!this.#extended) return this.send(command)
    const { ins, p1, p2, data = NOTHING } = command
    const extended = data.length > SHORT.data
    const le = extended ? LONGEST_ANSWER : SHORT.answer
    const apdu = encodeCommand({ cla: 0, ins, p1, p2, data, le, extended })
    return this.#transmit(apdu, LAST).then(
      (octets) => {
        wipe(apdu)
        return this.#answer(octets)
      },
      (error: unknown) => {
        wipe(apdu)
        throw error
      },
    )
  }

  #apdus({ ins, p1, p2, data = NOTHING, answer = false }: HostCommand): Uint8Array[] {
    const le = answer ? (this.#extended && data.length > SHORT.data ? LONGEST_ANSWER : SHORT.answer) : undefined
    return splitChain({ cla: 0, ins, p1, p2, data, le, extended: false }, this.#extended)
  }

  #answer(octets: Uint8Array): Answer {
    const response = parseResponse(octets)
    const cause = response.sw === SW.OK ? undefined : this.#transmit.cause?.()
    return cause === undefined ? response : { ...response, cause }
  }

  /** Fetches the rest of an answer, piece by piece. */
  async #collect(first: ResponseApdu): Promise<Answer> {
    const pieces = [first.data]
    let { sw } = first
    let length = first.data.length
    while (isMore(sw) && length <= LONGEST_ANSWER) {
      const le = (sw & 0xff) === 0 ? SHORT.answer : sw & 0xff
      const next = { cla: 0, ins: GET_RESPONSE, p1: 0, p2: 0, data: NOTHING, le, extended: false }
      const piece = parseResponse(await this.#transmit(encodeCommand(next)))
      pieces.push(piece.data)
      if (isMore(piece.sw) && (piece.data.length === 0 || pieces.length > MOST_PIECES)) {
        throw new CardError(
          'ERR_DATA',
          'The card does not come to an end of its answer. Take it out and put it in again.',
        )
      }
      length += piece.data.length
      sw = piece.sw
    }
    const data = concat(...pieces)
    // It may be a secret. The caller overwrites the whole answer; the pieces are overwritten here.
    wipe(...pieces)
    return { data, sw }
  }
}
