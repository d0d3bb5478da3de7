/** The channel of a card in this process: its card application, one caller at a time. */
import type { CardChannel, LocalCard, TransactionOptions, Transmit } from '../../channel.ts'
import { CardError } from '../../errors.ts'
import { Transactions } from '../../transactions.ts'
import { NEUTRAL_ATR } from '../atr.ts'
import type { CardApplication } from './application.ts'

export class InProcessChannel implements CardChannel {
  readonly atr = NEUTRAL_ATR
  readonly local: LocalCard
  readonly #application: CardApplication
  readonly #release: () => Promise<void>
  readonly #transactions: Transactions
  #closed = false

  /** `release` frees what the application depends on. */
  constructor(application: CardApplication, local: LocalCard, release: () => Promise<void>) {
    this.#application = application
    this.local = local
    this.#release = release
    this.#transactions = new Transactions({
      name: local.name,
      begin: () => this.#assertOpen(),
      transmit: (apdu, reply) => application.transmit(apdu, reply),
    })
  }

  transaction<T>(work: (transmit: Transmit) => Promise<T>, options?: TransactionOptions): Promise<T> {
    return this.#transactions.run(work, options)
  }

  async reset(): Promise<void> {
    this.#assertOpen()
    await this.#application.reset()
  }

  /** Finishes work under way; refuses what comes after. */
  close(): Promise<void> {
    return this.#transactions.after(async () => {
      if (this.#closed) return
      this.#closed = true
      await this.#application.settled()
      await this.#release()
    })
  }

  #assertOpen(): undefined {
    if (this.#closed) throw new CardError('ERR_CARD_CLOSED', 'The card is closed. Open it again.')
  }
}
