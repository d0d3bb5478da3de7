// Tells cards apart, for files about them: by the GUID of the CHUID, which is the card id on a card of Tessera.
import { hex, sha256 } from '../bytes.ts'
import { guidOf } from '../piv/contents.ts'
import type { Card } from '../piv/host/card.ts'
import { ifReadable } from '../piv/host/readable.ts'

/** 32 hex digits. Derived from the name, which is that of the reader, if the card reports no GUID. */
export async function cardIdOf(card: Card): Promise<string> {
  const chuid = await ifReadable(() => card.getObject('chuid'))
  const guid = chuid && guidOf(chuid)
  if (guid !== undefined) return hex(guid)
  return idByName(card.name)
}

/** For a card that reports no GUID: the name is that of its reader. */
export const idByName = (name: string): string => hex(sha256(name)).slice(0, 32)
