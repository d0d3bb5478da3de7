// What K, the key that was burned, still says: it made these indices, approved these policies and signed for the seal.
import { createPublicKey, verify } from 'node:crypto'
import { concat, equal, utf8 } from '../../bytes.ts'
import { CardError, FileError } from '../../errors.ts'
import { writtenName } from '../codec/nv.ts'
import { spkiOf } from '../codec/public.ts'
import type { TpmDevice } from '../devices.ts'
import { policyDigest } from '../policy/digest.ts'
import type { Role } from '../policy/terms.ts'
import type { ApprovalName, CardFile } from '../store/card-file.ts'
import { indexGone, type LockCard, policyFacts } from './context.ts'
import { indexPublic } from './index-public.ts'
import { indexName } from './nv.ts'
import { type LockTable, withoutSeal } from './table.ts'

/** The Name of this index, if K made it. */
export function nameUnderK(role: Role, card: LockCard, table: LockTable): Uint8Array {
  return writtenName(indexPublic(role, card[role].handle, policyFacts(card).burnName, table))
}

/** Whether r || s is K's signature over the SHA-256 digest of `said`. */
export function isSignedByK({ burnKey }: LockCard, said: Uint8Array, signature: Uint8Array): boolean {
  try {
    const publicKey = createPublicKey({ key: Buffer.from(spkiOf(burnKey.subarray(2))), format: 'der', type: 'spki' })
    return verify('sha256', said, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
  } catch {
    return false
  }
}

/**
 * Refuses a help desk or tries of the PIN that the card was not made with: a new card would get them, and no PIN is asked
 * for. K approved them, and the TPM's Name of P says which key K is.
 * @throws FileError ERR_CARD_FILE; CardError ERR_CARD_DEAD where there is no P any more
 */
export async function requireApproved(
  device: TpmDevice,
  card: CardFile,
  lockTable: LockTable,
  path: string,
): Promise<void> {
  const table = card.seal === undefined ? withoutSeal(lockTable) : lockTable
  const found = await indexName(device, card.pin.handle)
  if (found === undefined) throw new CardError('ERR_CARD_DEAD', indexGone('pin'))
  const claimed: ApprovalName[] = [
    ...(card.puk.present ? (['unblockCounter'] as const) : []),
    ...(card.helpDeskKey === undefined ? [] : (['helpDeskPin', 'helpDeskCounter'] as const)),
  ]
  const isApproved =
    equal(found, nameUnderK('pin', card, table)) && claimed.every((name) => approves(name, card, table))
  if (isApproved) return
  const { name } = card
  throw new FileError(
    'ERR_CARD_FILE',
    `${path} was changed by somebody: card '${name}' was made with another help desk, or with other tries. Nothing was changed. Put back a copy of the file, or destroy the card (tessera destroy ${name} --yes) and create it anew (tessera create ${name}).`,
    { path },
  )
}

/** Whether K approved this policy for the card as the file describes it. */
function approves(name: ApprovalName, card: CardFile, table: LockTable): boolean {
  const { on, policy } = table.approvals[name]
  const ref = table.index[on].find((term) => term.term === 'authorize')?.ref
  const approval = card.approvals[name]
  if (ref === undefined || approval === undefined) return false
  return isSignedByK(card, concat(policyDigest(policy, policyFacts(card)), utf8(ref)), approval.signature)
}
