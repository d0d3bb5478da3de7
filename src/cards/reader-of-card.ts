// Where a card of ours is in PC/SC: by the GUID that its CHUID says. Anybody's card can say anything there, and whoever is
// told a reader types the PIN into it: so a reader is named only where no other one can be meant. Asked in passing:
// nobody is waited for long, and no program that uses a card is disturbed.
import { equal } from '../bytes.ts'
import { CardError, PcscError } from '../errors.ts'
import { ReaderChannel } from '../pcsc/channel.ts'
import { listReaders } from '../pcsc/readers.ts'
import { guidOf } from '../piv/contents.ts'
import { Exchange } from '../piv/host/exchange.ts'
import { readObject } from '../piv/host/objects.ts'
import { selectPiv } from '../piv/host/pins.ts'

/** For PC/SC, for another program that has a card, and for each answer of a card, in milliseconds. */
const WAIT = 500

/**
 * Name of the one reader whose card says this id; undefined where two say so, and where the card in another reader does not
 * answer: it may be ours, kept from answering by whoever shows its id.
 */
export async function readerOfCard(cardId: Uint8Array): Promise<string | undefined> {
  const readers = await listReaders({ waitMs: WAIT }).catch(() => [])
  const answering = readers.filter(({ atr }) => atr !== undefined)
  const said = await Promise.all(
    answering.map(async ({ name }) => ({ name, guid: await guidIn(name).catch(() => 'silent' as const) })),
  )
  const [only, ...others] = said.filter(({ guid = new Uint8Array(0) }) => guid === 'silent' || equal(guid, cardId))
  return others.length > 0 || only?.guid === 'silent' ? undefined : only?.name
}

async function guidIn(reader: string): Promise<Uint8Array | undefined> {
  const channel = await ReaderChannel.open(reader, { waitMs: WAIT, answerMs: WAIT })
  try {
    return await channel.transaction(async (transmit) => {
      const exchange = new Exchange(channel, transmit)
      // Not selected again where it is selected: there are cards that forget the PIN at that.
      const found = await chuidOf(exchange)
      if (found !== undefined) return found
      await selectPiv(exchange)
      return chuidOf(exchange)
    })
  } finally {
    // Not waited for: a reader that hangs is not let go in a moment.
    void channel.close().catch(() => undefined)
  }
}

async function chuidOf(exchange: Exchange): Promise<Uint8Array | undefined> {
  try {
    const content = await readObject(exchange, 'chuid')
    return content && guidOf(content)
  } catch (error) {
    if (error instanceof PcscError || !(error instanceof CardError)) throw error
    return undefined // another application, or a card that does not say
  }
}
