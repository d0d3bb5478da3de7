// Two readers of a real pcscd and vpcd, used in turn, and a card in each that is exchanged.
import type { CardChannel } from '../../src/channel.ts'
import { ReaderChannel } from '../../src/pcsc/channel.ts'
import { seen } from '../pcsc/cards.ts'
import { Tray } from '../pcsc/tray.ts'
import { startPcscd } from '../support/pcscd.ts'
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

export async function startReaders(): Promise<Readers> {
  const pcscd = await startPcscd()
  const trays = pcscd.readers.map((reader) => ({ reader, tray: new Tray(reader) }))
  const inserted: Inserted[] = []
  for (const [at, { reader, tray }] of trays.entries()) {
    inserted.push(await insertCard(pcscd.ports[at] ?? 0, tray))
    await seen(reader, true)
  }
  let count = 0
  return {
    async put(card) {
      const { reader, tray } = trays[count % trays.length] as (typeof trays)[number]
      count += 1
      await tray.exchange(card)
      return {
        open: () => ReaderChannel.open(reader),
        exchange: (next) => tray.exchange(next),
        takeOut: () => tray.exchange(undefined),
      }
    },
    async stop() {
      for (const one of inserted) await one.pull()
      await pcscd.stop()
    },
  }
}
