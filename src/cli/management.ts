// What allows a change of a card: its PIN, its admin key, or a PIN that gives the admin key.
import type { AdminKey } from '../piv/host/admin.ts'
import type { Card } from '../piv/host/card.ts'
import type { PinUse } from '../piv/host/pin-request.ts'
import type { Slot } from '../piv/slots.ts'
import { adminKeyIn, adminKeyOf, asOn, checkDigits } from './admin-key.ts'
import type { Context } from './context.ts'
import { TEXT } from './messages.ts'
import { keyPin, takePin, triesToKeep, unlock } from './pin.ts'
import { standing } from './secrets.ts'
import { READER } from './select.ts'

/** A card in a reader is not changed with the PIN but with its admin key. */
export const isInReader = (card: Card): boolean => card.name.startsWith(READER)

const ADMIN_KEY_FILE = '--admin-key-file'

/**
 * For a command that uses keys and changes the card more than once: each secret is asked for once, and only when it is
 * needed; a file of secrets has one line for it. After a wait the command asks again.
 */
export function standingRights(context: Context, card: Card) {
  const pin = standing(context.secrets, () => takePin(context, card))
  const adminKey = standing(context.secrets, () => adminKeyFor(context, card))
  const isProtected = standing(context.secrets, () => isManagedByPin(context, card))
  const byAdminKey = context.options.adminKeyFile !== undefined || isInReader(card)
  return {
    use: { ...keyPin(context, card), pin } satisfies PinUse,
    async authorize(): Promise<void> {
      if (await isProtected()) return card.authenticateAdminByPin(await pin(), triesToKeep(context))
      if (byAdminKey) return card.authenticateAdmin(await adminKey())
      if (!(await card.pinStatus()).verified) await card.verifyPin(await pin(), triesToKeep(context))
    },
  }
}

/** A card in a reader that keeps its admin key behind its PIN. */
const isManagedByPin = async ({ options }: Context, card: Card): Promise<boolean> =>
  options.adminKeyFile === undefined && isInReader(card) && (await card.isAdminKeyProtected())

/**
 * Allows a change of the card: with the admin key if --admin-key-file names one or the card is in a reader, else with
 * the PIN. A card in a reader may keep its admin key behind the PIN.
 */
export async function unlockManagement(context: Context, card: Card): Promise<void> {
  if (context.options.adminKeyFile === undefined && !isInReader(card)) return unlock(context, card)
  if (await isManagedByPin(context, card))
    return card.authenticateAdminByPin(await takePin(context, card), triesToKeep(context))
  await card.authenticateAdmin(await adminKeyFor(context, card))
}

async function adminKeyFor(context: Context, card: Card): Promise<AdminKey> {
  const path = context.options.adminKeyFile
  return asOn(card, path === undefined ? await typedAdminKey(context) : await adminKeyIn(context, path, ADMIN_KEY_FILE))
}

async function typedAdminKey(context: Context): Promise<AdminKey> {
  const [what, source] = [TEXT.what.adminKey, ADMIN_KEY_FILE]
  const check = (digits: Uint8Array) => checkDigits(digits, source)
  const digits = await context.secrets.prompt({ what, prompt: TEXT.prompt.adminKey, check, option: source })
  return adminKeyOf(context, digits, source)
}

/**
 * Allows signing with a key and then changing the card, with the PIN asked for once. If use of the key does not ask for
 * the PIN, or the admin key replaces it, the change is allowed beforehand.
 */
export async function unlockToCertify(context: Context, card: Card, slot: Slot): Promise<PinUse> {
  const { pinPolicy } = await card.keyInfo(slot)
  if (await isManagedByPin(context, card)) {
    const { use, authorize } = standingRights(context, card)
    await authorize()
    return use
  }
  const byAdminKey = context.options.adminKeyFile !== undefined || isInReader(card)
  if (byAdminKey || pinPolicy === 'never') await unlockManagement(context, card)
  return keyPin(context, card)
}
