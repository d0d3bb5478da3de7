// A TPM of one's own, seen through a proxy, with the native layer on one side and a test on the other.
import * as assert from 'uvu/assert'
import { type NativeAuth, type NativeCommand, type NativeFailure, type NativeTpm, native } from '../../../src/native.ts'
import { CC } from '../../support/codes.ts'
import { startProxy, type TpmProxy } from '../../support/proxy.ts'
import { type Swtpm, startSwtpm } from '../../support/swtpm.ts'
import { create, eccStorage, RH, rsaKey } from '../../support/templates.ts'
import { answerCode, command, EMPTY, Reader, u32 } from '../../support/wire.ts'

export interface Rig {
  readonly swtpm: Swtpm
  readonly proxy: TpmProxy
  readonly tpm: NativeTpm
  stop(): Promise<void>
}

export interface OpenOptions {
  readonly stateFile?: string
  readonly createState?: boolean
  readonly waitMs?: number
}

export const openTpm = (tcti: string, options: OpenOptions = {}): Promise<NativeTpm> =>
  native().openTpm({ tcti, stateFile: '', createState: true, waitMs: 10_000, ...options })

export async function startRig(): Promise<Rig> {
  const swtpm = await startSwtpm()
  const proxy = await startProxy(swtpm.path)
  const tpm = await openTpm(proxy.tcti)
  return {
    swtpm,
    proxy,
    tpm,
    async stop() {
      await tpm.close()
      await proxy.stop()
      await swtpm.stop()
    },
  }
}

export const NO_NAME = new Uint8Array(0)
/** A password authorisation. */
export const pw = (authValue: Uint8Array = NO_NAME): NativeAuth => ({ session: 0x40000009, authValue, attributes: 1 })
/** An authorisation by a session. `flags`: 01 continue, 20 decrypt, 40 encrypt. */
export const by = (session: number, flags = 1, authValue?: Uint8Array): NativeAuth => ({
  session,
  attributes: flags,
  authValue,
})

export interface CallOptions {
  readonly handles?: readonly number[]
  readonly names?: readonly Uint8Array[]
  readonly auths?: readonly NativeAuth[]
  readonly params?: Uint8Array
}

const codes: Readonly<Record<string, number>> = CC

/** 0 where there is none. */
const codeOf = (name: string): number => codes[name] ?? 0

export const asCommand = (name: string, options: CallOptions = {}): NativeCommand => ({
  command: codeOf(name),
  handles: [],
  names: [],
  auths: [],
  params: NO_NAME,
  ...options,
})

/** One command; a reader over its result. */
export async function call(tpm: NativeTpm, name: string, options: CallOptions = {}): Promise<Reader> {
  const [result] = await tpm.run([asCommand(name, options)])
  return new Reader(result ?? NO_NAME)
}

export const random = (size: number): NativeCommand => asCommand('GetRandom', { params: Uint8Array.of(0, size) })

/** A primary storage key: its handle, its TPMT_PUBLIC, its Name. */
export async function storageKey(tpm: NativeTpm, template: Uint8Array = eccStorage()) {
  const made = await call(tpm, 'CreatePrimary', { handles: [RH.owner], auths: [pw()], params: create(template) })
  const handle = made.u32()
  const area = made.tpm2b()
  made.tpm2b() // creation data, its hash, and the ticket
  made.tpm2b()
  made.take(6)
  made.tpm2b()
  return { handle, area, name: made.tpm2b() }
}

export type StorageKey = Awaited<ReturnType<typeof storageKey>>

export const salted = (tpm: NativeTpm, key: StorageKey, policy = false) =>
  tpm.startSession({ policy, saltKey: key.handle, saltPublic: key.area })

/** Parameters of TPM2_Create for a key that takes seconds. */
export const SLOW_KEY: Uint8Array = create(rsaKey({}, 3072))

/** What a call rejects with, as the native layer says it. */
export async function failureOf(work: Promise<unknown>): Promise<NativeFailure> {
  try {
    await work
  } catch (error) {
    if (error instanceof Error && 'layer' in error && 'reason' in error && 'rc' in error) return error as NativeFailure
    throw error
  }
  throw new Error('it did not fail')
}

/** `layer/reason` of what a call rejects with: `tcti/gone`. */
export async function kindOf(work: Promise<unknown>): Promise<string> {
  const { layer, reason } = await failureOf(work)
  return `${layer}/${reason}`
}

const RANGES: Readonly<Record<string, number>> = { objects: 0x80000000, sessions: 0x02000000 }

/** Transient objects and loaded sessions that are in the TPM now, seen from the attacker's side, in hex. */
export async function leftovers(proxy: Pick<TpmProxy, 'transmit'>): Promise<string[]> {
  const found: string[] = []
  for (const first of Object.values(RANGES)) {
    const params = new Uint8Array([...u32(1), ...u32(first), ...u32(64)])
    const answer = await proxy.transmit(command(CC.GetCapability, [], params))
    assert.is(answerCode(answer), 0)
    const reader = new Reader(answer.subarray(10))
    reader.take(5)
    for (let left = reader.u32(); left > 0; left -= 1) found.push(reader.u32().toString(16))
  }
  return found
}

export { EMPTY }
