// The connection to one card in a reader, renewed when it is lost, and calls with a time limit.
import { setTimeout as delay } from 'node:timers/promises'
import { equal } from '../bytes.ts'
import { CardError, PcscError } from '../errors.ts'
import { type NativeConnected, type NativePcscConnection, native } from '../native.ts'
import { brokenOff, fromPcsc, noAnswer, remedyFor, resetUnderUs, returnCode, wasGivenUp, wasReset } from './codes.ts'
import { possibleHolders } from './holders.ts'
import { PROTOCOL } from './transport.ts'

const SHARED = 2
const LEAVE = 0
const RESET = 1
const STATUS_WORD = 2
/** Between two tries, in milliseconds: the first and the longest pause. */
const PAUSE = { first: 5, most: 200 } as const
/** How long releasing a card may take. */
const CLOSE_MS = 2000
/** How often other programs may reset the card before one call gives up. */
const LOSSES = 6

/** FEATURE_GET_TLV_PROPERTIES and its dwMaxAPDUDataSize: PC/SC part 10, 2.2 and 2.6.14. */
const TLV_PROPERTIES = 0x12
const MAX_APDU = 0x0a
const EXTENDED_APDU = 0x1_0000

export class Connection {
  readonly reader: string
  readonly #waitMs: number
  readonly #answerMs: number | undefined
  readonly #native: NativePcscConnection
  #card: NativeConnected | undefined
  #atr: Uint8Array | undefined
  #generation = 0
  #extended = false
  /** A command found the card reset: pcscd may report that once, and afterwards only that no protocol is set. */
  #wasReset = false
  /** Something was verified since the last reset. */
  #dirty = false

  /** `waitMs`: how long to wait for another program that has the card; `answerMs`: for the answer to one command. */
  constructor(reader: string, waitMs: number, answerMs?: number) {
    this.reader = reader
    this.#waitMs = waitMs
    this.#answerMs = answerMs
    this.#native = new (native().PcscConnection)()
  }

  get atr(): Uint8Array {
    return this.#atr ?? new Uint8Array(0)
  }

  get generation(): number {
    return this.#generation
  }

  get extended(): boolean {
    return this.#extended
  }

  get t0(): boolean {
    return this.#card?.protocol === PROTOCOL.T0
  }

  /** Connects if necessary, and keeps others out until `end`. @throws PcscError; CardError ERR_CARD_CLOSED */
  begin(): Promise<void> {
    return this.#persist(async (deadline) => {
      if (this.#wasReset) await this.#mend('reset', deadline)
      if (this.#card === undefined) await this.#connect(deadline)
      await this.#within(deadline, () => this.#native.begin())
    })
  }

  /** Not awaited: the next call of this process comes after it anyway. */
  end(): void {
    void this.#native.end().catch(() => undefined)
  }

  connect(): Promise<void> {
    return this.#persist((deadline) => this.#connect(deadline))
  }

  /** Rejects with the native layer's error, or with ERR_CARD_RESET. */
  async transmit(apdu: Uint8Array): Promise<Uint8Array> {
    try {
      const answer = await this.#answered(() => this.#native.transmit(apdu))
      // Some drivers return an empty answer for a card that is gone, and report success.
      if (answer.length < STATUS_WORD) throw brokenOff(this.reader)
      return answer
    } catch (error) {
      const reset = wasReset(error)
      if (remedyFor(error) === 'lost') this.#forget()
      else if (reset) {
        this.#generation += 1
        this.#wasReset = true
      }
      throw reset ? resetUnderUs(error, this.reader) : error
    }
  }

  async reset(): Promise<void> {
    this.#generation += 1
    try {
      this.#card = await this.#native.reconnect(RESET)
      this.#native.parting(LEAVE)
      this.#dirty = false
    } catch (error) {
      this.#forget()
      throw fromPcsc(error, this.reader)
    }
  }

  /** From now on the card has something proved that nobody else may find: it is reset when released, however that happens. */
  resetAtEnd(): void {
    this.#dirty = true
    this.#native.parting(RESET)
  }

