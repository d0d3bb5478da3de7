// The cards of a home, from their files, and whether another one can be created there.
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { dirname } from 'node:path'
import { listCards } from '../cards/index.ts'
import { storesOf } from '../tpm/stores.ts'
import { type Finding, failed } from './finding.ts'

export async function cards(home: string | undefined): Promise<Finding> {
  const { journal, home: place } = storesOf(home === undefined ? {} : { home })
  const what = `Cards in ${place.cards}`
  try {
    const listed = await listCards({ home: place.path, filesOnly: true })
    const broken = listed.filter(({ state }) => state === 'unreadable').map(({ name }) => name)
    const left = await journal.pending()
    if (broken.length > 0) {
      const advice = 'Put back a copy of the file, or move it away and create a new card.'
      return { what, state: 'missing', detail: `${listed.length}; cannot be read: ${broken.join(', ')}`, advice }
    }
    if (left.length > 0) {
      const advice = 'The next start on the TPM of that card cleans it up by itself.'
      const names = left.map((one) => one.name).join(', ')
      return {
        what,
        state: 'warning',
        detail: `${listed.length}; interrupted while made or destroyed: ${names}`,
        advice,
      }
    }
    const closed = await notWritable(place.path)
    if (closed === undefined) return { what, state: 'ok', detail: String(listed.length) }
    const advice = 'Check whose it is, or choose another folder for the cards: TESSERA_HOME.'
    const detail = `${listed.length}; no other can be made: this user may not write in ${closed}`
    // Existing cards still work.
    return { what, state: closed === place.path ? 'warning' : 'missing', detail, advice }
  } catch (error) {
    return failed(what, error)
  }
}

/** The folder that the user cannot write to, if any: `path`, or the parent in which it would be created. */
async function notWritable(path: string): Promise<string | undefined> {
  const can = (mode: number) =>
    access(path, mode).then(
      () => true,
      () => false,
    )
  if (!(await can(constants.F_OK)) && dirname(path) !== path) return notWritable(dirname(path))
  return (await can(constants.W_OK | constants.X_OK)) ? undefined : path
}
