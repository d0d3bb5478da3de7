// A TPM to make cards in, embedded or swtpm, seen from outside: what is loaded in it, what was sent, what it wrote.
import { join } from 'node:path'
import { type Card, type CreateCardOptions, createCard, openCard } from '../../src/index.ts'
import { acquireDevice, deviceInUse, releaseDevice } from '../../src/tpm/devices.ts'
import { startProxy, type TpmProxy } from '../support/proxy.ts'
import { type Swtpm, startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { startWitness, type Witness } from '../support/witness.ts'
import { handles } from './tpm-view.ts'

export const KINDS = ['embedded', 'swtpm'] as const
export type Kind = (typeof KINDS)[number]

export const PIN = '483920'
export const NEW_PIN = '71650842'
export const WRONG_PIN = '000001'
export const PUK = 'open ?me'
export const NEW_PUK = 'Or-else!'
export const WRONG_PUK = 'oh dear!'

export interface Spent<T> {
  readonly result: T
  /** How often each command was sent meanwhile; those that were not are left out. */
  readonly commands: Readonly<Record<string, number>>
  /** How often the TPM wrote its state meanwhile. */
  readonly writes: number
}

export interface Bench {
  readonly kind: Kind
  readonly home: string
  readonly tcti: string
  /** In front of the swtpm; the embedded TPM has none. */
  readonly proxy: TpmProxy | undefined
  readonly swtpm: Swtpm | undefined
  create(options?: Partial<CreateCardOptions>): Promise<Card>
  open(name?: string): Promise<Card>
  /** Sends one command to the TPM past the product. */
  transmit(command: Uint8Array): Promise<Uint8Array>
  /** Handles of transient objects and of sessions, whoever loaded them. */
  loaded(): Promise<{ readonly objects: number; readonly sessions: number }>
  /** What `work` cost the TPM. */
  spent<T>(work: () => Promise<T>): Promise<Spent<T>>
  /** Waits for what the product's own device still does ahead of its next use. */
  settled(): Promise<void>
  /** An ESAPI client of the same TPM. */
  witness(): Promise<Witness>
  stop(): Promise<void>
}

/** A TPM of one kind with a home of its own. The embedded one is there once its first card is. */
export async function startBench(kind: Kind): Promise<Bench> {
  const home = tempDir('home')
  const options = { tcti: 'embedded:', stateFile: join(home, 'tpm', 'state'), createState: false }
  const swtpm = kind === 'swtpm' ? await startSwtpm() : undefined
  const proxy = swtpm === undefined ? undefined : await startProxy(swtpm.path)
  let shared: ReturnType<typeof acquireDevice> | undefined
  let witnessProxy: Promise<TpmProxy> | undefined
  const witnesses: Witness[] = []
  const cards: Card[] = []
  const kept = (card: Card): Card => {
    cards.push(card)
    return card
  }
  // The product's own device: its counters are the product's, and what is sent raw is not counted.
  const device = () => {
    shared ??= acquireDevice(options)
    return shared
  }
  const transmit = async (octets: Uint8Array): Promise<Uint8Array> =>
    proxy === undefined ? (await device()).transmit(octets) : proxy.transmit(octets)

  async function settled(): Promise<void> {
    await deviceInUse({ ...options, tcti: proxy?.tcti ?? 'embedded:' })?.settled()
  }

  async function counts(): Promise<Record<string, number>> {
    await settled()
    if (proxy !== undefined && swtpm !== undefined) {
      return { ...proxy.counts(), stateWrites: await swtpm.stateWrites() }
    }
    return (await device()).counters()
  }

  return {
    kind,
    home,
    tcti: proxy?.tcti ?? 'embedded:',
    proxy,
    swtpm,
    transmit,
    async create(more = {}) {
      const tcti = proxy?.tcti ?? 'embedded:'
      return kept(await createCard({ name: 'work', home, tcti, pin: PIN, puk: PUK, ...more }))
    },
    open: async (name = 'work') => kept(await openCard({ name, home })),
    // Policy sessions are listed among the loaded HMAC sessions.
    loaded: async () => ({
      objects: (await handles(transmit, 0x80000000)).length,
      sessions: (await handles(transmit, 0x02000000)).length,
    }),
    async spent(work) {
      const before = await counts()
      const result = await work()
      const after = await counts()
      const { stateWrites: writes = 0, ...commands } = Object.fromEntries(
        Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]),
      )
      return { result, commands: Object.fromEntries(Object.entries(commands).filter(([, count]) => count > 0)), writes }
    },
    settled,
    async witness() {
      witnessProxy ??= proxy === undefined ? startProxy({ transmit }) : Promise.resolve(proxy)
      const witness = await startWitness((await witnessProxy).attackerPath)
      witnesses.push(witness)
      return witness
    },
    async stop() {
      for (const card of cards) await card.close()
      for (const witness of witnesses) await witness.close()
      await (await witnessProxy)?.stop()
      if (shared !== undefined) await releaseDevice(await shared)
      await proxy?.stop()
      await swtpm?.stop()
    },
  }
}

/** Runs `work` on a bench of its own. */
export async function onBench(kind: Kind, work: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = await startBench(kind)
  try {
    await work(bench)
  } finally {
    await bench.stop()
  }
}
