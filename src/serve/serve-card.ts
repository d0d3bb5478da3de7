/** Putting cards into PC/SC: a card by its name, or any channel. */
import { type NamedCard, openChannel } from '../cards/index.ts'
import type { CardChannel } from '../channel.ts'
import { FileError } from '../errors.ts'
import { storesOf } from '../tpm/stores.ts'
import { DEFAULT_PLACE, type Served, type ServeOptions, serveChannel } from './vpcd/serve.ts'

export interface ServeCardOptions extends ServeOptions, Omit<NamedCard, 'name'> {}

/**
 * Puts a card into a reader, where every program of the machine finds it through PC/SC, until `close`. It goes back into
 * the reader by itself when pcscd is back. A card given by name is opened and closed here. A channel stays open; nothing
 * else may use it meanwhile.
 *
 * The way into PC/SC is vpcd of vsmartcard, which must be installed: docs/serve.md.
 * @throws UsageError ERR_USAGE, ERR_SERVE_PORT; FileError ERR_CARD_BUSY where it is served already; as `openCard`. Later trouble is reported to `onState` and `onTrouble`
 * @example
 * const served = await serveCard('work')
 * await served.ready // the card is in the reader
 * await served.close()
 */
export async function serveCard(card: string | CardChannel, options: ServeCardOptions = {}): Promise<Served> {
  if (typeof card === 'object') return serveChannel(card, options)
  const channel = await openChannel({ ...options, name: card })
  let unmark = async () => {}
  const shown = servedIn(options).showing(card)
  const last = () => {
    shown(false)
    return unmark().finally(() => channel.close())
  }
  const onState: ServeOptions['onState'] = (state, why) => {
    shown(state === 'inserted')
    options.onState?.(state, why)
  }
  try {
    unmark = await mark(card, options)
    return await serveChannel(channel, { ...options, onState }, last)
  } catch (error) {
    await last()
    throw error
  }
}

/** Tells other processes where the card is, if the home can be written to. */
async function mark(name: string, { vpcd = DEFAULT_PLACE, listen, onWarning, ...place }: ServeCardOptions) {
  const served = servedIn(place)
  try {
    return await served.begin(name, listen === undefined ? `vpcd ${vpcd}` : `listening for vpcd at ${listen}`)
  } catch (error) {
    if (!(error instanceof FileError) || error.code === 'ERR_CARD_BUSY') throw error
    onWarning?.(error.message)
    return async () => {}
  }
}

const servedIn = ({ home }: ServeCardOptions) => storesOf(home === undefined ? {} : { home }).served
