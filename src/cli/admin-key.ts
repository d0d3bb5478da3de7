// Admin keys (PIV 9B) as people write them: hexadecimal digits, in a file or typed; `3DES:` stands before those of
// 3DES.
import { isUint8Array } from 'node:util/types'
import { space } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import type { AdminKey } from '../piv/host/admin.ts'
import type { Card } from '../piv/host/card.ts'
import type { Context } from './context.ts'
import { TEXT } from './messages.ts'

/** Of AES-128, AES-192 and AES-256. SP 800-78-5, table 9. */
const LENGTHS = [32, 48, 64]
const TRIPLE_DES = '3DES'
const TRIPLE_DES_LENGTH = 48
const PREFIX = Buffer.from(`${TRIPLE_DES}:`)

const isHexDigit = (octet: number) => /[0-9a-fA-F]/.test(String.fromCharCode(octet))
const digitAt = (digits: Uint8Array, index: number) => Number.parseInt(String.fromCharCode(digits[index] ?? 0), 16)
const isTripleDes = (text: Uint8Array) => PREFIX.equals(text.subarray(0, PREFIX.length))

/** @throws UsageError ERR_USAGE, in which `source` names where the digits came from */
export function checkDigits(text: Uint8Array, source: string): void {
  const triple = isTripleDes(text)
  const digits = triple ? text.subarray(PREFIX.length) : text
  const right = (triple ? [TRIPLE_DES_LENGTH] : LENGTHS).includes(digits.length) && digits.every(isHexDigit)
  if (!right) throw new UsageError('ERR_USAGE', TEXT.error.adminKey(source))
}

/** The key that a text spells; it is wiped when the command ends. @throws as `checkDigits` */
export function adminKeyOf(context: Context, text: Uint8Array, source: string): AdminKey {
  checkDigits(text, source)
  const digits = isTripleDes(text) ? text.subarray(PREFIX.length) : text
  const key = context.secrets.keep(space(digits.length / 2))
  // Digit by digit, because a string of them could not be wiped.
  for (const index of key.keys()) key[index] = (digitAt(digits, 2 * index) << 4) | digitAt(digits, 2 * index + 1)
  return isTripleDes(text) ? { key, algorithm: TRIPLE_DES } : key
}

/** The key in a file. */
export async function adminKeyIn(context: Context, path: string, source: string): Promise<AdminKey> {
  return adminKeyOf(context, await context.secrets.fromFile(path, source, TEXT.what.adminKey), source)
}

/** 24 octets are a key of AES-192 or of 3DES: if the card reports which it has, that one. */
export async function asOn(card: Card, key: AdminKey): Promise<AdminKey> {
  if (!isUint8Array(key) || key.length !== TRIPLE_DES_LENGTH / 2) return key
  const algorithm = (await card.adminKeyInfo())?.algorithm
  return algorithm === TRIPLE_DES ? { key, algorithm } : key
}
