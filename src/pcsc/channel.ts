/** The channel of a card in a PC/SC reader, shared with the other programs of the machine. */
import { wipe } from '../bytes.ts'
import type { CardChannel, TransactionOptions, Transmit } from '../channel.ts'
import { Transactions } from '../transactions.ts'
import { fromPcsc, NOT_TRANSACTED, returnCode } from './codes.ts'
import { Connection, closedError } from './connection.ts'
import { forT0, mayRepeat, proves, withLength } from './transport.ts'

export interface ReaderOptions {
  /** How long to wait for another program that has the card, and for pcscd, in milliseconds; 10000 unless given. */
  readonly waitMs?: number
  /** How long the card may take for one command, in milliseconds: without limit unless given, since keys take their time. */
  readonly answerMs?: number
}

export const WAIT_MS = 10_000

/**
 * A loss between transactions is not an error: a reset by another program, a card that was taken out and put in again, a
 * pcscd that was restarted. `generation` then grows, and the next transaction finds a new card. In the middle of a
 * transaction losses are errors: ERR_CARD_RESET, ERR_CARD_REMOVED, ERR_PCSC_UNAVAILABLE.
 */
export class ReaderChannel implements CardChannel {
  readonly #connection: Connection
  readonly #transactions: Transactions
  #closed = false

  private constructor(connection: Connection) {
    this.#connection = connection
    this.#transactions = new Transactions({
      name: connection.reader,
      begin: () => {
        this.#assertOpen()
        return connection.begin()
      },
      end: () => connection.end(),
      transmit: (apdu) => this.#transmit(apdu),
    })
  }

  /** @throws PcscError ERR_READER_NOT_FOUND, ERR_CARD_REMOVED, ERR_READER_BUSY, ERR_PCSC_UNAVAILABLE */
  static async open(reader: string, { waitMs = WAIT_MS, answerMs }: ReaderOptions = {}): Promise<ReaderChannel> {
    const connection = new Connection(reader, waitMs, answerMs)
    try {
      await connection.connect()
      return new ReaderChannel(connection)
    } catch (error) {
      // Not awaited: a call that was given up may still be running.
      void connection.close()
      throw error
    }
  }

  get reader(): string {
    return this.#connection.reader
  }

  get atr(): Uint8Array {
    return this.#connection.atr
  }

  get generation(): number {
    return this.#connection.generation
  }

  get extended(): boolean {
    return this.#connection.extended
  }

  transaction<T>(work: (transmit: Transmit) => Promise<T>, options?: TransactionOptions): Promise<T> {
    return this.#transactions.run(work, options)
  }

  async #transmit(apdu: Uint8Array): Promise<Uint8Array> {
    this.#assertOpen()
    // Whatever the answer was: a PIN or the admin key may have been proved.
    if (proves(apdu)) this.#connection.resetAtEnd()
    const answer = await this.#send(apdu)
    const again = withLength(apdu, answer)
    if (again === undefined) return answer
    try {
      return await this.#send(again)
    } finally {
      wipe(again)
    }
  }

  async reset(): Promise<void> {
    this.#assertOpen()
    await this.#connection.reset()
  }

  /** Finishes work under way. A card to which a PIN or the admin key was proved is reset: nobody may find it unlocked. */
  close(): Promise<void> {
    return this.#transactions.after(async () => {
      if (this.#closed) return
      this.#closed = true
      await this.#connection.close()
    })
  }

  /** Sends once more what can be repeated without harm: perhaps only the answer was lost. */
  async #send(apdu: Uint8Array): Promise<Uint8Array> {
    const octets = this.#connection.t0 ? forT0(apdu) : apdu
    try {
      return await this.#connection.transmit(octets)
    } catch (error) {
      if (returnCode(error) !== NOT_TRANSACTED || !mayRepeat(apdu)) throw fromPcsc(error, this.reader)
    }
    return this.#connection.transmit(octets).catch((error: unknown) => {
      throw fromPcsc(error, this.reader)
    })
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError()
  }
}
