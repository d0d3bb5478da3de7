// The ways in which two programs meet at one TPM: by turns (embedded, swtpm), or both at once (shared).
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { SocketBackend } from '../../support/backend.ts'
import { program } from '../../support/program.ts'
import { startProxy } from '../../support/proxy.ts'
import { startSwtpm } from '../../support/swtpm.ts'
import { tempDir } from '../../support/temp.ts'
import { embeddedWorld, type World } from './world.ts'

export interface MeetingPlace {
  readonly world: World
  stop(): Promise<void>
}

function newHome(): string {
  const home = join(tempDir('meet'), 'home')
  mkdirSync(home)
  return home
}

export const PLACES = {
  async embedded(): Promise<MeetingPlace> {
    return { world: embeddedWorld({ home: newHome() }), stop: async () => undefined }
  },
  async swtpm(): Promise<MeetingPlace> {
    const tpm = await startSwtpm()
    const world: World = {
      spot: { home: newHome(), tcti: tpm.tcti },
      async look(work) {
        const backend = new SocketBackend(tpm.path)
        return work((octets) => backend.transmit(octets)).finally(() => backend.release())
      },
    }
    return { world, stop: () => tpm.stop() }
  },
  async shared(): Promise<MeetingPlace> {
    const tpm = await startSwtpm()
    const proxy = await startProxy(tpm.path)
    const relay = [process.execPath, ...program('test/crash/support/relay.ts'), proxy.path]
    const world: World = {
      spot: { home: newHome(), tcti: `cmd:${relay.map((word) => `'${word}'`).join(' ')}` },
      look: (work) => work((octets) => proxy.transmit(octets)),
    }
    return {
      world,
      async stop() {
        await proxy.stop()
        await tpm.stop()
      },
    }
  },
} as const

export type PlaceName = keyof typeof PLACES
