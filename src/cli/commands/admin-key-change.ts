import { fromHex } from '../../bytes.ts'
import { cardInfo } from '../../cards.ts'
import { DEFAULT_ADMIN_KEY } from '../../piv/pin.ts'
import { adminKeyIn, adminKeyOf, checkDigits } from '../admin-key.ts'
import type { Context, Run } from '../context.ts'
import { cardJson } from '../describe.ts'
import { TEXT } from '../messages.ts'
import { unlockManagement, withCard } from '../select.ts'

const SOURCE = 'admin-key change'

export const run: Run = async (context, said?: string) => {
  const { out } = context
  // A file with a mistake is found before anybody is asked for a PIN.
  const given = said === undefined ? undefined : await named(context, said)
  await withCard(context, async (card) => {
    await unlockManagement(context, card)
    const key = given ?? (await asked(context))
    await card.changeAdminKey(key)
    const info = await cardInfo(card.name)
    await out.done(cardJson(info), key === 'random' ? TEXT.done.adminKeyGone : TEXT.done.adminKeyChanged)
    if (info.defaults.includes('adminKey')) await out.warn(TEXT.warn.defaults.adminKey)
  })
  return undefined
}

async function named(context: Context, said: string): Promise<Uint8Array | 'random'> {
  if (said === 'random') return 'random'
  if (said !== 'default') return adminKeyIn(context, said, SOURCE)
  return fromHex(DEFAULT_ADMIN_KEY) ?? new Uint8Array(0)
}

/** Typed twice, or the next line of the PIN file. */
async function asked(context: Context): Promise<Uint8Array> {
  const { what, prompt } = TEXT
  const check = (digits: Uint8Array) => checkDigits(digits, SOURCE)
  const digits = await context.secrets.takeNew({ what: what.newAdminKey, prompt: prompt.newAdminKey, check })
  return adminKeyOf(context, digits, SOURCE)
}
