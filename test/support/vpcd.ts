// A card in a virtual reader: any channel, served as the product serves it, with a hook on its commands.
import type { CardChannel } from '../../src/channel.ts'
import { type ServeOptions, serveChannel } from '../../src/serve/vpcd/serve.ts'
import { between } from './channels.ts'
import { within } from './temp.ts'

type Instead = Uint8Array | 'pull' | undefined

export interface Inserted {
  /** Every command APDU so far. */
  readonly commands: readonly Uint8Array[]
  /** How often the card was reset so far. */
  readonly resets: number
  /** Whether it was taken out. */
  readonly pulled: boolean
  /** Called before each command; what it answers is answered instead, `pull` pulls the card out. */
  intercept: ((apdu: Uint8Array) => Instead | Promise<Instead>) | undefined
  /** Takes the card out. */
  pull(): Promise<void>
}

const LIMIT_MS = 120_000

/** Puts a card into the reader at `port`. PC/SC sees it within its poll of 0.4 s. */
export async function insertCard(port: number, card: CardChannel, options: ServeOptions = {}): Promise<Inserted> {
  const commands: Uint8Array[] = []
  let resets = 0
  let pulled = false
  const pull = () => {
    pulled = true
    return served.close()
  }
  const watched = between(card, async (apdu, transmit) => {
    commands.push(Uint8Array.from(apdu))
    const instead = await inserted.intercept?.(Uint8Array.from(apdu))
    if (instead !== 'pull') return instead ?? transmit(apdu)
    void pull()
    return Uint8Array.of(0x6f, 0x00)
  })
  const channel: CardChannel = {
    get atr() {
      return card.atr
    },
    transaction: watched.transaction,
    close: () => card.close(),
    async reset() {
      resets += 1
      await card.reset()
    },
  }
  const served = await serveChannel(channel, { vpcd: `127.0.0.1:${port}`, ...options })
  const inserted: Inserted = {
    commands,
    get resets() {
      return resets
    },
    get pulled() {
      return pulled
    },
    intercept: undefined,
    pull,
  }
  await within(served.ready, LIMIT_MS, 'vpcd does not ask for the card')
  return inserted
}
