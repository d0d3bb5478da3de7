// Admin keys (PIV 9B) as a person writes them: hexadecimal digits, in a file or typed.
import { UsageError } from '../errors.ts'
import type { Context } from './context.ts'
import { TEXT } from './messages.ts'

/** Of AES-128, AES-192 and AES-256. SP 800-78-5, table 9. */
const LENGTHS = [32, 48, 64]

const isHexDigit = (octet: number) => /[0-9a-fA-F]/.test(String.fromCharCode(octet))
const digitAt = (digits: Uint8Array, index: number) => Number.parseInt(String.fromCharCode(digits[index] ?? 0), 16)

/** @throws UsageError ERR_USAGE, in which `source` says who gave the digits */
export function checkDigits(digits: Uint8Array, source: string): void {
  const right = LENGTHS.includes(digits.length) && digits.every(isHexDigit)
  if (!right) throw new UsageError('ERR_USAGE', TEXT.error.adminKey(source))
}

/** The key that digits spell; wiped when the command ends. @throws as `checkDigits` */
export function adminKeyOf(context: Context, digits: Uint8Array, source: string): Uint8Array {
  checkDigits(digits, source)
  const key = context.secrets.keep(new Uint8Array(digits.length / 2))
  // Digit by digit: a string of them could not be wiped.
  for (const index of key.keys()) key[index] = (digitAt(digits, 2 * index) << 4) | digitAt(digits, 2 * index + 1)
  return key
}

/** The key in a file. */
export async function adminKeyIn(context: Context, path: string, source: string): Promise<Uint8Array> {
  return adminKeyOf(context, await context.secrets.fromFile(path, source, TEXT.what.adminKey), source)
}
