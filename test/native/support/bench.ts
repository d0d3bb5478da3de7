// A TPM whose answers are tampered with: commands of every kind to send, and what must hold whatever came back.
import * as assert from 'uvu/assert'
import type { NativeTpm } from '../../../src/native.ts'
import { startProxy, type TpmProxy } from '../../support/proxy.ts'
import { startSwtpm } from '../../support/swtpm.ts'
import { create, eccKey, RH, signDigest } from '../../support/templates.ts'
import { type Reader, u16, u32 } from '../../support/wire.ts'
import { readCreated } from './pair.ts'
import { by, call, leftovers, openTpm, pw, type StorageKey, salted, storageKey } from './rig.ts'

const SRK = 0x81000200

export interface Subject {
  /** The command whose answer is tampered with. */
  readonly command: string
  /** Whether its answer is vouched for by an HMAC. */
  readonly vouched: boolean
  /** Whether the TPM makes something, which only its answer tells: where that is lost, the next connection flushes it. */
  readonly gives?: true
  /** Prepares; what it gives sends the command. */
  arrange(bench: Bench): Promise<() => Promise<unknown>>
}

const GIVEN = Symbol('key')

export class Bench {
  tpm: NativeTpm
  readonly proxy: TpmProxy
  readonly key: StorageKey
  /** Parameters of TPM2_Load of a P-256 key. */
  readonly blob: Uint8Array
  readonly #stop: () => Promise<void>

  constructor(_: typeof GIVEN, parts: Pick<Bench, 'tpm' | 'proxy' | 'key' | 'blob'> & { stop: () => Promise<void> }) {
    this.tpm = parts.tpm
    this.proxy = parts.proxy
    this.key = parts.key
    this.blob = parts.blob
    this.#stop = parts.stop
  }

  /** A new connection. */
  async reopen(): Promise<void> {
    await this.tpm.close()
    this.tpm = await openTpm(this.proxy.tcti)
  }

  load(): Promise<Reader> {
    return call(this.tpm, 'Load', { handles: [SRK], auths: [pw()], params: this.blob })
  }

  /** Whatever happened: the next command works, on this connection or a new one, and nothing of ours is left. */
  async settled(what: string): Promise<void> {
    this.proxy.hooks = {}
    const works = async () => (await call(this.tpm, 'GetRandom', { params: u16(8) })).tpm2b().length
    await works().catch(async () => {
      await this.reopen()
      assert.is(await works(), 8, what)
    })
    assert.equal(await leftovers(this.proxy), [], what)
  }

  async stop(): Promise<void> {
    await this.tpm.close()
    await this.#stop()
  }
}

export async function startBench(): Promise<Bench> {
  const swtpm = await startSwtpm()
  const proxy = await startProxy(swtpm.path)
  const tpm = await openTpm(proxy.tcti)
  const primary = await storageKey(tpm)
  await call(tpm, 'EvictControl', { handles: [RH.owner, primary.handle], auths: [pw()], params: u32(SRK) })
  await call(tpm, 'FlushContext', { handles: [primary.handle] })
  const key = { ...primary, handle: SRK }
  const made = await call(tpm, 'Create', { handles: [SRK], auths: [pw()], params: create(eccKey()) })
  const stop = async () => {
    await proxy.stop()
    await swtpm.stop()
  }
  return new Bench(GIVEN, { tpm, proxy, key, blob: readCreated(made).blob, stop })
}

/** A session is flushed here only where all went well: after a forgery the layer has to drop it by itself. */
export const SUBJECTS: readonly Subject[] = [
  {
    command: 'GetRandom',
    vouched: false,
    arrange: async (bench) => () => call(bench.tpm, 'GetRandom', { params: u16(16) }),
  },
  {
    command: 'GetCapability',
    vouched: false,
    arrange: async (bench) => () =>
      call(bench.tpm, 'GetCapability', { params: new Uint8Array([...u32(6), ...u32(0x100), ...u32(8)]) }),
  },
  {
    command: 'Load',
    vouched: false,
    gives: true,
    arrange: async (bench) => () => bench.load().then((reader) => flush(bench, reader.u32())),
  },
  {
    command: 'StartAuthSession',
    vouched: false,
    gives: true,
    arrange: async (bench) => () => salted(bench.tpm, bench.key).then(({ handle }) => flush(bench, handle)),
  },
  {
    command: 'Create',
    vouched: true,
    arrange: async (bench) => {
      const { handle } = await salted(bench.tpm, bench.key)
      const { key } = bench
      const options = { handles: [key.handle], names: [key.name], params: create(eccKey()) }
      return () => call(bench.tpm, 'Create', { ...options, auths: [by(handle, 0x61)] }).then(() => flush(bench, handle))
    },
  },
  {
    command: 'Load',
    vouched: true,
    gives: true,
    arrange: async (bench) => {
      const { handle } = await salted(bench.tpm, bench.key)
      const { key } = bench
      const options = { handles: [key.handle], names: [key.name], params: bench.blob, auths: [by(handle)] }
      return () =>
        call(bench.tpm, 'Load', options)
          .then((reader) => flush(bench, reader.u32()))
          .then(() => flush(bench, handle))
    },
  },
  {
    command: 'Sign',
    vouched: true,
    arrange: async (bench) => {
      const loaded = await bench.load()
      const key = loaded.u32()
      const { handle } = await salted(bench.tpm, bench.key)
      const options = { handles: [key], names: [loaded.tpm2b()], params: signDigest(new Uint8Array(32)) }
      return () =>
        call(bench.tpm, 'Sign', { ...options, auths: [by(handle)] })
          .finally(() => flush(bench, key))
          .then(() => flush(bench, handle))
    },
  },
]

/** As src/tpm does after every use: what is gone already is no error. */
async function flush(bench: Bench, handle: number): Promise<void> {
  await call(bench.tpm, 'FlushContext', { handles: [handle] }).catch(() => undefined)
}
