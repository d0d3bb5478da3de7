// The embedded TPM behind a shim, and checks over it.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { TpmDevice } from '../../../src/tpm/devices.ts'
import type { LockTable } from '../../../src/tpm/lock/table.ts'
import type { TpmCheck, TpmOutcome } from '../../../src/validate/tpm/check.ts'
import { Scratch } from '../../../src/validate/tpm/scratch.ts'
import { type Exchange, type Hooks, startProxy } from '../../support/proxy.ts'
import { tempDir } from '../../support/temp.ts'
import { u32 } from '../../support/wire.ts'

export interface Shim {
  readonly hooks?: Hooks
  readonly table?: LockTable
  /** The TPM forgets at a restart what it wrote since the first PIN. */
  readonly forgets?: boolean
}

export interface ShimmedTpm {
  check(check: TpmCheck, shim?: Shim, samples?: number): Promise<TpmOutcome>
  /** Behind the shim. */
  readonly device: TpmDevice
  /** Past it. */
  readonly machine: TpmDevice
  stop(): Promise<void>
}

export async function startShimmedTpm(): Promise<ShimmedTpm> {
  const stateFile = join(tempDir('tpm'), 'tpm.state')
  const machine = new TpmDevice({ tcti: 'embedded:', stateFile, createState: true })
  const proxy = await startProxy({ transmit: (command) => machine.transmit(command) })
  const device = new TpmDevice({ tcti: proxy.tcti, stateFile: '', createState: false })
  await machine.connect()
  return {
    device,
    machine,
    async check(check, { hooks = {}, table, forgets = false } = {}, samples = 120) {
      const before = join(tempDir('state'), 'before')
      const restart = async () => {
        await device.close()
        await machine.close()
        if (forgets) copyFileSync(before, stateFile)
      }
      const tpm = { device, ownerPassword: new Uint8Array(0), seconds: 600, samples, table, restart }
      const scratch = new Scratch(tpm)
      await scratch.clean()
      let seen = false
      const remember = ({ name }: Exchange): undefined => {
        if (name !== 'PolicySecret' || seen) return
        seen = true
        copyFileSync(stateFile, before)
      }
      proxy.hooks = forgets ? { onCommand: remember } : hooks
      try {
        return await check.run(scratch)
      } finally {
        proxy.hooks = {}
        await scratch.clean()
      }
    },
    async stop() {
      await device.close()
      await proxy.stop()
      await machine.close()
    },
  }
}

/** An answer that says only this. */
export const answering = (code: number): Uint8Array => Uint8Array.of(0x80, 1, ...u32(10), ...u32(code))

export const codeOf = (answer: Uint8Array): number => new DataView(answer.buffer, answer.byteOffset).getUint32(6)

/** The answer with `value` after each place where `key` is found. */
export function withValue(answer: Uint8Array, key: number, value: (old: number) => number): Uint8Array {
  const changed = Uint8Array.from(answer)
  const view = new DataView(changed.buffer)
  for (let at = 10; at + 8 <= changed.length; at += 1) {
    if (view.getUint32(at) === key) view.setUint32(at + 4, value(view.getUint32(at + 4)))
  }
  return changed
}
