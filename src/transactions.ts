// Transactions of one card, one at a time: what every channel shares. A transaction inside another one of the same card
// would wait for itself, so it is refused; and so is a `transmit` that was kept for longer than its transaction.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { TransactionOptions, Transmit, TransmitOptions } from './channel.ts'
import { UsageError } from './errors.ts'
import { Mutex, type Turn } from './mutex.ts'
import { type TracedCard, tracedCard } from './trace/traced-card.ts'

/** What a channel does for its transactions. */
export interface TransactionLink {
  /** Name of the card or of its reader, for a trace. */
  readonly name: string
  /** Called when a transaction has its turn. Nothing is begun where it throws or rejects. */
  begin(): Promise<void> | undefined
  /** Called at the end of each transaction that was begun. */
  end?(): void
  /** Sends a command and answers the card's response, both with what `Transmit` says of them. */
  transmit(apdu: Uint8Array, reply: Reply): Promise<Uint8Array>
}

/** What there is to say about a command beside the response. */
export interface Reply {
  /** Whether `post` has ended the transaction. */
  readonly posted: boolean
  /** Ends the transaction before the response is there; does nothing unless the command is the last one. */
  post(): void
  /** Takes the error behind the status word of the response. */
  refused(cause: unknown): void
}

/** The transaction whose work is on the call stack. */
let working: Transaction | undefined
/** The transaction that asynchronous code belongs to, while there is one that is followed. */
const belongsTo = new AsyncLocalStorage<Transaction>()
let followed = 0

class Transaction implements Turn {
  readonly card: Transactions
  /** The transaction, of another card, in which this one was asked for. */
  readonly outer: Transaction | undefined
  readonly flat: boolean
  /** The error behind the status word of the last response. */
  cause: unknown
  /** The last command was sent. */
  complete = false
  over = false

  constructor(card: Transactions, outer: Transaction | undefined, flat: boolean) {
    this.card = card
    this.outer = outer
    this.flat = flat
  }

  begun(): void {
    if (!this.flat) followed += 1
  }

  ended(): void {
    if (!this.flat) unfollow()
  }
}

class CommandReply implements Reply {
  readonly #transaction: Transaction
  readonly #last: boolean
  posted = false

  constructor(transaction: Transaction, last: boolean) {
    this.#transaction = transaction
    this.#last = last
  }

  post(): void {
    if (!this.#last) return
    this.posted = true
    this.#transaction.card.end(this.#transaction)
  }

  refused(cause: unknown): void {
    this.#transaction.cause = cause
  }
}

export class Transactions {
  readonly #link: TransactionLink
  readonly #mutex = new Mutex()
  readonly #traced: TracedCard | undefined

  constructor(link: TransactionLink) {
    this.#link = link
    this.#traced = tracedCard(link.name)
  }

  /** @throws UsageError ERR_USAGE, as a rejection, inside another transaction of this card */
  run<T>(work: (transmit: Transmit) => Promise<T>, { flat = false }: TransactionOptions = {}): Promise<T> {
    const outer = working ?? (followed > 0 ? belongsTo.getStore() : undefined)
    if (isInside(outer, this)) return Promise.reject(nested())
    const transaction = new Transaction(this, outer, flat)
    return this.#mutex.run(() => this.#begin(transaction, work), transaction)
  }

  /** Runs `work` after the transactions that were asked for before. */
  after<T>(work: () => Promise<T>): Promise<T> {
    return this.#mutex.run(work)
  }

  /** Ends a transaction before its work is done. */
  end(transaction: Transaction): void {
    this.#mutex.end(transaction)
  }

  #begin<T>(transaction: Transaction, work: (transmit: Transmit) => Promise<T>): Promise<T> {
    transaction.begun()
    const begun = this.#link.begin()
    if (begun !== undefined || this.#link.end !== undefined) return this.#around(begun, transaction, work)
    return enterWork(transaction, work, this.#transmit(transaction))
  }

  async #around<T>(
    begun: Promise<void> | undefined,
    transaction: Transaction,
    work: (transmit: Transmit) => Promise<T>,
  ): Promise<T> {
    await begun
    try {
      return await enterWork(transaction, work, this.#transmit(transaction))
    } finally {
      this.#link.end?.()
    }
  }

  #transmit(transaction: Transaction): Transmit {
    const transmit = (apdu: Uint8Array, options?: TransmitOptions) => this.#send(transaction, apdu, options)
    transmit.cause = () => transaction.cause
    return transmit
  }

  #send(transaction: Transaction, apdu: Uint8Array, { last = false }: TransmitOptions = {}): Promise<Uint8Array> {
    if (transaction.complete || transaction.over) return Promise.reject(tooLate())
    transaction.cause = undefined
    transaction.complete = last
    const reply = new CommandReply(transaction, last)
    if (this.#traced === undefined) return this.#link.transmit(apdu, reply)
    return this.#traced.follow(apdu, () => this.#link.transmit(apdu, reply))
  }
}

function isInside(outer: Transaction | undefined, card: Transactions): boolean {
  for (let one = outer; one !== undefined; one = one.outer) if (one.card === card && !one.over) return true
  return false
}

function enterWork<T>(
  transaction: Transaction,
  work: (transmit: Transmit) => Promise<T>,
  transmit: Transmit,
): Promise<T> {
  const above = working
  working = transaction
  try {
    return transaction.flat ? work(transmit) : belongsTo.run(transaction, work, transmit)
  } finally {
    working = above
  }
}

/** Following costs while it is on, also where there is nothing to follow. */
function unfollow(): void {
  followed -= 1
  if (followed === 0) belongsTo.disable()
}

const nested = () =>
  new UsageError(
    'ERR_USAGE',
    'A transaction was asked for inside another one of the same card, and would wait for itself. Use the transmit that the outer one gives.',
  )

const tooLate = () =>
  new UsageError('ERR_USAGE', 'The transaction that this transmit belongs to has ended. Begin another one.')
