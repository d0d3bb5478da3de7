// Public keys of keys that a card in a reader does not report: from --public-key, or stored when the key was made.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { cardIdOf } from '../enroll/identity.ts'
import { CardError } from '../errors.ts'
import { Home } from '../home/home.ts'
import { keepPublicKey, keptPublicKey } from '../home/public-keys.ts'
import { accessOf, type Card } from '../piv/host/card.ts'
import { isOfOneItem } from '../piv/host/readable.ts'
import type { Slot } from '../piv/slots.ts'
import type { Context } from './context.ts'
import { readPublicKey } from './files.ts'
import { isInReader } from './management.ts'

const placeOf = async (card: Card, slot: Slot) => ({ home: new Home(undefined), card: await cardIdOf(card), slot })

/** Stores the public key of a new key, if the card does not report it. */
export async function keepNewKey(card: Card, slot: Slot, pem: string): Promise<void> {
  if (!isInReader(card) || accessOf(card).extras.hasMetadata) return
  await keepPublicKey(await placeOf(card, slot), pem)
}

/** @throws CardError ERR_CERTIFICATE_KEY if the card reports another key than that of --public-key */
export async function nameKey(context: Context, card: Card, slot: Slot): Promise<void> {
  const { publicKey: path } = context.options
  if (path !== undefined) return card.nameKey(slot, await readPublicKey(context, path))
  if (!isInReader(card)) return
  const kept = keyIn(await keptPublicKey(await placeOf(card, slot)))
  // Cards without a GUID share what is stored for their reader. This one may have no key at all.
  if (kept === undefined || !(await card.isOccupied(slot))) return
  // The stored key may have been replaced since: what the card reports takes precedence.
  await card.nameKey(slot, kept).catch(ignoreOther)
}

function keyIn(pem: string | undefined): KeyObject | undefined {
  try {
    return pem === undefined ? undefined : createPublicKey(pem)
  } catch {
    return undefined
  }
}

function ignoreOther(error: unknown): void {
  const isOther = error instanceof CardError && error.code === 'ERR_CERTIFICATE_KEY'
  if (!isOther && !isOfOneItem(error)) throw error
}
