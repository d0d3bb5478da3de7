import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { newRunSocket } from '../../doors/runtime-folder.ts'
import { runProgram } from '../child.ts'
import type { Run } from '../context.ts'
import { openPcscDoor } from '../pcsc-door.ts'
import { tpmCardOf } from '../select.ts'
import { makeThrowAwayCard } from '../throw-away-card.ts'

export const run: Run = async (context, ...words) => {
  const [program = '', ...args] = words
  const own = context.options.create === true
  const name = own ? undefined : await tpmCardOf(context)
  const socket = await newRunSocket()
  try {
    const card = name === undefined ? await makeThrowAwayCard(context, dirname(socket)) : { name, env: {} }
    const served = await openPcscDoor(context, [card.name], { socket, ...('home' in card && { home: card.home }) })
    try {
      return await runProgram(program, args, { ...process.env, ...card.env, ...served.env })
    } finally {
      await served.close()
    }
  } finally {
    await rm(dirname(socket), { recursive: true, force: true })
  }
}
