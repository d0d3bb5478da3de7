// Waiting for a card to be inserted or removed.
import { CardError, type ErrorCode, PcscError } from '../errors.ts'
import { watchReaders } from '../pcsc/readers.ts'
import type { Card } from '../piv/host/card.ts'

/** Errors that inserting a card may resolve. */
const CURABLE: readonly ErrorCode[] = [
  'ERR_CARD_REMOVED',
  'ERR_READER_NOT_FOUND',
  'ERR_CERTIFICATE_ABSENT',
  'ERR_PCSC_UNAVAILABLE',
]

export interface Patience {
  /** Absent: does not wait. */
  readonly onWait?: ((why: CardError) => void) | undefined
  readonly signal: AbortSignal
}

/** Runs `work`, and again at each inserted card while a card is missing. @throws as `work` */
export async function untilInserted<T>(work: () => Promise<T>, { onWait, signal }: Patience): Promise<T> {
  const tried = () =>
    work().then(
      (value) => ({ value }),
      (error: unknown) => {
        if (onWait !== undefined && error instanceof CardError && CURABLE.includes((error as CardError).code))
          return error
        throw error
      },
    )
  const first = await tried()
  if ('value' in first) return first.value
  onWait?.(first)
  const watch = watchReaders()
  const stop = () => watch.close()
  signal.addEventListener('abort', stop, { once: true })
  try {
    // Cards that are in readers already are reported first.
    for await (const { type } of watch) {
      const again = type === 'card-inserted' ? await tried() : first
      if ('value' in again) return again.value
    }
    signal.throwIfAborted()
    throw first
  } finally {
    signal.removeEventListener('abort', stop)
    watch.close()
  }
}

export interface Removal {
  /** Aborted, with an error as its reason, when the card is taken out of its reader. */
  readonly signal: AbortSignal
  close(): void
}

const READER = 'reader:'

/** Watches for the removal of a card; one in a TPM is never removed. */
export function watchRemoval({ name }: Card): Removal {
  const removed = new AbortController()
  if (!name.startsWith(READER)) return { signal: removed.signal, close: () => undefined }
  const mine = name.slice(READER.length)
  const watch = watchReaders()
  const onGone = (reader: { readonly name: string }) => {
    if (reader.name !== mine || removed.signal.aborted) return
    const message = `The card in the reader '${mine}' was taken out. Insert it, and sign in again.`
    removed.abort(new PcscError('ERR_CARD_REMOVED', message, { reader: mine }))
  }
  watch.on('card-removed', onGone).on('reader-detached', onGone)
  return { signal: removed.signal, close: () => watch.close() }
}
