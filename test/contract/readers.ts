// Two readers, used in turn, and a card in each that is exchanged: of a real pcscd and vpcd, or on a socket of our own.
import { join } from 'node:path'
import type { CardChannel } from '../../src/channel.ts'
import { PcscService } from '../../src/doors/pcsc/service.ts'
import { ReaderChannel } from '../../src/pcsc/channel.ts'
import { plainCard, seen } from '../pcsc/cards.ts'
import { Tray } from '../pcsc/tray.ts'
import { startPcscd } from '../support/pcscd.ts'
import { tempDir } from '../support/temp.ts'
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

/** The same on a socket of our own, in this process. */
export async function startSocketReaders(): Promise<Readers> {
  const path = join(tempDir('socket'), 'pcsc')
  process.env.PCSCLITE_CSOCK_NAME = path
  const readers = ['Tessera test 00 00', 'Tessera test 01 00']
  const cards = readers.map((reader) => ({ reader, channel: plainCard() }))
  const service = await PcscService.open(path, cards)
  const inside = new Map<string, CardChannel>()
  const exchange = async (reader: string, next: CardChannel | undefined) => {
    const before = inside.get(reader)
    if (next === undefined) service.takeOut(reader)
    else service.putIn(reader, next)
    inside.delete(reader)
    if (next !== undefined) inside.set(reader, next)
    if (before !== next) await before?.close()
  }
  let count = 0
  return {
    async put(card) {
      const reader = readers[count % readers.length] as string
      count += 1
      await exchange(reader, card)
      return {
        open: () => ReaderChannel.open(reader),
        exchange: (next) => exchange(reader, next),
        takeOut: () => exchange(reader, undefined),
      }
    },
    stop: () => service.close(),
  }
}
