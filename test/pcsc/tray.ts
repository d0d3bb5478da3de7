// What a virtual reader holds, exchanged without waiting for the poll of 0.4 s: PC/SC powers the reader down and up, and
// while it has no power another card is laid in.
import type { CardChannel, Transmit } from '../../src/channel.ts'
import { native } from '../../src/native.ts'
import { NEUTRAL_ATR } from '../../src/piv/atr.ts'
import { within } from '../support/temp.ts'

const LIMIT_MS = 120_000
const SHARED = 2
const T0_OR_T1 = 3
const POWER_DOWN_AND_UP = 2

/** To be put into the reader of this name. It changes what it holds when the reader loses power, and at no other time. */
export class Tray implements CardChannel {
  readonly atr = NEUTRAL_ATR
  readonly #reader: string
  #card: CardChannel | undefined
  #next: CardChannel | undefined
  #laid = () => {}

  constructor(reader: string) {
    this.#reader = reader
  }

  /** Another card, or none, in place of the one that it holds, which is closed. */
  async exchange(next: CardChannel | undefined): Promise<void> {
    const before = this.#card
    this.#next = next
    // PC/SC goes on as soon as it has the answer to reset, perhaps before.
    const laid = new Promise<void>((resolve) => {
      this.#laid = resolve
    })
    await powerCycle(this.#reader)
    await within(laid, LIMIT_MS, 'the reader keeps its power')
    if (before !== next) await before?.close()
  }

  transaction<T>(work: (transmit: Transmit) => Promise<T>): Promise<T> {
    return this.#card === undefined ? work(nothing) : this.#card.transaction(work)
  }

  async reset(): Promise<void> {
    this.#card = this.#next
    this.#laid()
    await this.#card?.reset()
  }

  async close(): Promise<void> {}
}

const nothing: Transmit = async () => {
  throw new Error('nothing lies in the reader')
}

/** Until PC/SC has had the reader without power. */
async function powerCycle(reader: string): Promise<void> {
  const connection = new (native().PcscConnection)()
  try {
    await connection.connect(reader, SHARED, T0_OR_T1)
    await connection.reconnect(POWER_DOWN_AND_UP)
  } finally {
    await connection.close()
  }
}
