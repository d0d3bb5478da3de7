// A card that a process of its own serves, in a reader of a pcscd of its own.
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Pcscd, startPcscd } from '../../test/support/pcscd.ts'
import { tempDir } from '../../test/support/temp.ts'
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
export async function inReader(setup: Omit<ServedSetup, 'place'>): Promise<InReader> {
  const pcscd = await startPcscd()
  const served = await CaseProcess.start('served card', nodeCase('served.ts', { ...setup, place: pcscd.ports[0] }))
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

/** The same on a socket of our own: no pcscd, no vpcd. */
export async function onSocket(setup: Omit<ServedSetup, 'place'>): Promise<Pick<InReader, 'reader' | 'stop'>> {
  const place = join(tempDir('socket'), 'pcsc')
  process.env.PCSCLITE_CSOCK_NAME = place
  const served = await CaseProcess.start('card on a socket', nodeCase('served.ts', { ...setup, place }))
  return { reader: 'Tessera bench 00 00', stop: () => served.end() }
}
