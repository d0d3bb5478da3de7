// A card, any card, in a reader that every program of the machine sees.
import type { CardChannel } from '../channel.ts'
import { CardError, UsageError } from '../errors.ts'
import { CardSide } from './card-side.ts'
import { VpcdDialer } from './dial.ts'
import type { Link, LinkEvents, LinkState } from './link.ts'

export interface ServeOptions {
  /** Where vpcd listens: `127.0.0.1:35963` unless given. Other machines are refused: PINs would cross a network in clear. */
  readonly vpcd?: string
  /** The card is in the reader, or not any more, or is withheld from whoever is there. */
  readonly onState?: (state: LinkState, why?: Error) => void
  readonly onWarning?: (text: string) => void
  /** A command that was answered with 6F00, and why. Nothing of the command is in it. */
  readonly onTrouble?: (error: unknown) => void
}

export interface Served {
  /** Resolves when PC/SC has asked for the card for the first time and was answered; rejects when it never came to that. */
  readonly ready: Promise<void>
  /** Resolves when the card is out of the reader for good. */
  readonly closed: Promise<void>
  /** Takes the card out of the reader, at once; what was verified is forgotten. */
  close(): Promise<void>
}

export const DEFAULT_PLACE = '127.0.0.1:35963'

/** @throws UsageError for what is no place on this machine */
export function parsePlace(text: string): { host: string; port: number } {
  const [, host = '', digits = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === '' || port < 1 || port > 65_535) {
    throw new UsageError(
      'ERR_USAGE',
      `'${text}' is no place of a vpcd. Give it as HOST:PORT, for example ${DEFAULT_PLACE}.`,
    )
  }
  if (host === 'localhost') return { host: '127.0.0.1', port }
  if (/^127(\.\d{1,3}){3}$/.test(host)) return { host, port }
  throw new UsageError(
    'ERR_USAGE',
    `A card is served on this machine alone (127.0.0.1), not at '${host}': PINs would cross the network in clear.`,
  )
}

/** Puts the card behind a channel into PC/SC. `close` resets it, and ends with `last`. */
export function serveChannel(
  channel: CardChannel,
  options: ServeOptions = {},
  last: () => Promise<void> = async () => undefined,
): Served {
  const place = parsePlace(options.vpcd ?? DEFAULT_PLACE)
  const card = new CardSide(channel, (error) => options.onTrouble?.(error))
  let inserted = () => {}
  let never = (_: Error) => {}
  const ready = new Promise<void>((resolve, reject) => {
    inserted = resolve
    never = reject
  })
  // Who does not ask is not told.
  ready.catch(() => undefined)
  const events: LinkEvents = {
    onState: (state, why) => {
      if (state === 'inserted') inserted()
      options.onState?.(state, why)
    },
    onWarning: (text) => options.onWarning?.(text),
  }
  const link: Link = new VpcdDialer(card, place, events)
  let over = () => {}
  const closed = new Promise<void>((resolve) => {
    over = resolve
  })
  let closing: Promise<void> | undefined
  const close = async () => {
    await link.close()
    await card.reset()
    await last()
    never(new CardError('ERR_CARD_CLOSED', 'The card was taken back before it was in a reader.'))
    over()
  }
  return {
    ready,
    closed,
    close: () => {
      closing ??= close()
      return closing
    },
  }
}
