// Names of the files about enrolments: for each card and slot, one for the enrolment under way and one for its CA.
import { join } from 'node:path'
import { type Files, files as systemFiles } from '../files/files.ts'
import type { Home } from './home.ts'

const SUFFIX = '.enrolment'
const CA_SUFFIX = '.ca'

/** @param card its id, 32 hex digits */
export const enrolmentFile = (card: string, slot: string): string => `${card}-${slot}${SUFFIX}`

export const caFile = (card: string, slot: string): string => `${card}-${slot}${CA_SUFFIX}`

/** The enrolment files that belong to one card, out of the file names in the folder. */
export const enrolmentFilesOf = (card: string, names: readonly string[]) =>
  names
    .filter((name) => name.startsWith(`${card}-`) && name.endsWith(SUFFIX))
    .map((name) => ({ name, slot: name.slice(card.length + 1, -SUFFIX.length) }))

/** Removes the enrolments of a card that was destroyed. @throws FileError */
export async function forgetEnrolments(card: string, home: Home, files: Files = systemFiles): Promise<void> {
  const names = await files.list(home.enrolments)
  const ofCa = names.filter((name) => name.startsWith(`${card}-`) && name.endsWith(CA_SUFFIX))
  for (const name of [...enrolmentFilesOf(card, names).map(({ name }) => name), ...ofCa]) {
    await files.remove(join(home.enrolments, name))
  }
}
