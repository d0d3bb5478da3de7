// The card's side of a way into PC/SC: one command at a time, every answer a card's answer.
import { wipe } from '../bytes.ts'
import type { CardChannel } from '../channel.ts'
import { Mutex } from '../mutex.ts'
import { LONGEST_FRAME } from './framing.ts'

/** SW 6F00: no more can be said (ISO/IEC 7816-4:2020, 5.6). */
const FAILED = [0x6f, 0x00]

export class CardResponder {
  readonly #channel: CardChannel
  readonly #trouble: (error: unknown) => void
  readonly #mutex = new Mutex()
  /** How many resets were asked for, and how many of them the last one was for that succeeded. */
  #asked = 0
  #done = 0
  /** A reset has failed, and is to be done before anything else. */
  #due = false
  /** A command has come since the last reset. */
  #used = true

  /** `trouble` is told why a command was answered with 6F00; nothing of the command is in it. */
  constructor(channel: CardChannel, trouble: (error: unknown) => void) {
    this.#channel = channel
    this.#trouble = trouble
  }

  /** Waits for nothing: PC/SC takes the card for gone, and its reader stands still, until it is answered. */
  get atr(): Uint8Array {
    return this.#channel.atr
  }

  /** Power-off, power-on, reset, the end of a connection: what was verified is forgotten, after the command under way. */
  reset(): Promise<void> {
    this.#asked += 1
    const number = this.#asked
    return this.#mutex.run(async () => {
      this.#due ||= this.#used || number > this.#done
      await this.#settle().catch(this.#trouble)
    })
  }

  /** Answers in any case. `apdu` is overwritten; the answer is the caller's to overwrite. */
  transmit(apdu: Uint8Array): Promise<Uint8Array> {
    return this.#mutex.run(async () => {
      try {
        await this.#settle()
        this.#used = true
        const answer = await this.#channel.transaction((transmit) => transmit(apdu), { flat: true })
        if (answer.length >= 2 && answer.length <= LONGEST_FRAME) return answer
        throw new RangeError(`The card answered ${answer.length} octets, which is no answer.`)
      } catch (error) {
        this.#trouble(error)
        return Uint8Array.from(FAILED)
      } finally {
        wipe(apdu)
      }
    })
  }

  /** A reset that failed is done again before the next command: no command finds what was verified before it. */
  async #settle(): Promise<void> {
    if (!this.#due) return
    const asked = this.#asked
    await this.#channel.transaction(() => this.#channel.reset(), { flat: true })
    this.#done = asked
    this.#due = false
    this.#used = false
  }
}
