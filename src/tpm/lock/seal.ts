// The keys of a card file's seal in the TPM: making them, and opening them again. docs/lock.md, "The seal of the card file".
import { randomBytes } from 'node:crypto'
import { concat, copyOf, equal, sha256, utf8, wipe } from '../../bytes.ts'
import { CardError, hasCode } from '../../errors.ts'
import { objectName } from '../codec/public.ts'
import type { KeptTicket, Session } from '../commands.ts'
import type { TpmDevice } from '../devices.ts'
import { responseOf } from '../failure.ts'
import { type SealedBlob, seal, unseal, unsealByTicket } from '../keys/seal.ts'
import { notLoaded } from '../loaded-keys.ts'
import { policyDigest } from '../policy/digest.ts'
import type { Srk } from '../srk.ts'
import type { CardFile, SealedCard } from '../store/card-file.ts'
import { changedByOthers, SealKeys, sealCard } from '../store/seal.ts'
import type { BurnKey } from './burn-key.ts'
import { isSignedByK, nameUnderK } from './burned.ts'
import { indexGone, type LockContext } from './context.ts'
import { indexName } from './nv.ts'
import { type LockTable, withoutSeal } from './table.ts'

/** A key of the seal: the secret, for the maker to wipe, and the object in which the TPM keeps it. */
export interface NewSealKey {
  readonly secret: Uint8Array
  readonly key: SealedBlob
}

/** The key behind the PIN of a new card, and K's word that it belongs to this card. */
export interface NewPinSeal extends NewSealKey {
  readonly approval: Uint8Array
}

const newSecret = (): Uint8Array => copyOf(randomBytes(32))

/** What K signs, as a digest. No policyRef of an approval ends like this, so it approves no policy. */
const saidOf = (key: SealedBlob): Uint8Array => concat(objectName(key.public.subarray(2)), utf8('seal key'))

/**
 * Makes the key behind the PIN. Anybody can put an object under this policy, so K signs its Name before it is destroyed.
 */
export async function newPinSeal({ device, srk, table, facts }: LockContext, burn: BurnKey): Promise<NewPinSeal> {
  const secret = newSecret()
  try {
    const key = await seal(device, srk, secret, policyDigest(table.seal, facts))
    return { secret, key, approval: await burn.sign(sha256(saidOf(key))) }
  } catch (error) {
    wipe(secret)
    throw error
  }
}

/** The new card, sealed, and the keys of its seal. */
export async function sealNewCard(
  device: TpmDevice,
  srk: Srk,
  card: CardFile,
  pin: NewPinSeal,
): Promise<{ readonly card: SealedCard; readonly keys: SealKeys }> {
  const secret = newSecret()
  try {
    const parts = { key: await seal(device, srk, secret), pin: { key: pin.key, approval: pin.approval } }
    return { card: sealCard(card, parts, { whole: secret, pin: pin.secret }), keys: new SealKeys(secret) }
  } catch (error) {
    wipe(secret)
    throw error
  }
}

/**
 * The keys of a card's seal, after the seal was checked; undefined for a card of Tessera 0.1.0, which has none.
 * @throws FileError ERR_CARD_FILE for a file that somebody changed, or whose seal was removed
 */
export async function openSeal(
  device: TpmDevice,
  srk: Srk,
  card: CardFile,
  table: LockTable,
  path: string,
): Promise<SealKeys | undefined> {
  if (card.seal === undefined) return requireOldLock(device, card, table, path)
  const keys: SealKeys = new SealKeys(
    await unseal(device, srk, card.seal.key).catch((error: unknown) => refused(card, path, error)),
  )
  try {
    keys.check(card, path)
    return keys
  } catch (error) {
    keys.wipe()
    throw error
  }
}

/**
 * A card's PIN index says whether there is a seal. The TPM is asked, since the file can say anything: also that the PUK
 * index is one of another card.
 * @throws CardError ERR_CARD_DEAD where there is no PIN index: then nothing proves what the file says
 */
async function requireOldLock(device: TpmDevice, card: CardFile, table: LockTable, path: string): Promise<undefined> {
  const found = await indexName(device, card.pin.handle)
  const isOld = (['pin', 'puk'] as const).every((role) =>
    equal(card[role].name, nameUnderK(role, card, withoutSeal(table))),
  )
  if (isOld && found === undefined) throw new CardError('ERR_CARD_DEAD', indexGone('pin'))
  if (!isOld || found === undefined || !equal(found, card.pin.name)) throw changedByOthers(card.name, path)
}

/**
 * Opens the key behind the PIN, in a policy session and with the ticket of a verified PIN, and checks what it seals.
 * That PIN was proved to the index of this Name. The Name contains K's, and K has signed for the key.
 * @throws FileError ERR_CARD_FILE
 */
export async function openPinSeal(
  { device, srk, table }: LockContext,
  card: SealedCard,
  keys: SealKeys,
  by: { readonly session: Session; readonly ticket: KeptTicket },
  path: string,
): Promise<void> {
  const { key, approval } = card.seal.pin
  const ofThisLock = equal(card.pin.name, nameUnderK('pin', card, table)) && isSignedByK(card, saidOf(key), approval)
  if (!ofThisLock) throw changedByOthers(card.name, path)
  const opened = unsealByTicket(device, srk, key, by.session, by.ticket)
  keys.addPinKey(await opened.catch((error: unknown) => refused(card, path, error)), card, path)
}

/** A TPM that does not take an object under its own storage key says that it was changed; other errors pass. */
function refused(card: CardFile, path: string, error: unknown): never {
  const isDamage = hasCode(notLoaded(error), 'ERR_KEY_DAMAGED')
  if (isDamage || responseOf(error) === 'POLICY_FAIL') throw changedByOthers(card.name, path, error)
  throw error
}
