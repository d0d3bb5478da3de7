// Whether PC/SC is running and accepts this user.
import { PcscError } from '../errors.ts'
import { listReaders } from '../pcsc/readers.ts'
import { type Finding, failed } from './finding.ts'

/** How long pcscd may take over its list of readers, in milliseconds. */
const PATIENCE = 5000
/** SCARD_W_SECURITY_VIOLATION, SCARD_E_NO_ACCESS: PC/SC is running, and refuses this user. */
const REFUSED: readonly unknown[] = [0x8010_006a, 0x8010_0027]

/** `list` asks PC/SC for its readers. */
export async function pcsc(list = listReaders): Promise<Finding> {
  const what = 'PC/SC'
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, PATIENCE, undefined)
  })
  try {
    const readers = await Promise.race([list(), late])
    if (readers === undefined) {
      const advice = 'A reader blocks it. Restart it: systemctl restart pcscd.'
      return { what, state: 'warning', detail: `pcscd does not answer within ${PATIENCE / 1000} seconds`, advice }
    }
    const names = readers.map(({ name, card }) => `'${name}'${card ? ' with a card' : ''}`)
    return { what, state: 'ok', detail: `pcscd answers; readers: ${names.join(', ') || 'none'}` }
  } catch (error) {
    const advice =
      'Cards in readers, and serving a card to programs, need it: apt-get install pcscd. A card in the TPM works without it.'
    const refused = error instanceof PcscError && REFUSED.includes(error.rc)
    return { ...failed(what, error), state: 'warning', ...(refused ? {} : { advice }) }
  } finally {
    clearTimeout(timer)
  }
}
