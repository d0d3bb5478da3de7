// A card that a process of its own serves, in a reader of a pcscd of its own.
import { setTimeout as pause } from 'node:timers/promises'
import { type Pcscd, startPcscd } from '../../test/support/pcscd.ts'
import { CaseProcess } from '../measure/process.ts'
import { load, root } from '../product.ts'
import { nodeCase } from './command.ts'
import type { ServedSetup } from './served.ts'

export interface InReader {
  readonly reader: string
  readonly served: CaseProcess
  readonly pcscd: Pcscd
  counters(): Promise<Readonly<Record<string, number>>>
  stop(): Promise<void>
}

/** Waits until PC/SC has seen the card: it looks every 400 ms. Answers how long that took, in milliseconds. */
export async function seen(reader: string): Promise<number> {
  const { listReaders } = await load(root, 'index')
  const start = performance.now()
  while (!(await listReaders()).some((one) => one.name === reader && one.card)) await pause(5)
  return performance.now() - start
}

/** Puts the card of `home` into a reader. Nobody else may use its TPM meanwhile. */
export async function inReader(setup: Omit<ServedSetup, 'port'>): Promise<InReader> {
  const pcscd = await startPcscd()
  const served = await CaseProcess.start('served card', nodeCase('served.ts', { ...setup, port: pcscd.ports[0] }))
  await seen(pcscd.readers[0])
  return {
    reader: pcscd.readers[0],
    served,
    pcscd,
    counters: () => served.ask('counters'),
    async stop() {
      await served.end()
      await pcscd.stop()
    },
  }
}
