// A card whose signatures can be held up, as those of a card in a reader that somebody else uses.
import type { CardChannel } from '../../../src/channel.ts'
import { Card } from '../../../src/piv/host/card.ts'
import { gate } from '../../support/temp.ts'

const GENERAL_AUTHENTICATE = 0x87

export interface SlowCard {
  readonly card: Card
  /** From now on signatures wait. */
  hold(): void
  letGo(): void
  /** How many came to wait. */
  held(): number
  /** Resolves when one waits. */
  holding(): Promise<void>
}

export function slowed(channel: CardChannel): SlowCard {
  let waiting: ReturnType<typeof gate<void>> | undefined
  let arrived = gate()
  let count = 0
  const slow: CardChannel = {
    atr: channel.atr,
    ...(channel.local && { local: channel.local }),
    async transmit(apdu) {
      if (apdu[1] === GENERAL_AUTHENTICATE && waiting !== undefined) {
        count += 1
        arrived.open()
        await waiting.promise
      }
      return channel.transmit(apdu)
    },
    transaction: (work) => channel.transaction(work),
    reset: () => channel.reset(),
    close: () => channel.close(),
  }
  return {
    card: new Card(slow),
    hold() {
      waiting = gate()
      arrived = gate()
    },
    letGo() {
      waiting?.open()
      waiting = undefined
    },
    held: () => count,
    holding: () => arrived.promise,
  }
}
