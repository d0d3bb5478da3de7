// What the files of enrolments under way are called: a file for each card and slot.
import { join } from 'node:path'
import { type Files, files as systemFiles } from '../files/files.ts'
import type { Home } from './home.ts'

const SUFFIX = '.enrolment'

/** @param card its id, 32 hex digits */
export const enrolmentFile = (card: string, slot: string): string => `${card}-${slot}${SUFFIX}`

/** Of the file names in the folder, those of one card. */
export const enrolmentFilesOf = (card: string, names: readonly string[]): string[] =>
  names.filter((name) => name.startsWith(`${card}-`) && name.endsWith(SUFFIX))

/** Removes the enrolments of a card that was destroyed. @throws FileError */
export async function forgetEnrolments(card: string, home: Home, files: Files = systemFiles): Promise<void> {
  for (const name of enrolmentFilesOf(card, await files.list(home.enrolments))) {
    await files.remove(join(home.enrolments, name))
  }
}
