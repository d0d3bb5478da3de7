// How to unblock a blocked PIN: only the ways that this card has.
import { cardInfo } from '../cards/index.ts'
import type { Card } from '../piv/host/card.ts'
import type { PinStatus } from '../piv/host/pins.ts'
import { TEXT } from './messages.ts'

const isInReader = (name: string) => name.startsWith('reader:')

/** In sentences for the user to follow. */
export function waysOut(name: string, puk: PinStatus['puk'], helpDesk: boolean): string {
  const { waysOut: words } = TEXT.field
  const ways = [...(puk !== undefined && puk.triesLeft !== 0 ? [words.puk] : []), ...(helpDesk ? [words.helpDesk] : [])]
  if (ways.length > 0) return ways.join(' ')
  return isInReader(name) ? words.noneInReader : words.none(name)
}

/** The same for an open card. */
export async function waysOutOf({ name }: Card, { puk }: PinStatus): Promise<string> {
  return waysOut(name, puk, isInReader(name) ? false : (await cardInfo(name)).helpDesk)
}
