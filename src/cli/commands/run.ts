import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { newRunSocket } from '../../doors/runtime-folder.ts'
import { runProgram } from '../child.ts'
import type { Run } from '../context.ts'
import { openPcscDoor } from '../pcsc-door.ts'
import { tpmCardOf } from '../select.ts'

export const run: Run = async (context, ...words) => {
  const [program = '', ...args] = words
  const name = await tpmCardOf(context)
  const socket = await newRunSocket()
  try {
    const served = await openPcscDoor(context, [name], socket)
    try {
      return await runProgram(program, args, { ...process.env, ...served.env })
    } finally {
      await served.close()
    }
  } finally {
    await rm(dirname(socket), { recursive: true, force: true })
  }
}
