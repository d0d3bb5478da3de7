// Cards to put into virtual readers.

import { utf8 } from '../../src/bytes.ts'
import { localChannel } from '../../src/cards/local-card.ts'
import type { CardChannel } from '../../src/channel.ts'
import { native } from '../../src/native.ts'
import { NEUTRAL_ATR } from '../../src/piv/atr.ts'
import { type MemoryCard, newMemoryCard, openMemoryVault } from '../contract/memory-vault.ts'
import { gate, within } from '../support/temp.ts'

export const PIN = '483920'
export const ADMIN_KEY = Uint8Array.from({ length: 24 }, (_, index) => 0xa0 + index)

const PRESENT = 0x20
const last = new Map<string, { readonly card: boolean; readonly events: number }>()

/**
 * Resolves when PC/SC has, or has no more, a card in a reader. Its count of insertions and removals must have moved too:
 * a reset that fails makes the card look absent before pcscd has looked, and a card put in by then is never seen.
 */
export async function seen(reader: string, card: boolean): Promise<void> {
  const there = gate()
  const before = last.get(reader)
  const monitor = new (native().PcscMonitor)((_, readers) => {
    const found = readers.find(({ name }) => name === reader)
    if (found === undefined || ((found.state & PRESENT) !== 0) !== card) return
    if (before !== undefined && before.card !== card && before.events === found.events) return
    last.set(reader, { card, events: found.events })
    there.open()
  })
  try {
    await within(there.promise, 120_000, `PC/SC does not see that ${card ? 'a' : 'no'} card is there`)
  } finally {
    monitor.close()
  }
}

/** A card that answers everything with 9000. */
export function plainCard(
  answer: (apdu: Uint8Array) => ArrayLike<number> | Promise<ArrayLike<number>> = () => [0x90, 0x00],
): CardChannel {
  const transmit = async (apdu: Uint8Array) => Uint8Array.from(await answer(apdu))
  return {
    atr: NEUTRAL_ATR,
    transaction: (work) => work(transmit),
    reset: async () => undefined,
    close: async () => undefined,
  }
}

/** A PIV card in memory. */
export function memoryCard(): { card: MemoryCard; channel: CardChannel } {
  const card = newMemoryCard({
    name: 'memory',
    pin: utf8(PIN),
    puk: utf8('open ?me'),
    pinTries: 5,
    pukTries: 5,
    adminKey: { algorithm: 0x0a, key: ADMIN_KEY },
    unlockSeconds: 900,
    mustChangePin: false,
  })
  return { card, channel: localChannel(openMemoryVault(card)) }
}
