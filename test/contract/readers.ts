// Two readers of a real pcscd and vpcd, used in turn, and a card in each that is exchanged without waiting for the poll
// of 0.4 s: PC/SC powers the reader down and up, and while it has no power another card is laid in.
import type { CardChannel } from '../../src/channel.ts'
import { native } from '../../src/native.ts'
import { ReaderChannel } from '../../src/pcsc/channel.ts'
import { NEUTRAL_ATR } from '../../src/piv/atr.ts'
import { seen } from '../pcsc/cards.ts'
import { startPcscd } from '../support/pcscd.ts'
import { within } from '../support/temp.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'

/** A card in a reader. */
export interface Place {
  /** A new connection to it. */
  open(): Promise<CardChannel>
  /** Another card in place of it, which is closed. */
  exchange(card: CardChannel): Promise<void>
  takeOut(): Promise<void>
}

export interface Readers {
  put(card: CardChannel): Promise<Place>
  stop(): Promise<void>
}

const LIMIT_MS = 10_000
const SHARED = 2
const T0_OR_T1 = 3
const POWER_DOWN_AND_UP = 2

/** What the reader holds. It changes when the reader loses power, and at no other time. */
class Tray implements CardChannel {
  readonly atr = NEUTRAL_ATR
  #card: CardChannel | undefined
  #next: CardChannel | undefined
  #laid = () => {}

  /** Resolves when the card lies in it. PC/SC goes on as soon as it has the answer to reset, perhaps before. */
  lay(card: CardChannel | undefined): Promise<void> {
    this.#next = card
    return new Promise((resolve) => {
      this.#laid = resolve
    })
  }

  get laid(): CardChannel | undefined {
    return this.#card
  }

  transmit(apdu: Uint8Array): Promise<Uint8Array> {
    if (this.#card === undefined) throw new Error('nothing lies in the reader')
    return this.#card.transmit(apdu)
  }

  transaction<T>(work: () => Promise<T>): Promise<T> {
    return (this.#card ?? { transaction: (direct: () => Promise<T>) => direct() }).transaction(work)
  }

  async reset(): Promise<void> {
    this.#card = this.#next
    this.#laid()
    await this.#card?.reset()
  }

  async close(): Promise<void> {}
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

export async function startReaders(): Promise<Readers> {
  const pcscd = await startPcscd()
  const trays = [new Tray(), new Tray()]
  const inserted: Inserted[] = []
  for (const [at, tray] of trays.entries()) {
    inserted.push(await insertCard(pcscd.ports[at] ?? 0, tray))
    await seen(pcscd.readers[at] ?? '', true)
  }
  let count = 0
  return {
    async put(card) {
      const at = count % 2
      count += 1
      const [tray, reader] = [trays[at] ?? new Tray(), pcscd.readers[at] ?? '']
      const exchange = async (next: CardChannel | undefined) => {
        const before = tray.laid
        const laid = tray.lay(next)
        await powerCycle(reader)
        await within(laid, LIMIT_MS, 'the reader keeps its power')
        if (before !== next) await before?.close()
      }
      await exchange(card)
      return { open: () => ReaderChannel.open(reader), exchange, takeOut: () => exchange(undefined) }
    },
    async stop() {
      for (const one of inserted) await one.pull()
      await pcscd.stop()
    },
  }
}
