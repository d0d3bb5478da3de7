// An embedded TPM belongs to one process. While that serves cards to PC/SC, the refusal says how to use them.
import { TpmError } from '../errors.ts'
import type { ServedCards } from '../home/served.ts'
import type { CardStore } from './store/store.ts'

interface Cards {
  readonly served: ServedCards
  readonly store: CardStore
}

/** @throws TpmError ERR_TPM_BUSY where another process serves cards of this home; `name` is the card that is wanted */
export async function refuseServed(
  { served, store }: Cards,
  name: string,
  readerOf: (cardId: Uint8Array) => Promise<string | undefined> = async () => undefined,
): Promise<void> {
  const cards = await served.elsewhere()
  const [first] = cards
  if (first === undefined) return
  const own = cards.find((card) => card.name === name)
  if (own === undefined) {
    const names = cards.map((card) => `'${card.name}'`).join(', ')
    const message = `Process ${first.pid} holds the embedded TPM: it serves ${names} to PC/SC. Stop it first, or use a home of its own (TESSERA_HOME) for other cards.`
    throw new TpmError('ERR_TPM_BUSY', message)
  }
  const reader = await store
    .read(name)
    .then(async ({ cardId }) => {
      // Where our card is not in its reader, before and after, a reader that shows its GUID contains another card.
      const found = served.isShown(name) ? await readerOf(cardId) : undefined
      return served.isShown(name) ? found : undefined
    })
    .catch(() => undefined)
  const there = reader === undefined ? 'reader:TEXT, where TEXT is in the name of its reader' : `'reader:${reader}'`
  const message = `Card '${name}' is served to PC/SC by process ${own.pid} (${own.way}), which holds the embedded TPM. Use it there: --card ${there}. Or stop that process.`
  throw new TpmError('ERR_TPM_BUSY', message)
}
