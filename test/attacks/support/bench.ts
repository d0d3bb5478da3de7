// One TPM that a card and its attacker share through a proxy: the embedded one, or a swtpm.
import { join } from 'node:path'
import { deviceInUse, TpmDevice } from '../../../src/tpm/devices.ts'
import type { Place } from '../../../src/tpm/stores.ts'
import { startProxy, type TpmProxy } from '../../support/proxy.ts'
import { startSwtpm } from '../../support/swtpm.ts'
import { tempDir } from '../../support/temp.ts'
import { startWitness, type Witness } from '../../support/witness.ts'

export const BACKENDS = ['embedded', 'swtpm'] as const
export type BackendName = (typeof BACKENDS)[number]

export interface Bench {
  readonly backend: BackendName
  readonly proxy: TpmProxy
  /** ESAPI past the hooks of the proxy. */
  readonly witness: Witness
  /** Where the product has its cards, and how it reaches the TPM. */
  readonly place: Place & { readonly home: string }
  /** TPM reset: power off and on, on the same state. */
  reset(): Promise<void>
  stop(): Promise<void>
}

interface Machine {
  readonly proxy: TpmProxy
  reset(): Promise<void>
  stop(): Promise<void>
}

/** libtpms in this process; the product and the attacker reach it by the sockets of a proxy, as they would a swtpm. */
async function startEmbedded(): Promise<Machine> {
  const stateFile = join(tempDir('tpm'), 'tpm.state')
  const device = new TpmDevice({ tcti: 'embedded:', stateFile, createState: true })
  const proxy = await startProxy({ transmit: (command) => device.transmit(command) })
  return { proxy, reset: () => device.close(), stop: () => device.close() }
}

async function startSimulator(): Promise<Machine> {
  const swtpm = await startSwtpm()
  return { proxy: await startProxy(swtpm.path), reset: swtpm.restart, stop: swtpm.stop }
}

export async function startBench(backend: BackendName): Promise<Bench> {
  const machine = backend === 'embedded' ? await startEmbedded() : await startSimulator()
  const { proxy } = machine
  const witness = await startWitness(proxy.attackerPath)
  return {
    backend,
    proxy,
    witness,
    place: { home: tempDir('home'), tcti: proxy.tcti },
    async reset() {
      // What the product does ahead of its next command would come in between.
      await deviceInUse({ tcti: proxy.tcti, stateFile: '', createState: false })?.settled()
      await machine.reset()
    },
    async stop() {
      await witness.close()
      await proxy.stop()
      await machine.stop()
    },
  }
}
