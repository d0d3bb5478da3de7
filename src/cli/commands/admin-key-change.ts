import { fromHex } from '../../bytes.ts'
import { cardInfo } from '../../cards/index.ts'
import type { AdminKey } from '../../piv/host/admin.ts'
import type { Card } from '../../piv/host/card.ts'
import { DEFAULT_ADMIN_KEY } from '../../piv/pin.ts'
import { adminKeyIn, adminKeyOf, asOn, checkDigits } from '../admin-key.ts'
import type { Context, Run } from '../context.ts'
import { cardJson } from '../describe.ts'
import { isInReader, unlockManagement } from '../management.ts'
import { TEXT } from '../messages.ts'
import { withCard } from '../select.ts'

const SOURCE = 'admin-key change'

export const run: Run = async (context, said?: string) => {
  // Read first, so that a mistake in the file is found before anybody is asked for a PIN.
  const given = said === undefined ? undefined : await named(context, said)
  await withCard(context, async (card) => {
    await unlockManagement(context, card)
    const key = given ?? (await asked(context))
    await card.changeAdminKey(said === 'default' && key !== 'random' ? await asOn(card, key) : key)
    await tell(context, card, key === 'random')
  })
}

async function tell({ out }: Context, card: Card, random: boolean): Promise<void> {
  const { adminKeyGone, adminKeyLost, adminKeyChanged } = TEXT.done
  if (isInReader(card)) {
    const { name } = card
    const adminKey = await card.adminKeyInfo()
    await out.done({ name, adminKey: adminKey ? { ...adminKey } : null }, random ? adminKeyLost : adminKeyChanged)
    if (adminKey?.isDefault) await out.warn(TEXT.warn.defaults.adminKey(card.name))
    return
  }
  const info = await cardInfo(card.name)
  await out.done(cardJson(info), random ? adminKeyGone : adminKeyChanged)
  if (info.defaults.includes('adminKey')) await out.warn(TEXT.warn.defaults.adminKey(card.name))
}

async function named(context: Context, said: string): Promise<AdminKey | 'random'> {
  if (said === 'random') return 'random'
  if (said !== 'default') return adminKeyIn(context, said, SOURCE)
  return fromHex(DEFAULT_ADMIN_KEY) ?? new Uint8Array(0)
}

/** Typed twice, or the next line of the PIN file. */
async function asked(context: Context): Promise<AdminKey> {
  const { what, prompt } = TEXT
  const check = (digits: Uint8Array) => checkDigits(digits, SOURCE)
  const digits = await context.secrets.takeNew({ what: what.newAdminKey, prompt: prompt.newAdminKey, check })
  return adminKeyOf(context, digits, SOURCE)
}
