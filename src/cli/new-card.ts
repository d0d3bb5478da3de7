// The secrets of a new card, as the options of `create` say.
import { wipe } from '../bytes.ts'
import type { AdminKey } from '../piv/host/admin.ts'
import { adminKeyIn } from './admin-key.ts'
import type { Context } from './context.ts'
import { newPin, newPuk } from './select.ts'

const QUESTIONS = { pin: newPin, puk: newPuk } as const

/** What --pin or --puk says; undefined for the default one. `none` is for the caller to know. */
export async function firstSecret(context: Context, kind: 'pin' | 'puk'): Promise<Uint8Array | undefined> {
  const said = context.options[kind]
  const question = { ...QUESTIONS[kind], option: `--${kind}` }
  if (said === undefined || said === 'default') return undefined
  if (said === 'prompt') return context.secrets.promptNew(question)
  const secret = await context.secrets.fromFile(said, question.option, question.what)
  wipe(question.check(secret))
  return secret
}

/** What --admin-key says; undefined for the default one. A file holds it in hexadecimal digits. */
export async function adminKey(context: Context): Promise<AdminKey | 'random' | undefined> {
  const said = context.options.adminKey
  if (said === undefined || said === 'default') return undefined
  if (said === 'random') return 'random'
  return adminKeyIn(context, said, '--admin-key')
}
