// Transactions of one card, one at a time: what every channel shares. A transaction inside another one of the same card
// would wait for itself, so it is refused; and so is a `transmit` that was kept for longer than its transaction.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { TransactionOptions, Transmit } from './channel.ts'
import { UsageError } from './errors.ts'
import { Mutex, type Release } from './mutex.ts'

/** What a channel does for its transactions. */
export interface TransactionLink {
  /** Called when a transaction has its turn. Nothing is begun where it throws or rejects. */
  begin(): Promise<void> | undefined
  /** Called at the end of each transaction that was begun. */
  end?(): void
  /** Sends a command and answers the card's response, both with what `Transmit` says of them. */
  transmit(apdu: Uint8Array, reply: Reply): Promise<Uint8Array>
}

/** What there is to say about a command beside the response. */
export interface Reply {
  /** Ends the transaction before the response is there; undefined unless the command is the last one. */
  readonly posted: Release | undefined
  /** Takes the error behind the status word of the response. */
  refused(cause: unknown): void
}

interface Turn {
  readonly card: Transactions
  /** The transaction, of another card, in which this one was asked for. */
  readonly outer: Turn | undefined
  /** The last command was sent. */
  complete: boolean
  over: boolean
}

/** The transaction whose work is on the call stack. */
let working: Turn | undefined
/** The transaction that asynchronous code belongs to, while there is one that is followed. */
const belongsTo = new AsyncLocalStorage<Turn>()
let followed = 0

export class Transactions {
  readonly #link: TransactionLink
  readonly #mutex = new Mutex()

  constructor(link: TransactionLink) {
    this.#link = link
  }

  /** @throws UsageError ERR_USAGE, as a rejection, inside another transaction of this card */
  run<T>(work: (transmit: Transmit) => Promise<T>, { flat = false }: TransactionOptions = {}): Promise<T> {
    const outer = working ?? (followed > 0 ? belongsTo.getStore() : undefined)
    if (isInside(outer, this)) return Promise.reject(nested())
    const turn: Turn = { card: this, outer, complete: false, over: false }
    const ended = () => {
      turn.over = true
      if (!flat) unfollow()
    }
    return this.#mutex.run((release) => {
      if (!flat) followed += 1
      const begun = this.#link.begin()
      const enter = () => enterWork(turn, flat, () => work(this.#transmit(turn, release)))
      return begun === undefined && this.#link.end === undefined ? enter() : this.#around(begun, enter)
    }, ended)
  }

  /** Runs `work` after the transactions that were asked for before. */
  after<T>(work: () => Promise<T>): Promise<T> {
    return this.#mutex.run(work)
  }

  async #around<T>(begun: Promise<void> | undefined, work: () => Promise<T>): Promise<T> {
    await begun
    try {
      return await work()
    } finally {
      this.#link.end?.()
    }
  }

  #transmit(turn: Turn, release: Release): Transmit {
    let cause: unknown
    const refused = (error: unknown) => {
      cause = error
    }
    const transmit = (apdu: Uint8Array, { last = false } = {}): Promise<Uint8Array> => {
      if (turn.complete || turn.over) return Promise.reject(tooLate())
      cause = undefined
      turn.complete = last
      return this.#link.transmit(apdu, { posted: last ? release : undefined, refused })
    }
    return Object.assign(transmit, { cause: () => cause })
  }
}

function isInside(turn: Turn | undefined, card: Transactions): boolean {
  for (let one = turn; one !== undefined; one = one.outer) if (one.card === card && !one.over) return true
  return false
}

function enterWork<T>(turn: Turn, flat: boolean, work: () => Promise<T>): Promise<T> {
  const above = working
  working = turn
  try {
    return flat ? work() : belongsTo.run(turn, work)
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
