// Finding a reader by a part of its name.
import { PcscError, UsageError } from '../errors.ts'
import { ReaderChannel, type ReaderOptions, WAIT_MS } from './channel.ts'
import { listReaders, type Reader } from './readers.ts'

export type { ReaderOptions }

/**
 * The channel of the card in the reader whose name contains `text`. Among several readers, the one with a card that
 * answers, and among these the one with exactly that name.
 * @throws PcscError ERR_READER_NOT_FOUND, ERR_CARD_REMOVED, ERR_READER_BUSY, ERR_PCSC_UNAVAILABLE; UsageError ERR_CARD_AMBIGUOUS
 */
export async function openReader(text: string, options: ReaderOptions = {}): Promise<ReaderChannel> {
  const { waitMs = WAIT_MS } = options
  return ReaderChannel.open(chooseReader(await listReaders({ waitMs }), text).name, options)
}

export function chooseReader(readers: readonly Reader[], text: string): Reader {
  const fitting = readers.filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()))
  const [answering, holding] = [fitting.filter(({ atr }) => atr !== undefined), fitting.filter(({ card }) => card)]
  const [only, ...others] = [answering, holding].find(({ length }) => length > 0) ?? fitting
  const exact = fitting.find(({ name }) => name === text)
  if (exact !== undefined) return exact
  if (only === undefined) {
    const there = readers.length === 0 ? 'There is no reader.' : `These are there: ${quoted(readers)}.`
    const which = text === '' ? '' : ` No reader has '${text}' in its name.`
    throw new PcscError('ERR_READER_NOT_FOUND', `${there}${which} Plug one in, or name another.`)
  }
  if (others.length > 0 && only.card) {
    throw new UsageError(
      'ERR_CARD_AMBIGUOUS',
      `More than one reader fits: ${quoted(fitting)}. Name more of the one that is meant.`,
    )
  }
  return only
}

const quoted = (readers: readonly Reader[]): string => readers.map(({ name }) => `'${name}'`).join(', ')
