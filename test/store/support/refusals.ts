// Card files that must be refused, and how to make them.
import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import { type ErrorCode, FileError } from '../../../src/errors.ts'
import { decodeCardFile, encodeCardFile } from '../../../src/tpm/store/card-file.ts'
import { sampleCard } from './cards.ts'

export const path = '/cards/work.card'
export const sample = encodeCardFile(sampleCard())
export const text = Buffer.from(sample).toString()

/** The error that reading `file` gives; every message names the path and says what to do. */
export function refusal(file: Uint8Array): FileError {
  try {
    decodeCardFile(file, path)
  } catch (error) {
    assert.instance(error, FileError)
    const refused = error as FileError
    assert.is(refused.path, path)
    assert.ok(refused.message.startsWith(path))
    return refused
  }
  assert.unreachable(`read: ${Buffer.from(file).toString().slice(0, 200)}`)
  throw new Error()
}
export const refused = (file: Uint8Array, code: ErrorCode = 'ERR_CARD_FILE') => assert.is(refusal(file).code, code)

/** A file with a right checksum over `document`. */
export function sealed(document: string | Uint8Array): Uint8Array {
  const body = Buffer.from(document)
  return Buffer.concat([
    Buffer.from(`tessera-card 1 sha256:${createHash('sha256').update(body).digest('hex')}\n`),
    body,
  ])
}
export const documentOf = (file: string) => file.slice(file.indexOf('\n') + 1)

/** The sample with `change` made to its JSON, spelled and sealed as Tessera does. */
export function altered(change: (json: Record<string, unknown>) => void): Uint8Array {
  const json = JSON.parse(documentOf(text))
  change(json)
  const sort = (value: unknown): unknown =>
    Array.isArray(value) || typeof value !== 'object' || value === null
      ? value
      : Object.fromEntries(
          Object.entries(value)
            .sort(([left], [right]) => (left < right ? -1 : 1))
            .map(([key, member]) => [key, sort(member)]),
        )
  return sealed(`${JSON.stringify(sort(json), null, 2)}\n`)
}
