/** Serving cards to PC/SC programs of this user, by a socket of our own. */
import { type NamedCard, openChannel } from '../cards/index.ts'
import type { CardChannel } from '../channel.ts'
import { type CardInReader, PcscService, type PcscServiceOptions } from '../doors/pcsc/service.ts'
import { servedSocket } from '../doors/runtime-folder.ts'
import { FileError } from '../errors.ts'
import { storesOf } from '../tpm/stores.ts'

export interface ServePcscOptions extends PcscServiceOptions, Omit<NamedCard, 'name'> {
  /** Path of the socket: `tessera/pcsc` in `$XDG_RUNTIME_DIR` unless given. No other user may have access to its folder. */
  readonly socket?: string
  /** A card is not marked as served, since the home cannot be written to. */
  readonly onWarning?: (text: string) => void
}

export interface ServedPcsc {
  readonly socket: string
  /** The environment in which programs find the cards. */
  readonly env: { readonly PCSCLITE_CSOCK_NAME: string }
  /** Names of the readers, in the order of the cards. */
  readonly readers: readonly string[]
  /** Takes the card out of a reader: programs that use it are told. @throws UsageError ERR_USAGE */
  takeOut(reader: string): void
  /** Puts a card into a reader, in place of the one that is there. @throws UsageError ERR_USAGE */
  putIn(reader: string, channel: CardChannel): void
  /** Ends every connection and removes the socket. A verified PIN is forgotten. */
  close(): Promise<void>
}

/** As pcscd names a reader: name, and the numbers of the reader and its slot. */
export const readerName = (card: string): string => `Tessera ${card} 00 00`

/**
 * Serves cards to every PC/SC program that this user starts with `env`: OpenSC, ssh, GnuPG, ykman. It speaks pcscd's own
 * protocol, and needs neither pcscd nor root. Programs of other users are sent away. A card given by name is opened and
 * closed here, and its reader is called `Tessera NAME 00 00`. A channel stays open; nothing else may use it meanwhile.
 *
 * docs/serve.md has what programs see.
 * @throws UsageError ERR_USAGE; FileError ERR_CARD_BUSY where a card or the socket is served already; as `openCard`.
 * Later trouble is reported to `onTrouble`
 * @example
 * const served = await servePcsc(['work'])
 * const env = { ...process.env, ...served.env } // for programs that are to find the card
 * await served.close()
 */
export async function servePcsc(
  cards: readonly (string | CardInReader)[],
  options: ServePcscOptions = {},
): Promise<ServedPcsc> {
  const socket = options.socket ?? servedSocket(options.home)
  const open: OpenCard[] = []
  const closeAll = async () => {
    await Promise.allSettled(open.map((card) => card.close()))
  }
  try {
    for (const card of cards) open.push(await opened(card, socket, options))
    const service = await PcscService.open(socket, open, options)
    for (const card of open) card.shown()
    let closing: Promise<void> | undefined
    return {
      socket,
      env: { PCSCLITE_CSOCK_NAME: socket },
      readers: open.map(({ reader }) => reader),
      takeOut: (reader) => service.takeOut(reader),
      putIn: (reader, channel) => service.putIn(reader, channel),
      close: () => {
        closing ??= service.close().finally(closeAll)
        return closing
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

interface OpenCard extends CardInReader {
  shown(): void
  close(): Promise<void>
}

async function opened(card: string | CardInReader, socket: string, options: ServePcscOptions): Promise<OpenCard> {
  if (typeof card === 'object') return { ...card, shown: () => {}, close: async () => {} }
  const { home } = options
  const channel = await openChannel({ ...options, name: card })
  try {
    const { served } = storesOf(home === undefined ? {} : { home })
    const unmark = await marked(() => served.begin(card, `PCSCLITE_CSOCK_NAME=${socket}`), options)
    const show = served.showing(card)
    return {
      reader: readerName(card),
      channel,
      shown: () => show(true),
      async close() {
        show(false)
        await unmark().finally(() => channel.close())
      },
    }
  } catch (error) {
    await channel.close()
    throw error
  }
}

/** Other processes are told where the card is, if the home can be written to. */
async function marked(begin: () => Promise<() => Promise<void>>, { onWarning }: ServePcscOptions) {
  try {
    return await begin()
  } catch (error) {
    if (!(error instanceof FileError) || error.code === 'ERR_CARD_BUSY') throw error
    onWarning?.(error.message)
    return async () => {}
  }
}
