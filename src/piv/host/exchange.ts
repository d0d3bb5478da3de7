/** Commands to a card of any kind: whole commands and whole answers, however many APDUs they take. */

import { concat, wipe } from '../../bytes.ts'
import type { CardChannel } from '../../channel.ts'
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
  /** Whether data is asked for. */
  readonly answer?: boolean
}

/** No answer of a card is longer: the largest object of PIV is a fraction of it. */
const LONGEST_ANSWER = 65_536
/** Nor in more pieces: 64 octets each would do. */
const MOST_PIECES = 1024
const GET_RESPONSE = 0xc0
const NOTHING = new Uint8Array(0)

export class Exchange {
  readonly #channel: CardChannel
  constructor(channel: CardChannel) {
    this.#channel = channel
  }

  /** Asked each time: a card that was put in again may speak another protocol. */
  get #extended(): boolean {
    return this.#channel.extended !== false && takesExtendedLength(this.#channel.atr)
  }

  /** To be called inside a transaction. Every APDU of ours is overwritten afterwards: it may hold a PIN. */
  async send({ ins, p1, p2, data = NOTHING, answer = false }: HostCommand): Promise<ResponseApdu> {
    const le = answer ? (this.#extended && data.length > 255 ? 65_536 : 256) : undefined
    const parts = splitChain({ cla: 0, ins, p1, p2, data, le, extended: false }, this.#extended)
    let response: ResponseApdu = { data: NOTHING, sw: SW.OK }
    try {
      for (const part of parts) {
        response = parseResponse(await this.#channel.transmit(part))
        if (response.sw !== SW.OK && part !== parts.at(-1)) return response
      }
    } finally {
      wipe(...parts)
    }
    return this.#collect(response)
  }

  /** Fetches the rest of an answer, piece by piece. */
  async #collect(first: ResponseApdu): Promise<ResponseApdu> {
    const pieces = [first.data]
    let { sw } = first
    let length = first.data.length
    while (isMore(sw) && length <= LONGEST_ANSWER) {
      const le = (sw & 0xff) === 0 ? 256 : sw & 0xff
      const next = { cla: 0, ins: GET_RESPONSE, p1: 0, p2: 0, data: NOTHING, le, extended: false }
      const piece = parseResponse(await this.#channel.transmit(encodeCommand(next)))
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
    if (pieces.length === 1) return { data: first.data, sw }
    const data = concat(...pieces)
    // It may be a secret, which who asked for it overwrites where it is whole.
    wipe(...pieces)
    return { data, sw }
  }
}
