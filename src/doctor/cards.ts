// The cards of a home, from their files.
import { workshop } from '../tpm/workshop.ts'
import { type Finding, failed } from './finding.ts'

export async function cards(home: string | undefined): Promise<Finding> {
  const { store, journal, home: place } = workshop(home === undefined ? {} : { home })
  const what = `Cards in ${place.cards}`
  try {
    const listed = await store.list()
    const broken = listed.filter((one) => 'error' in one).map((one) => one.name)
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
    return { what, state: 'ok', detail: String(listed.length) }
  } catch (error) {
    return failed(what, error)
  }
}