  /**
   * A card with something proved is reset inside a transaction of ours. pcscd's own reset at the end of a connection may
   * come in the middle of another program's transaction: it waits for one to end, and does not check again.
   */
  async close(): Promise<void> {
    if (this.#dirty && this.#card !== undefined) {
      await this.#within(Date.now() + CLOSE_MS, async () => {
        await this.#native.begin()
        await this.reset().finally(() => this.end())
      }).catch(() => undefined)
    }
    this.#card = undefined
    await this.#within(Date.now() + CLOSE_MS, () => this.#native.close()).catch(() => undefined)
  }

  #forget(): void {
    this.#card = undefined
    this.#generation += 1
  }

  /** Repeats `work` until it succeeds, fails for good, or the time is over. */
  async #persist(work: (deadline: number) => Promise<void>): Promise<void> {
    const deadline = Date.now() + this.#waitMs
    let losses = 0
    for (let pause: number = PAUSE.first; ; pause = Math.min(2 * pause, PAUSE.most)) {
      try {
        await work(deadline)
        return
      } catch (error) {
        const remedy = remedyFor(error)
        // A card that is still away after one new try counts as gone.
        losses += remedy === 'reset' ? 1 : remedy === 'lost' ? LOSSES - 1 : 0
        if (remedy === 'none' || losses >= LOSSES || Date.now() + pause >= deadline) throw await this.#explained(error)
        if (remedy !== 'busy') await this.#mend(remedy, deadline)
        if (remedy !== 'lost') await delay(pause)
      }
    }
  }

  /** Reconnects to a card that was reset, which waits for a program that has it. */
  async #mend(remedy: 'reset' | 'lost', deadline: number): Promise<void> {
    this.#wasReset = false
    if (remedy === 'reset' && this.#card !== undefined) {
      this.#generation += 1
      this.#card = await this.#within(deadline, () => this.#native.reconnect(LEAVE)).catch(() => undefined)
    } else this.#forget()
  }

  async #connect(deadline: number): Promise<void> {
    const had = this.#atr
    const card = await this.#within(deadline, () =>
      this.#native.connect(this.reader, SHARED, PROTOCOL.T0 | PROTOCOL.T1),
    )
    if (had !== undefined && !equal(had, card.atr)) {
      throw new PcscError('ERR_CARD_REMOVED', `Another card is in the reader '${this.reader}'. Open it anew.`, {
        reader: this.reader,
      })
    }
    this.#atr = card.atr
    this.#card = card
    const may = card.protocol === PROTOCOL.T1
    this.#extended = may && (await this.#within(deadline, () => this.#takesExtended()))
  }

  /** Whether the reader reports that it takes commands of any length. */
  async #takesExtended(): Promise<boolean> {
    try {
      const code = (await this.#native.features())[TLV_PROPERTIES]
      if (code === undefined) return false
      const octets = await this.#native.control(code, new Uint8Array(0))
      for (let at = 0; at + 2 <= octets.length; at += 2 + (octets[at + 1] ?? 0)) {
        if (octets[at] !== MAX_APDU || octets[at + 1] !== 4) continue
        return Buffer.from(octets).readUInt32LE(at + 2) >= EXTENDED_APDU
      }
    } catch (error) {
      // Otherwise the reader does not report it.
      if (wasGivenUp(error)) throw error
    }
    return false
  }

  /** A call that ends at the deadline at the latest: another program then has the card. */
  async #within<T>(deadline: number, call: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.#native.cancel(), Math.max(deadline - Date.now(), 0))
    try {
      return await call()
    } finally {
      clearTimeout(timer)
    }
  }

  /** A call with a limit for its answer, where one was set. */
  async #answered<T>(call: () => Promise<T>): Promise<T> {
    const limit = this.#answerMs
    if (limit === undefined) return call()
    try {
      return await this.#within(Date.now() + limit, call)
    } catch (error) {
      if (!wasGivenUp(error)) throw error
      this.#forget()
      throw noAnswer(error, this.reader, limit)
    }
  }

  async #explained(error: unknown): Promise<unknown> {
    const typed = fromPcsc(error, this.reader)
    if (!wasGivenUp(error) && !(typed instanceof PcscError && typed.code === 'ERR_READER_BUSY')) return typed
    const holders = await possibleHolders()
    const who = holders.length === 0 ? 'It is not known which one.' : `These may have it: ${holders.join(', ')}.`
    const rc = returnCode(error)
    return new PcscError(
      'ERR_READER_BUSY',
      `Another program has the card in the reader '${this.reader}'. ${who} Close it, or try again.`,
      { cause: error, reader: this.reader, holders, ...(rc === undefined ? {} : { rc }) },
    )
  }
}

export const closedError = () => new CardError('ERR_CARD_CLOSED', 'The card is closed. Open it again.')
