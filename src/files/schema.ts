// The kinds of value in Tessera's files, and the check of a document against a schema.
import { isUint8Array } from 'node:util/types'
import * as v from 'valibot'
import { fromBase64 } from '../bytes.ts'
import { damaged, type Kind, spell, unseal } from './sealed-text.ts'

/** Base64 of `least` to `most` octets. */
export const octets = (least: number, most = least) =>
  v.pipe(
    v.string(),
    v.transform(fromBase64),
    v.custom<Uint8Array>((value) => isUint8Array(value), 'expected base64'),
    v.minLength(least, `expected ${least} octets at least`),
    v.maxLength(most, `expected ${most} octets at most`),
  )

export const integer = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most))

export const text = (least: number, most: number) => v.pipe(v.string(), v.minLength(least), v.maxLength(most))

/** A time as `Date.prototype.toISOString` writes it. */
export const moment = v.pipe(
  v.string(),
  v.check((value) => {
    const date = new Date(value)
    return !Number.isNaN(date.getTime()) && date.toISOString() === value
  }, 'expected a moment like 2026-01-31T12:00:00.000Z'),
)

/** Where in the document an issue is: member names only, never a value. */
function place(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue)
  return path === null ? 'the document' : path.slice(0, 100)
}

/** @throws FileError ERR_CARD_FILE, ERR_CARD_FILE_NEWER */
export function decode<Output>(
  kind: Kind,
  schema: v.GenericSchema<unknown, Output>,
  file: Uint8Array,
  path: string,
): Output {
  const document = unseal(kind, file, path)
  let value: unknown
  try {
    value = JSON.parse(document)
  } catch (cause) {
    throw damaged(kind, path, 'it is not JSON', cause)
  }
  const result = v.safeParse(schema, value)
  if (!result.success) {
    const [first] = result.issues
    throw damaged(kind, path, `${place(first)} is not as it should be`)
  }
  // Catches what the parser accepts: doubled members, other spellings of numbers, names that JavaScript treats
  // specially.
  if (spell(result.output) !== document) throw damaged(kind, path, 'it is not spelled as Tessera writes it')
  return result.output
}
