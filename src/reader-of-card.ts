// Where a card of ours is in PC/SC: by the GUID that its CHUID says.
import { equal } from './bytes.ts'
import { openReader } from './pcsc/open.ts'
import { listReaders } from './pcsc/readers.ts'
import { readChuid } from './piv/contents.ts'
import { Card } from './piv/host/card.ts'

/** A reader that another program has is not waited for, in milliseconds. */
const WAIT = 500

/** Name of the reader that the card with this id is in; undefined where PC/SC does not know, or does not answer. */
export async function readerOfCard(cardId: Uint8Array): Promise<string | undefined> {
  const readers = await listReaders().catch(() => [])
  for (const { name } of readers.filter(({ atr }) => atr !== undefined)) {
    const guid = await guidIn(name).catch(() => undefined)
    if (guid !== undefined && equal(guid, cardId)) return name
  }
  return undefined
}

async function guidIn(reader: string): Promise<Uint8Array | undefined> {
  const card = new Card(await openReader(reader, { waitMs: WAIT }))
  try {
    const chuid = await card.getObject('chuid')
    return chuid && readChuid(chuid).guid
  } finally {
    await card.close()
  }
}
