// What the card in a reader reports about itself. No try is spent, no card is reset, and a hanging reader delays no
// other.
import { hex } from '../bytes.ts'
import type { Transmit } from '../channel.ts'
import { type AnyCardError, isCardError, PcscError, valueIf } from '../errors.ts'
import { ReaderChannel } from '../pcsc/channel.ts'
import { listReaders } from '../pcsc/readers.ts'
import { guidOf } from '../piv/contents.ts'
import { Exchange } from '../piv/host/exchange.ts'
import { readObject } from '../piv/host/objects.ts'
import { selectPiv } from '../piv/host/pins.ts'
import { ifReadable } from '../piv/host/readable.ts'
import { witnessOfPiv } from '../piv/host/selection.ts'

/** A card, or why there is no answer. Any card can claim any id. */
type Probed =
  | { readonly reader: string; readonly cardId?: string | undefined }
  | { readonly reader: string; readonly state: 'busy' | 'no-piv' | 'unusable'; readonly error: AnyCardError }

/** `found`: what the caller read. */
export type Probe<T> =
  | { readonly reader: string; readonly cardId: string | undefined; readonly found: T }
  | Extract<Probed, { readonly error: unknown }>

/** Reads from the card what the caller needs, in the transaction of the probe. */
export type Read<T> = (exchange: Exchange, channel: ReaderChannel) => Promise<T>

/** Limit for everything that is read from one card, in milliseconds. */
export const PROBE_MS = 10_000

/**
 * Probes the cards in all readers at once. Empty if PC/SC cannot be used: `listReaders` says why. `waitMs` limits the
 * wait for another program that uses the card, and for each answer.
 */
export async function probeReaders<T>(waitMs: number, read: Read<T>): Promise<Array<Probe<T>>> {
  const readers = await listReaders({ waitMs }).catch(valueIf(isCardError, []))
  return Promise.all(readers.filter(({ card }) => card).map(({ name }) => probeReader(name, waitMs, read)))
}

export async function probeReader<T>(reader: string, waitMs: number, read: Read<T>): Promise<Probe<T>> {
  let channel: ReaderChannel | undefined
  try {
    channel = await ReaderChannel.open(reader, { waitMs, answerMs: waitMs })
    const said = await ask(channel, read)
    await channel.close()
    return said
  } catch (error) {
    // Not awaited: closing a hanging reader takes long.
    void channel?.close().catch(() => undefined)
    if (!isCardError(error)) throw error
    const state = error.code === 'ERR_READER_BUSY' ? 'busy' : 'unusable'
    return { reader, state, error }
  }
}

/** One transaction, so that all answers are of the same moment. */
function ask<T>(channel: ReaderChannel, read: Read<T>): Promise<Probe<T>> {
  const { reader } = channel
  return channel.transaction(async (transmit) => {
    const exchange = new Exchange(channel, limited(reader, transmit))
    try {
      // Some cards forget the PIN when PIV is selected again, and another program may need it.
      if ((await witnessOfPiv(exchange)) === undefined) await selectPiv(exchange)
    } catch (error) {
      if (!isCardError(error) || error instanceof PcscError) throw error
      return { reader, state: 'no-piv', error }
    }
    const chuid = await ifReadable(() => readObject(exchange, 'chuid'))
    const guid = chuid && guidOf(chuid)
    return { reader, cardId: guid && hex(guid), found: await read(exchange, channel) }
  })
}

/** Limits the whole probe: a card may take long for one command, but not for each of many. */
function limited(reader: string, transmit: Transmit): Transmit {
  const until = performance.now() + PROBE_MS
  return (apdu) => {
    if (performance.now() < until) return transmit(apdu)
    const text = `The card in the reader '${reader}' takes very long to say what is on it. Use it by its name.`
    throw new PcscError('ERR_READER_BUSY', text, { reader })
  }
}

/**
 * The reader of the card with this id, if no other card could be that card: the user may type a PIN into it. A card
 * that does not answer could be, since an impostor may keep it from answering; a card without PIV could not.
 */
export function onlyReaderOf(cardId: string, probed: readonly Probed[]): string | undefined {
  const [only, ...others] = probed.filter((one) => ('error' in one ? one.state !== 'no-piv' : one.cardId === cardId))
  return only === undefined || 'error' in only || others.length > 0 ? undefined : only.reader
}

/** Limit for PC/SC, another program and each answer. Short, because the caller has other work to do. */
const IN_PASSING_MS = 500

/** The reader in which another process serves the card with this id; undefined if that is not certain. */
export async function readerOfCard(cardId: Uint8Array): Promise<string | undefined> {
  return onlyReaderOf(hex(cardId), await probeReaders(IN_PASSING_MS, async () => undefined))
}
