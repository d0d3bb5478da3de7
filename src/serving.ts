/** Putting cards into PC/SC: a card by its name, or whatever is a channel. */
import { type NamedCard, openChannel } from './cards.ts'
import type { CardChannel } from './channel.ts'
import { type Served, type ServeOptions, serveChannel } from './serve/serve.ts'

export interface ServeCardOptions extends ServeOptions, Omit<NamedCard, 'name'> {}

/**
 * Puts a card into a reader, where every program of the machine finds it through PC/SC, until `close`. It goes back into
 * the reader by itself whenever pcscd was away. A card by its name is opened here, and closed with it; a channel is used
 * by nobody else meanwhile, and stays open.
 *
 * Design, section 1. The way into PC/SC is vsmartcard's vpcd, which must be installed: docs/serve.md.
 * @throws UsageError ERR_USAGE; as `openCard`. What befalls later is told by `onState` and `onTrouble`
 * @example
 * const served = await serveCard('work')
 * await served.ready // the card is in the reader
 * await served.close()
 */
export async function serveCard(card: string | CardChannel, options: ServeCardOptions = {}): Promise<Served> {
  if (typeof card !== 'string') return serveChannel(card, options)
  const channel = await openChannel({ ...options, name: card })
  try {
    return serveChannel(channel, options, () => channel.close())
  } catch (error) {
    await channel.close()
    throw error
  }
}
