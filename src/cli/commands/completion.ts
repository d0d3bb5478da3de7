import { join } from 'node:path'
import { UsageError } from '../../errors.ts'
import { CARD_NAME, defaultHome } from '../../home/home.ts'
import { candidates, type Lists } from '../complete.ts'
import type { Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { SHELLS } from '../shells.ts'

/** With words, the last one unfinished: what may stand in its place, one a line. The scripts of the shells ask this. */
export const run: Run = async ({ commands, out }, shell, ...words) => {
  const script = SHELLS.get(shell)
  if (script === undefined) throw new UsageError('ERR_USAGE', TEXT.error.shell(shell, [...SHELLS.keys()]))
  if (words.length === 0) {
    await out.result({ shell, script }, script)
    return
  }
  const found = await candidates(commands, words, lists)
  await out.result(found, found.join('\n'))
}

// Each is loaded only where a name of its kind may stand: somebody waits at the Tab key.
const lists: Lists = {
  async cards() {
    const { listCards } = await import('../../cards/index.ts')
    // A file may have any name; a card may not.
    return (await listCards({ filesOnly: true })).map((card) => card.name).filter((name) => CARD_NAME.test(name))
  },
  async addresses() {
    const { accounts } = await import('../../signin/accounts.ts')
    return (await accounts()).flatMap((one) => ('address' in one ? [one.address] : []))
  },
  async users() {
    const { Directory } = await import('../../lab-ca/directory.ts')
    return new Directory(join(defaultHome(), 'lab-ca')).userNames()
  },
}
