// Answers the commands of a door with a card: one at a time, and always with a status word.
import { wipe } from '../bytes.ts'
import type { CardChannel } from '../channel.ts'
import { Mutex } from '../mutex.ts'

/** SW 6F00, no precise diagnosis (ISO/IEC 7816-4:2020, 5.6). */
const FAILED = [0x6f, 0x00]
/** vpcd has no longer frames, and no PIV card has longer answers. */
const LONGEST_ANSWER = 0xffff

export class CardResponder {
  readonly #channel: CardChannel
  readonly #trouble: (error: unknown) => void
  readonly #mutex = new Mutex()
  /** How many resets were requested, and how many of them are done. */
  #asked = 0
  #done = 0
  /** A reset failed and must be repeated before anything else. */
  #due = false
  /** A command has come since the last reset. */
  #used = true

  /** `trouble` hears why a command was answered with 6F00, without any part of the command. */
  constructor(channel: CardChannel, trouble: (error: unknown) => void) {
    this.#channel = channel
    this.#trouble = trouble
  }

  /** Does not wait: until it is answered, PC/SC believes that the card is gone and its reader hangs. */
  get atr(): Uint8Array {
    return this.#channel.atr
  }

  /** Power-off, power-on, reset, or the end of a connection: resets the card after the current command. */
  reset(): Promise<void> {
    this.#asked += 1
    const number = this.#asked
    return this.#mutex.run(async () => {
      this.#due ||= this.#used || number > this.#done
      await this.#settle().catch(this.#trouble)
    })
  }

  /** Always answers. Overwrites `apdu`; the caller overwrites the answer. */
  transmit(apdu: Uint8Array): Promise<Uint8Array> {
    return this.#mutex.run(async () => {
      try {
        await this.#settle()
        this.#used = true
        const answer = await this.#channel.transaction((transmit) => transmit(apdu), { flat: true })
        if (answer.length >= 2 && answer.length <= LONGEST_ANSWER) return answer
        throw new RangeError(`The card answered ${answer.length} octets, which is no answer.`)
      } catch (error) {
        this.#trouble(error)
        return Uint8Array.from(FAILED)
      } finally {
        wipe(apdu)
      }
    })
  }

  /** Repeats a failed reset before the next command, which must not find a PIN verified. */
  async #settle(): Promise<void> {
    if (!this.#due) return
    const asked = this.#asked
    await this.#channel.transaction(() => this.#channel.reset(), { flat: true })
    this.#done = asked
    this.#due = false
    this.#used = false
  }
}
