// The secrets of a new card, as the options of `create` say.
import { wipe } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import type { Context } from './context.ts'
import { TEXT } from './messages.ts'
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
export async function adminKey(context: Context): Promise<Uint8Array | 'random' | undefined> {
  const said = context.options.adminKey
  if (said === undefined || said === 'default') return undefined
  if (said === 'random') return 'random'
  const option = '--admin-key'
  const digits = await context.secrets.fromFile(said, option, TEXT.what.adminKey)
  const key = context.secrets.keep(new Uint8Array(digits.length / 2))
  const right = ADMIN_KEY_DIGITS.includes(digits.length) && digits.every(isHexDigit)
  if (!right) throw new UsageError('ERR_USAGE', TEXT.error.adminKey(option))
  // Digit by digit: a string of them could not be wiped.
  for (const index of key.keys()) key[index] = (digitAt(digits, 2 * index) << 4) | digitAt(digits, 2 * index + 1)
  return key
}

/** Of AES-128, AES-192 or 3DES, and AES-256. SP 800-78-5, table 9. */
const ADMIN_KEY_DIGITS = [32, 48, 64]

const isHexDigit = (octet: number) => /[0-9a-fA-F]/.test(String.fromCharCode(octet))
const digitAt = (digits: Uint8Array, index: number) => Number.parseInt(String.fromCharCode(digits[index] ?? 0), 16)
