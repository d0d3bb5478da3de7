/** The channel of a card in this process: its card application, one caller at a time. */
import type { CardChannel, LocalCard } from '../../channel.ts'
import { CardError } from '../../errors.ts'
import { Mutex } from '../../mutex.ts'
import { NEUTRAL_ATR } from '../atr.ts'
import type { CardApplication } from './application.ts'

export class InProcessChannel implements CardChannel {
  readonly atr = NEUTRAL_ATR
  readonly local: LocalCard
  readonly #application: CardApplication
  readonly #release: () => Promise<void>
  readonly #mutex = new Mutex()
  #closed = false

  /** `release` lets go of what the application lives on. */
  constructor(application: CardApplication, local: LocalCard, release: () => Promise<void>) {
    this.#application = application
    this.local = local
    this.#release = release
  }

  async transmit(apdu: Uint8Array): Promise<Uint8Array> {
    this.#assertOpen()
    return this.#application.transmit(apdu)
  }

  transaction<T>(work: () => Promise<T>): Promise<T> {
    return this.#mutex.run(async () => {
      this.#assertOpen()
      return work()
    })
  }

  async reset(): Promise<void> {
    this.#assertOpen()
    await this.#application.reset()
  }

  /** Work under way is finished first; what comes after is refused. */
  close(): Promise<void> {
    return this.#mutex.run(async () => {
      if (this.#closed) return
      this.#closed = true
      await this.#release()
    })
  }

  #assertOpen(): void {
    if (this.#closed) throw new CardError('ERR_CARD_CLOSED', 'The card is closed. Open it again.')
  }
}
