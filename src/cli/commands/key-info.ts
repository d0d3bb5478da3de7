import type { Run } from '../context.ts'
import { keyJson, keyText } from '../describe.ts'
import { keyOnFile } from '../slots.ts'

export const run: Run = async (context, slotName) => {
  const key = await keyOnFile(context, slotName)
  await context.out.result(keyJson(key), keyText(key))
}
