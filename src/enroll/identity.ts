// What tells cards apart, for files about them: the GUID of the CHUID, which for a card of Tessera is its id.
import { hex, sha256 } from '../bytes.ts'
import { guidOf } from '../piv/contents.ts'
import type { Card } from '../piv/host/card.ts'
import { ifReadable } from '../piv/host/readable.ts'

/** 32 hex digits. Of a card that says nothing of itself it follows from its name: that of its reader. */
export async function cardIdOf(card: Card): Promise<string> {
  const chuid = await ifReadable(() => card.getObject('chuid'))
  const guid = chuid && guidOf(chuid)
  if (guid !== undefined) return hex(guid)
  return idByName(card.name)
}

/** For a card that says no GUID: the name is that of its reader. */
export const idByName = (name: string): string => hex(sha256(name)).slice(0, 32)
