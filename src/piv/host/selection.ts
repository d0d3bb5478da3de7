// Whether the PIV application is the one that answers. Other programs reach a card in a reader between two transactions,
// and may select something else; the card itself may have been reset, or exchanged.
import { equal } from '../../bytes.ts'
import type { CardChannel } from '../../channel.ts'
import { CardError, PcscError } from '../../errors.ts'
import { SW } from '../../iso7816/status.ts'
import { PIV_AID } from '../application.ts'
import { guidOf as guidIn, readDiscovery } from '../contents.ts'
import type { Exchange } from './exchange.ts'
import { readObject } from './objects.ts'
import { selectPiv } from './pins.ts'

/** What another application says to a command of PIV. */
const NOT_PIV: readonly (number | undefined)[] = [SW.UNKNOWN_INS, SW.UNKNOWN_CLA]

export class Selection {
  readonly #channel: CardChannel
  /** What `generation` of the channel PIV was selected in. */
  #since: number | undefined
  /** False once the card has shown that it does not say which application is selected. */
  #hasDiscovery = true
  /** GUID of the card; empty where it has none. */
  #guid: Uint8Array | undefined

  constructor(channel: CardChannel) {
    this.#channel = channel
  }

  /**
   * Runs `work` with PIV selected. `unchecked`: nothing is asked of the card before `work`, which may end the one use
   * of a key that VERIFY allows; only if another application answers PIV is selected, and `work` run again.
   */
  async with<T>(exchange: Exchange, work: () => Promise<T>, unchecked: boolean): Promise<T> {
    if (this.#since !== (this.#channel.generation ?? 0)) await this.#begin(exchange)
    else if (!unchecked) await this.#check(exchange)
    else {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof CardError && NOT_PIV.includes(error.sw))) throw error
      }
      await selectPiv(exchange)
    }
    return work()
  }

  /** PIV is selected, and nobody else can select something else: a card in this process has one application. */
  get isLasting(): boolean {
    return !this.#shared && this.#since !== undefined
  }

  /** The card forgets. In this process there is but one application, and nothing to select again. */
  lost(): void {
    if (this.#shared) this.#since = undefined
  }

  /** The card is new, or has forgotten everything. */
  async #begin(exchange: Exchange): Promise<void> {
    const generation = this.#channel.generation ?? 0
    await selectPiv(exchange)
    if (this.#shared) await this.#identify(exchange)
    this.#since = generation
  }

  get #shared(): boolean {
    return this.#channel.generation !== undefined
  }

  async #check(exchange: Exchange): Promise<void> {
    if (!this.#shared || (this.#hasDiscovery && (await this.#isSelected(exchange)))) return
    await selectPiv(exchange)
    if (this.#hasDiscovery) this.#hasDiscovery = await this.#isSelected(exchange)
  }

  async #isSelected(exchange: Exchange): Promise<boolean> {
    try {
      const content = await readObject(exchange, 'discovery')
      return content !== undefined && equal(readDiscovery(content).identifier ?? new Uint8Array(0), PIV_AID)
    } catch (error) {
      if (error instanceof PcscError) throw error
      return false
    }
  }

  async #identify(exchange: Exchange): Promise<void> {
    const guid = await guidOf(exchange)
    if (this.#guid !== undefined && !equal(this.#guid, guid)) {
      throw new PcscError('ERR_CARD_REMOVED', 'Another card is in the reader. Open it anew.', {
        reader: this.#channel.reader,
      })
    }
    this.#guid = guid
  }
}

async function guidOf(exchange: Exchange): Promise<Uint8Array> {
  try {
    const content = await readObject(exchange, 'chuid')
    return (content && guidIn(content)) ?? new Uint8Array(0)
  } catch (error) {
    if (error instanceof PcscError) throw error
    return new Uint8Array(0) // a card without one, or with one that nobody can read
  }
}
