// A card whose signatures can be held up, as those of a card in a reader that somebody else uses.
import type { CardChannel } from '../../../src/channel.ts'
import { type Card, cardOver } from '../../../src/piv/host/card.ts'
import { between } from '../../support/channels.ts'
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
  const through: Parameters<typeof between>[1] = async (apdu, transmit) => {
    if (apdu[1] === GENERAL_AUTHENTICATE && waiting !== undefined) {
      count += 1
      arrived.open()
      await waiting.promise
    }
    return transmit(apdu)
  }
  const slow = between(channel, through, channel.local && { local: channel.local })
  return {
    card: cardOver(slow),
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
