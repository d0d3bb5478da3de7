// Names of the files about enrolments, for each card and slot: the enrolment under way, its CA, and a renewal that failed.
import { join } from 'node:path'
import { type Files, files as systemFiles } from '../files/files.ts'
import type { Home } from './home.ts'

const SUFFIX = '.enrolment'
const CA_SUFFIX = '.ca'
const RENEWAL_SUFFIX = '.renewal'

/** @param card its id, 32 hex digits */
export const enrolmentFile = (card: string, slot: string): string => `${card}-${slot}${SUFFIX}`

export const caFile = (card: string, slot: string): string => `${card}-${slot}${CA_SUFFIX}`

/** For a renewal that failed. */
export const renewalFile = (card: string, slot: string): string => `${card}-${slot}${RENEWAL_SUFFIX}`

/** What `renewalFile` made a name from; undefined for any other name. */
export function renewalOf(name: string): { readonly cardId: string; readonly slot: string } | undefined {
  const [, cardId, slot] = /^([0-9a-f]{32})-([0-9a-f]{2})\.renewal$/.exec(name) ?? []
  return cardId === undefined || slot === undefined ? undefined : { cardId, slot }
}

/** The enrolment files that belong to one card, out of the file names in the folder. */
export const enrolmentFilesOf = (card: string, names: readonly string[]) =>
  names
    .filter((name) => name.startsWith(`${card}-`) && name.endsWith(SUFFIX))
    .map((name) => ({ name, slot: name.slice(card.length + 1, -SUFFIX.length) }))

/** Removes the enrolments of a card that was destroyed. @throws FileError */
export async function forgetEnrolments(card: string, home: Home, files: Files = systemFiles): Promise<void> {
  const suffixes = [SUFFIX, CA_SUFFIX, RENEWAL_SUFFIX]
  for (const name of await files.list(home.enrolments)) {
    const isOfCard = name.startsWith(`${card}-`) && suffixes.some((suffix) => name.endsWith(suffix))
    if (isOfCard) await files.remove(join(home.enrolments, name))
  }
}
