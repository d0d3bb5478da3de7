// vpcd as tests play it, and what a card that is served to it says.
import type { CardChannel } from '../../../src/channel.ts'
import type { LinkState } from '../../../src/serve/vpcd/link.ts'
import { type Served, type ServeOptions, serveChannel } from '../../../src/serve/vpcd/serve.ts'
import { plainCard } from '../../pcsc/cards.ts'
import { octets } from '../../support/octets.ts'
import { gate } from '../../support/temp.ts'
import { type RawPeer, RawVpcd } from './raw-vpcd.ts'

export const OFF = [0]
export const ON = [1]
export const RESET = [2]
export const ATR = [4]
export const OK = [0x90, 0x00]
export const status = octets('00200080')

export interface Bench {
  readonly vpcd: RawVpcd
  readonly peer: RawPeer
  readonly served: Served
  readonly states: readonly LinkState[]
  readonly troubles: readonly unknown[]
}

export async function onBench(
  card: CardChannel,
  work: (bench: Bench) => Promise<void>,
  more: ServeOptions = {},
): Promise<void> {
  const vpcd = await RawVpcd.listen()
  const states: LinkState[] = []
  const troubles: unknown[] = []
  const served = await serveChannel(card, {
    vpcd: vpcd.place,
    onState: (state) => states.push(state),
    onTrouble: (error) => troubles.push(error),
    ...more,
  })
  try {
    await work({ vpcd, peer: await vpcd.peer(), served, states, troubles })
  } finally {
    await served.close()
    await vpcd.close()
  }
}

/** A plain card with a gate in front of each command. */
export function heldCard() {
  const held = gate()
  const begun = gate()
  const resets = { count: 0 }
  const channel: CardChannel = {
    ...plainCard(async () => {
      begun.open()
      await held.promise
      return OK
    }),
    async reset() {
      resets.count += 1
    },
  }
  return { channel, held, begun, resets }
}
