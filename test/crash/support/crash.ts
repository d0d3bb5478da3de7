// The death of a program between two TPM commands, seen from the other end of its connection.
import { setImmediate as turn } from 'node:timers/promises'
import { type Files, filesOver } from '../../../src/files/files.ts'
import { type FileSteps, type Handle, systemSteps } from '../../../src/files/steps.ts'
import type { Hooks, TpmProxy } from '../../support/proxy.ts'

/** Before the TPM sees command number `at` (from 1), or after it has done it and before the answer is back. */
export interface Point {
  readonly at: number
  readonly side: 'before' | 'after'
}

/** Hooks that call `die` at a point, once, and from then on let nothing of the product through. */
export function dying({ at, side }: Point, die: () => void | Promise<void>): Hooks {
  let seen = 0
  let dead = false
  const end = async () => {
    dead = true
    await die()
    return 'drop' as const
  }
  return {
    async onCommand() {
      if (dead) return 'drop'
      seen += 1
      return seen === at && side === 'before' ? end() : undefined
    },
    onAnswer: async () => (seen === at && side === 'after' ? end() : undefined),
  }
}

/** `systemSteps` until `dead`, and nothing any more from then on. */
function mortal(dead: () => boolean): FileSteps {
  const step =
    <Arguments extends unknown[], Result>(work: (...values: Arguments) => Promise<Result>) =>
    (...values: Arguments): Promise<Result> =>
      dead() ? Promise.reject(new Error('the program is dead')) : work(...values)
  const handle = (file: Handle): Handle => ({
    facts: step(() => file.facts()),
    read: step((buffer: Uint8Array) => file.read(buffer)),
    write: step((octets: Uint8Array) => file.write(octets)),
    sync: step(() => file.sync()),
    close: () => file.close(),
  })
  return {
    openRead: step(async (path: string) => handle(await systemSteps.openRead(path))),
    openNew: step(async (path: string) => handle(await systemSteps.openNew(path))),
    rename: step(systemSteps.rename),
    link: step(systemSteps.link),
    unlink: step(systemSteps.unlink),
    exists: step(systemSteps.exists),
    names: step(systemSteps.names),
    makeFolder: step(systemSteps.makeFolder),
    syncFolder: step(systemSteps.syncFolder),
  }
}

/**
 * Runs `work` as a program that dies at `point`: from then on it reaches neither TPM nor disk, whatever it still tries.
 * False where the work ended before.
 */
export async function diesAt(proxy: TpmProxy, point: Point, work: (files: Files) => Promise<void>): Promise<boolean> {
  let dead = false
  proxy.hooks = dying(point, () => {
    dead = true
  })
  try {
    await work(filesOver(mortal(() => dead)))
  } catch (error) {
    if (!dead) throw error
  }
  proxy.disconnect()
  await turn()
  proxy.hooks = {}
  return dead
}
