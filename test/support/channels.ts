// Channels for tests: a command in a transaction of its own, and a channel with something in the way of its commands.
import type { CardChannel, Transmit } from '../../src/channel.ts'

/** Sends one command in a transaction of its own. */
export const send = (channel: CardChannel, apdu: Uint8Array): Promise<Uint8Array> =>
  channel.transaction((transmit) => transmit(apdu))

type Facts = Partial<Pick<CardChannel, 'local' | 'reader' | 'generation' | 'extended'>>

/**
 * `channel` with `through` between its commands and the card: it is given each command and the way on. Of what the
 * channel says of itself it has only what is in `facts`.
 */
export function between(
  channel: CardChannel,
  through: (apdu: Uint8Array, transmit: (apdu: Uint8Array) => Promise<Uint8Array>) => Promise<Uint8Array>,
  facts: Facts = {},
): CardChannel {
  return {
    ...factsOf(facts),
    get atr() {
      return channel.atr
    },
    transaction: (work, options) => channel.transaction((transmit) => work(wrapped(transmit, through)), options),
    reset: () => channel.reset(),
    close: () => channel.close(),
  }
}

function wrapped(transmit: Transmit, through: Parameters<typeof between>[1]): Transmit {
  const send: Transmit = (apdu, options) => through(apdu, (one) => transmit(one, options))
  return Object.assign(send, { cause: () => transmit.cause?.() })
}

/** Only what is there: a channel without a `generation` is another one than one whose generation is undefined. */
function factsOf({ local, reader, generation, extended }: Facts): Facts {
  return {
    ...(local && { local }),
    ...(reader !== undefined && { reader }),
    ...(generation !== undefined && { generation }),
    ...(extended !== undefined && { extended }),
  }
}
