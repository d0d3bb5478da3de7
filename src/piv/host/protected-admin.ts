// An admin key that the card keeps behind its PIN, as Yubico's programs do: admin-data.ts.
import { randomFillSync } from 'node:crypto'
import { space, wipe } from '../../bytes.ts'
import { CardError } from '../../errors.ts'
import {
  ADMIN_DATA,
  isProtectedData,
  keyIn,
  PROTECTED_DATA,
  saysProtected,
  withProtection,
  writeKey,
} from '../admin-data.ts'
import { ADMIN_ALGORITHMS, type AdminAlgorithm } from '../algorithms.ts'
import { authenticateAdmin } from './admin.ts'
import type { Exchange } from './exchange.ts'
import type { Extras } from './extras.ts'
import { changeAdminKey } from './manage.ts'
import { deleteObject, readObject, writeObject } from './objects.ts'
import { ifReadable, isOfOneItem } from './readable.ts'

const adminData = (exchange: Exchange) => ifReadable(() => readObject(exchange, ADMIN_DATA))

export const isAdminKeyProtected = async (exchange: Exchange): Promise<boolean> =>
  saysProtected(await adminData(exchange))

/** A card that does not report its admin key has 3DES: these cards got AES together with metadata. */
async function algorithmOf(exchange: Exchange, extras: Extras): Promise<AdminAlgorithm> {
  const told = await extras.adminKey(exchange)
  return told === undefined || told === 'absent' ? '3DES' : told.algorithm
}

/** While the PIN is verified. @throws CardError ERR_NOT_SUPPORTED for a card without such a key; as `authenticateAdmin` */
export async function authenticateByPin(exchange: Exchange, extras: Extras): Promise<void> {
  const content = await readObject(exchange, PROTECTED_DATA)
  const key = keyIn(content)
  if (content === undefined || key === undefined) {
    throw new CardError('ERR_NOT_SUPPORTED', 'The PIN of this card protects no admin key. Prove the admin key itself.')
  }
  try {
    await authenticateAdmin(exchange, { key, algorithm: await algorithmOf(exchange, extras) })
  } finally {
    wipe(content)
  }
}

/**
 * Sets a random admin key and stores it behind the PIN, which is verified. It is stored before it is set: wherever this
 * ends, either key that the card may have is known.
 * @throws CardError ERR_DATA where the object has other content, unless `overwrite`
 */
export async function protectAdminKey(exchange: Exchange, extras: Extras, overwrite: boolean): Promise<void> {
  await extras.demand(exchange)
  const before = await readObject(exchange, PROTECTED_DATA)
  if (before !== undefined && !isProtectedData(before) && !overwrite) {
    throw new CardError(
      'ERR_DATA',
      'The printed information of this card, where its admin key would be kept, has content already.',
    )
  }
  const algorithm = await algorithmOf(exchange, extras)
  const key = randomFillSync(space(ADMIN_ALGORITHMS[algorithm].key))
  const content = writeKey(key)
  try {
    await writeObject(exchange, PROTECTED_DATA, content)
    await writeObject(exchange, ADMIN_DATA, withProtection(await adminData(exchange), true))
    await changeAdminKey(exchange, extras, { key, algorithm }).catch(async (error: unknown) => {
      // The card has the key of before.
      if (isOfOneItem(error)) await endProtection(exchange)
      throw error
    })
  } finally {
    wipe(key, content, ...(before === undefined ? [] : [before]))
  }
}

/** After another admin key was set: what is stored is of no use any more. */
export async function endProtection(exchange: Exchange): Promise<void> {
  await writeObject(exchange, ADMIN_DATA, withProtection(await adminData(exchange), false))
  await deleteObject(exchange, PROTECTED_DATA)
}
