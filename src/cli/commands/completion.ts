import { join } from 'node:path'
import { UsageError } from '../../errors.ts'
import { CARD_NAME, defaultHome } from '../../home/home.ts'
import { candidates, type Lists } from '../complete.ts'
import type { Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { SHELLS } from '../shells.ts'

/** With words, the last one unfinished: the candidates for it, one a line. The shells' scripts call this. */
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

// Each is loaded only if a name of its kind may come next, because the user is waiting at the Tab key.
const lists: Lists = {
  async cards() {
    const { listCards } = await import('../../cards/index.ts')
    // A card file may have a name that is not allowed for a card.
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
