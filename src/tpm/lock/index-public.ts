// The public area of a card's indices. Computed without a TPM, by whoever makes a card and by whoever verifies evidence.
import type { NvPublic } from '../codec/nv.ts'
import { policyDigest } from '../policy/digest.ts'
import type { Role } from '../policy/terms.ts'
import type { LockTable } from './table.ts'

/** The public area of a card's index, before its first write. */
export function indexPublic(role: Role, handle: number, burnName: Uint8Array, table: LockTable): NvPublic {
  // The policy of an index refers only to K, never to the index itself: otherwise its Name could not be known beforehand.
  const facts = { cardId: NOBODY, burnName, pin: NOWHERE, puk: NOWHERE }
  return { handle, attributes: table.attributes, authPolicy: policyDigest(table.index[role], facts), dataSize: 8 }
}

const NOBODY = new Uint8Array(16)
const NOWHERE = { handle: 0, name: new Uint8Array(0), tries: 0 }
