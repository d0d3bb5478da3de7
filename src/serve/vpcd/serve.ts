// Any card in a reader that every program of the machine sees.
import type { CardChannel } from '../../channel.ts'
import { CardResponder } from '../../doors/card-responder.ts'
import { CardError, UsageError } from '../../errors.ts'
import type { LinkEvents, LinkState } from './link.ts'
import { listenForVpcd } from './listen-both-ports.ts'
import { type Place, VpcdConnector } from './vpcd-connector.ts'

export interface ServeOptions {
  /** Where vpcd listens: `127.0.0.1:35963` unless given. Other machines are refused: PINs would cross a network in clear. */
  readonly vpcd?: string
  /** The other direction: a port of 127.0.0.1 where vpcd (DEVICENAME 127.0.0.1:PORT) finds the card. */
  readonly listen?: number
  /** With `listen`: whether the next port is answered too. Else vpcd 3.3 crashes pcscd. True unless given. */
  readonly bothPorts?: boolean
  /** @deprecated Old name of `bothPorts`. */
  readonly neighbour?: boolean
  /** The card is in the reader, no longer in it, or withheld from the peer; and why, if known. */
  readonly onState?: (state: LinkState, why?: Error) => void
  readonly onWarning?: (text: string) => void
  /** A command was answered with 6F00, and why; without any part of the command. */
  readonly onTrouble?: (error: unknown) => void
}

export interface Served {
  /** Resolves when pcscd has first powered the card, and will show it in a moment; rejects if that never happens. */
  readonly ready: Promise<void>
  /** Resolves when the card is out of the reader for good. */
  readonly closed: Promise<void>
  /** Takes the card out of the reader at once. A verified PIN is forgotten. */
  close(): Promise<void>
}

export const DEFAULT_PLACE = '127.0.0.1:35963'
const LAST_PORT = 65_535

/** @throws UsageError ERR_USAGE unless it is an address of this machine */
export function parsePlace(text: string): Place {
  const [, host = '', digits = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? []
  const port = checkPort(digits === '' ? 0 : Number(digits), `'${text}' is not the address of a vpcd`)
  if (host === 'localhost') return { host: '127.0.0.1', port }
  if (/^127(\.\d{1,3}){3}$/.test(host)) return { host, port }
  throw new UsageError(
    'ERR_USAGE',
    `A card is served on this machine alone (127.0.0.1), not at '${host}': PINs would cross a network in clear.`,
  )
}

function checkPort(port: number, what: string): number {
  if (Number.isInteger(port) && port >= 1 && port <= LAST_PORT) return port
  throw new UsageError(
    'ERR_USAGE',
    `${what}. Ports are from 1 to ${LAST_PORT}; the address is HOST:PORT, such as ${DEFAULT_PLACE}.`,
  )
}

/**
 * Puts the card behind a channel into PC/SC. `close` resets it, and ends with `last`.
 * @throws UsageError ERR_USAGE, ERR_SERVE_PORT
 */
export async function serveChannel(
  channel: CardChannel,
  options: ServeOptions = {},
  last: () => Promise<void> = async () => undefined,
): Promise<Served> {
  const { vpcd, listen, bothPorts = options.neighbour ?? true } = options
  if (vpcd !== undefined && listen !== undefined) {
    throw new UsageError('ERR_USAGE', 'Either vpcd listens, or the card: not both.')
  }
  const card = new CardResponder(channel, (error) => options.onTrouble?.(error))
  const ready = promise()
  const closed = promise()
  const events: LinkEvents = {
    onState: (state, why) => {
      if (state === 'inserted') ready.resolve()
      options.onState?.(state, why)
    },
    onWarning: (text) => options.onWarning?.(text),
  }
  const link =
    listen === undefined
      ? new VpcdConnector(card, parsePlace(vpcd ?? DEFAULT_PLACE), events)
      : await listenForVpcd(card, checkPort(listen, `${listen} is not a port`), bothPorts, events)
  const close = async () => {
    try {
      await link.close()
      await card.reset()
      await last()
    } finally {
      ready.reject(new CardError('ERR_CARD_CLOSED', 'The card was taken back before it was in a reader.'))
      closed.resolve()
    }
  }
  let closing: Promise<void> | undefined
  return {
    ready: ready.promise,
    closed: closed.promise,
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

function promise(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let [resolve, reject] = [() => {}, (_: Error) => {}]
  const made = new Promise<void>((fulfil, refuse) => {
    resolve = fulfil
    reject = refuse
  })
  // A caller that does not await `ready` gets no unhandled rejection.
  made.catch(() => undefined)
  return { promise: made, resolve, reject }
}
