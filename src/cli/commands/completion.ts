import { UsageError } from '../../errors.ts'
import { candidates } from '../complete.ts'
import type { Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { SHELLS } from '../shells.ts'

/** With words, the last one unfinished: what may stand in its place, one a line. The scripts of the shells ask this. */
export const run: Run = async ({ commands, out }, shell, ...words) => {
  const script = SHELLS.get(shell)
  if (script === undefined) throw new UsageError('ERR_USAGE', TEXT.error.shell(shell, [...SHELLS.keys()]))
  if (words.length === 0) {
    await out.result({ shell, script }, script)
    return undefined
  }
  // Loaded only where a card may stand: somebody waits at the Tab key.
  const names = async () =>
    (await (await import('../../cards/cards.ts')).listCards({ filesOnly: true })).map((card) => card.name)
  const found = await candidates(commands, words, names)
  await out.result(found, found.join('\n'))
  return undefined
}
