import type { Run } from '../context.ts'
import { keyJson, keyLine } from '../describe.ts'
import { TEXT } from '../messages.ts'
import { keysOnFile } from '../select.ts'

export const run: Run = async (context) => {
  const keys = await keysOnFile(context)
  if (keys.length === 0) await context.out.done([], TEXT.done.noKeys)
  else await context.out.result(keys.map(keyJson), keys.map(keyLine).join('\n'))
  return undefined
}
