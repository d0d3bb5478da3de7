// Renewals that nobody watched and that failed: a file for each, until the certificate is another one.
import { join } from 'node:path'
import * as v from 'valibot'
import { type Files, files as systemFiles } from '../files/files.ts'
import { decode, moment, text } from '../files/schema.ts'
import { type Kind, seal } from '../files/sealed-text.ts'
import { renewalFile, renewalOf } from '../home/enrolments.ts'
import { Home } from '../home/home.ts'
import { isDamaged } from './state.ts'

const KIND: Kind = {
  magic: 'tessera-failed-renewal',
  version: 1,
  noun: 'file about a failed renewal',
  advice: 'Remove it.',
}
const LIMIT = 64 * 1024
const LONGEST_MESSAGE = 2000

const schema = v.strictObject({
  at: moment,
  message: text(0, LONGEST_MESSAGE),
  /** End of the certificate that was not renewed; null for one that is not understood. */
  notAfter: v.nullable(moment),
  /** A card in a reader, as --card names it. */
  card: v.optional(text(1, 300)),
})

export interface FailedRenewal extends v.InferOutput<typeof schema> {
  readonly cardId: string
  readonly slot: string
}

const pathOf = (cardId: string, slot: string): string => join(new Home().enrolments, renewalFile(cardId, slot))

/** @throws FileError */
export async function noteFailedRenewal(
  { cardId, slot, message, ...facts }: FailedRenewal,
  files: Files = systemFiles,
): Promise<void> {
  await files.makeFolder(new Home().enrolments)
  const note = { ...facts, message: message.slice(0, LONGEST_MESSAGE) }
  await files.writeAtomic(pathOf(cardId, slot), seal(KIND, note))
}

/** @throws FileError */
export async function forgetFailedRenewal(cardId: string, slot: string, files: Files = systemFiles): Promise<void> {
  await files.remove(pathOf(cardId, slot))
}

/** A file that cannot be read says nothing; a damaged one is removed. @throws FileError if the folder cannot be read */
export async function failedRenewals(files: Files = systemFiles): Promise<FailedRenewal[]> {
  const { enrolments } = new Home()
  const failed: FailedRenewal[] = []
  for (const name of await files.list(enrolments)) {
    const place = renewalOf(name)
    if (place === undefined) continue
    const path = join(enrolments, name)
    try {
      const found = await files.read(path, LIMIT)
      if (found !== undefined) failed.push({ ...place, ...decode(KIND, schema, found, path) })
    } catch (error) {
      if (isDamaged(error)) await files.remove(path)
    }
  }
  return failed
}
