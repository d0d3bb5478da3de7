import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { newRunSocket } from '../../doors/runtime-folder.ts'
import { runProgram } from '../child.ts'
import type { Context, Run } from '../context.ts'
import { runInLab } from '../in-lab.ts'
import { TEXT } from '../messages.ts'
import { openPcscDoor } from '../pcsc-door.ts'
import { tpmCardOf } from '../select.ts'

export const run: Run = (context, ...words) =>
  context.options.create === true ? withCardOfItsOwn(context, words) : withCard(context, words)

const withCardOfItsOwn = (context: Context, words: readonly string[]) =>
  runInLab(context, words, {
    certificate: 'self-signed',
    made: ({ name, pin }) => context.out.note(TEXT.done.throwAway(name, pin)),
  })

async function withCard(context: Context, [program = '', ...args]: readonly string[]) {
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
