// A card in memory as a reader shows it to several programs, without a reader: what reaches it, and answers in its place.
import { hex } from '../../src/bytes.ts'
import type { CardChannel } from '../../src/channel.ts'
import type { Card } from '../../src/index.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { memoryCard } from '../pcsc/cards.ts'
import { between, send } from '../support/channels.ts'
import { octets } from '../support/octets.ts'

export { ADMIN_KEY, PIN } from '../pcsc/cards.ts'

export interface Shown {
  readonly card: Card
  /** Another program's view of the same card. */
  other(): Card
  /** Answered, in hex, or thrown instead of the card; undefined: the card answers. It is given the command in hex. */
  instead: ((apdu: string) => string | Error | undefined) | undefined
  /** What the card is sent before a command, unseen by who sent that. */
  first: ((apdu: string) => string | undefined) | undefined
  /** The instructions that reach the card during `work`, in hex. */
  sent(work: () => Promise<unknown>): Promise<string[]>
  /** Every command, as the array that was handed to the channel. */
  readonly commands: readonly Uint8Array[]
  /** Sends an APDU as another program does: the answer, and its status word alone. */
  answer(apdu: string): Promise<Uint8Array>
  send(apdu: string): Promise<string>
  /** As after a reset by another program: what was found out has to be found out again. */
  forget(): void
}

export interface ShownOptions {
  /** What the card does not have: it answers these instructions with 6D00. */
  readonly without?: readonly string[]
}

/** All that Yubico's cards have beyond PIV. */
export const BEYOND = ['fd', 'f8', 'f7', 'f6', 'fe', 'ff', 'f9'] as const

export function shownCard({ without = [] }: ShownOptions = {}): Shown {
  const { channel } = memoryCard()
  const commands: Uint8Array[] = []
  let generation = 0
  const watched = between(channel, async (apdu, transmit) => {
    commands.push(apdu)
    const text = hex(apdu)
    const before = shown.first?.(text)
    if (before !== undefined) await transmit(octets(before))
    const instead = shown.instead?.(text) ?? (without.includes(text.slice(2, 4)) ? '6d00' : undefined)
    if (instead instanceof Error) throw instead
    return instead === undefined ? transmit(apdu) : octets(instead)
  })
  const open = (): CardChannel => ({
    atr: channel.atr,
    reader: 'test',
    get generation() {
      return generation
    },
    transaction: watched.transaction,
    reset: () => channel.reset(),
    close: () => channel.close(),
  })
  const shown: Shown = {
    card: cardOver(open()),
    other: () => cardOver(open()),
    instead: undefined,
    first: undefined,
    commands,
    async sent(work) {
      const before = commands.length
      // Commands are overwritten once they are answered.
      const seen: string[] = []
      const instead = shown.instead
      shown.instead = (apdu) => {
        seen.push(apdu.slice(2, 4))
        return instead?.(apdu)
      }
      try {
        await work()
      } finally {
        shown.instead = instead
      }
      if (commands.length - before !== seen.length) throw new Error('a command went past')
      return seen
    },
    answer: (apdu) => send(channel, octets(apdu)),
    send: async (apdu) => hex((await shown.answer(apdu)).slice(-2)),
    forget() {
      generation += 1
    },
  }
  return shown
}
