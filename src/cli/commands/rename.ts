import { cardInfo, renameCard } from '../../cards/index.ts'
import type { Run } from '../context.ts'
import { cardJson } from '../describe.ts'
import { TEXT } from '../messages.ts'
import { warnOfTimers } from '../timers-left.ts'

export const run: Run = async ({ out }, name, newName) => {
  await renameCard(name, newName)
  await out.done(cardJson(await cardInfo(newName)), TEXT.done.renamed(name, newName))
  if (newName !== name) await warnOfTimers({ out }, name, newName)
}
