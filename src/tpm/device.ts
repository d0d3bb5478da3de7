// One TPM, as the rest of src/tpm uses it: commands, sessions that are always flushed, and one user at a time.
import { equal, wipe } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import { type NativeCommand, type NativeTpm, native } from '../native.ts'
import { WireReader } from './codec/wire.ts'
import { command } from './command.ts'
import { CC } from './constants.ts'
import { fromNative, isLoss, isStale, responseOf } from './failure.ts'
import { LoadedKeys } from './loaded-keys.ts'
import { openSrk, type Srk, type SrkPin } from './srk.ts'
import { Turns } from './turns.ts'

export interface DeviceOptions {
  /** TCTI string, or `embedded:`. */
  readonly tcti: string
  /** Where the embedded TPM keeps its state. */
  readonly stateFile: string
  /** Whether an embedded TPM may be manufactured where there is no state. */
  readonly createState: boolean
  /** How long to wait for a TPM that another program holds, in milliseconds. */
  readonly waitMs?: number
}

/** A session in the TPM. */
export interface Session {
  readonly handle: number
}

/** Who keeps sessions between calls; asked to let them go when another card needs the room. */
export interface SessionKeeper {
  releaseSessions(): Promise<void>
}

/** A ticket that the native half keeps, for connections of this generation. */
export interface KeptTicket {
  readonly id: number
  readonly generation: number
}

/** Commands that the TPM's thread has. */
export interface Posted {
  readonly answers: Promise<Uint8Array[]>
  /** Of the device when they were posted. */
  readonly generation: number
}

const WAIT_MS = 10_000

export class TpmDevice {
  readonly options: DeviceOptions
  readonly keys: LoadedKeys
  /** Grows whenever the connection was lost and made anew: sessions, loaded keys and tickets of before are gone. */
  generation = 0
  readonly turns = new Turns()
  #connection: Promise<NativeTpm> | undefined
  /** The same, and what it came to, once it has. */
  #ready: readonly [Promise<NativeTpm>, NativeTpm] | undefined
  #srk: Srk | undefined
  #keeper: SessionKeeper | undefined

  constructor(options: DeviceOptions) {
    this.options = options
    this.keys = new LoadedKeys(this)
  }

  /** Connects, unless that was done. @throws TpmError */
  async connect(): Promise<NativeTpm> {
    return (await this.#connected())[1]
  }

  /** Runs `work` while nobody else in this process uses the TPM. Not to be nested. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.alone(work)
  }

  /** Runs commands one after the other in one trip; each result in wire form. @throws TpmError */
  run(...commands: readonly NativeCommand[]): Promise<Uint8Array[]> {
    return this.#use((tpm) => tpm.run(commands))
  }

  /** Whether commands can be posted at once. */
  get connected(): boolean {
    return this.#ready !== undefined
  }

  /**
   * As `run`, and nothing is awaited before the TPM's thread has the commands. What it rejects with goes to
   * `noticed` and `giveUpLost`. Only while `connected`.
   */
  post(commands: readonly NativeCommand[]): Promise<Uint8Array[]> {
    return this.#native.run(commands)
  }

  /** Hands the parameters of a PolicyTicket to the native half for good: they are wiped here. Only while `connected`. */
  keepTicket(ticket: Uint8Array): KeptTicket {
    try {
      return { id: this.#native.keepTicket(ticket), generation: this.generation }
    } finally {
      wipe(ticket)
    }
  }

  /** One of a connection that is gone went with it. */
  dropTicket({ id, generation }: KeptTicket): void {
    if (generation === this.generation) this.#ready?.[1].dropTicket(id)
  }

  /** The typed error for what a command was rejected with. */
  noticed(cause: unknown): unknown {
    const error = fromNative(cause)
    if (isStale(error)) this.#srk = undefined // perhaps the TPM was cleared: looked at again before the next use
    return error
  }

  /** Gives up the connection that a command was posted to where it was lost, unless that was done. */
  async giveUpLost({ generation }: Posted, error: unknown): Promise<void> {
    if (isLoss(error) && generation === this.generation) await this.#giveUp(this.#connection)
  }

  /** Runs one command whose parameters hold a secret: they are wiped afterwards. */
  async runSecret(one: NativeCommand): Promise<void> {
    try {
      await this.run(one)
    } finally {
      wipe(one.params)
    }
  }

  /** Runs one command; a reader over its result. */
  async call(one: NativeCommand): Promise<WireReader> {
    const [result = new Uint8Array(0)] = await this.run(one)
    return new WireReader(result)
  }

  /** Current nonceTPM of a session: what a policy command binds itself to. */
  async nonceTpm(session: Session): Promise<Uint8Array> {
    return (await this.connect()).nonceTpm(session.handle)
  }

  async startSession(kind: 'hmac' | 'policy', srk: Srk | undefined): Promise<Session> {
    const options = {
      policy: kind === 'policy',
      ...(srk === undefined ? {} : { saltKey: srk.handle, saltPublic: srk.area }),
    }
    return this.keys.makingRoom(() => this.#use((tpm) => tpm.startSession(options)))
  }

  /** Flushes a session or an object. One that is already gone is no error. */
  async flush(handle: number): Promise<void> {
    if (this.#connection === undefined) return // it went with the connection
    try {
      await this.run(command(CC.FlushContext, [handle], []))
    } catch (error) {
      if (!isLoss(error) && responseOf(error) === undefined) throw error
    }
  }

  /** A session for the time of `work`; flushed on every path. */
  async withSession<T>(
    kind: 'hmac' | 'policy',
    srk: Srk | undefined,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const session = await this.startSession(kind, srk)
    try {
      return await work(session)
    } finally {
      await this.flush(session.handle).catch(() => undefined)
    }
  }

  /**
   * The storage root key, checked before anything secret is sent: made where there is none, refused where it is unfit,
   * and its Name compared with `pinned`.
   * @throws TpmError ERR_TPM_SRK; CardError ERR_CARD_OTHER_TPM
   */
  async srk(pinned: SrkPin): Promise<Srk> {
    this.#srk = await openSrk(this, pinned, this.#srk)
    return this.#srk
  }

  /** The storage root key where it was opened before, and is the one that is meant. */
  knownSrk(pinned: Uint8Array): Srk | undefined {
    return this.#srk !== undefined && equal(pinned, this.#srk.name) ? this.#srk : undefined
  }

  /** As `srk`, and looked at now, whatever was seen before. */
  srkNow(pinned: SrkPin): Promise<Srk> {
    this.#srk = undefined
    return this.srk(pinned)
  }

  /** Lets one card at a time keep sessions between calls: a bare TPM has room for three. */
  async keepSessions(keeper: SessionKeeper): Promise<void> {
    if (this.#keeper === keeper) return
    await this.releaseSessions()
    this.#keeper = keeper
  }

  /** Has whoever keeps sessions let them go: what follows wants the room for itself. */
  async releaseSessions(): Promise<void> {
    const before = this.#keeper
    this.#keeper = undefined
    await before?.releaseSessions()
  }

  dropKeeper(keeper: SessionKeeper): void {
    if (this.#keeper === keeper) this.#keeper = undefined
  }

  async counters(): Promise<Record<string, number>> {
    return (await this.connect()).counters()
  }

  /** Waits for all work that was given before, also for what is done ahead of the next. */
  async settled(): Promise<void> {
    await this.run()
  }

  /** The raw answer to a raw command: for tests and diagnosis. */
  async transmit(octets: Uint8Array): Promise<Uint8Array> {
    return this.#use((tpm) => tpm.transmit(octets))
  }

  async close(): Promise<void> {
    await this.#giveUp(this.#connection)
  }

  get #native(): NativeTpm {
    if (this.#ready === undefined) throw new TypeError('There is no connection to the TPM.')
    return this.#ready[1]
  }

  async #connected(): Promise<readonly [Promise<NativeTpm>, NativeTpm]> {
    this.#connection ??= openNative(this.options)
    const connection = this.#connection
    try {
      const ready = [connection, await connection] as const
      if (this.#connection === connection) this.#ready = ready
      return ready
    } catch (error) {
      await this.#giveUp(connection)
      throw fromNative(error)
    }
  }

  /** Runs `work` on the connection. One that is lost in it is given up, and the next call makes a new one. */
  async #use<T>(work: (tpm: NativeTpm) => Promise<T>): Promise<T> {
    const [connection, tpm] = this.#ready ?? (await this.#connected())
    try {
      return await work(tpm)
    } catch (cause) {
      const error = this.noticed(cause)
      if (isLoss(error)) await this.#giveUp(connection)
      throw error
    }
  }

  /** Closes a connection and all that lives on it; nothing where that was done, or another one is in use by now. */
  async #giveUp(connection: Promise<NativeTpm> | undefined): Promise<void> {
    if (connection === undefined || this.#connection !== connection) return
    this.#connection = undefined
    this.#ready = undefined
    this.#srk = undefined
    this.generation += 1
    this.keys.forget()
    await connection.then((tpm) => tpm.close()).catch(() => undefined)
  }
}

/** Rejects, and never throws at once, as the addon does where a process has no descriptor or thread left. */
async function openNative({ tcti, stateFile, createState, waitMs = WAIT_MS }: DeviceOptions): Promise<NativeTpm> {
  return native().openTpm({ tcti, stateFile, createState, waitMs })
}

/** Devices in use by this thread: a TPM that serves one client serves all cards of a program. */
const open = new Map<string, { readonly device: TpmDevice; users: number }>()

/** The device for `options`, shared with whoever has it open. Give it back with `releaseDevice`. */
export async function acquireDevice(options: DeviceOptions): Promise<TpmDevice> {
  if (options.tcti.length === 0 || options.tcti.length > 1024) {
    throw new UsageError('ERR_USAGE', 'The TCTI string is empty or too long. Use for example: device:/dev/tpmrm0')
  }
  const key = deviceKey(options)
  const entry = open.get(key) ?? { device: new TpmDevice(options), users: 0 }
  open.set(key, entry)
  entry.users += 1
  try {
    await entry.device.connect()
    return entry.device
  } catch (error) {
    await releaseDevice(entry.device)
    throw error
  }
}

export async function releaseDevice(device: TpmDevice): Promise<void> {
  const key = deviceKey(device.options)
  const entry = open.get(key)
  if (entry === undefined || entry.device !== device) return
  entry.users -= 1
  if (entry.users > 0) return
  open.delete(key)
  await device.close()
}

/**
 * The device for `options` for a short look: that of who has it open in this thread, or else one that nobody comes to
 * share, since its waits are short. `leave` ends what is still under way on a device of its own.
 */
export function visitDevice(options: DeviceOptions): { readonly device: TpmDevice; leave(): Promise<void> } {
  const entry = open.get(deviceKey(options))
  if (entry === undefined) {
    const device = new TpmDevice(options)
    return { device, leave: () => device.close() }
  }
  entry.users += 1
  return { device: entry.device, leave: () => releaseDevice(entry.device) }
}

/** The device that is in use for `options`, if any: to be looked at, not kept. */
export function deviceInUse(options: DeviceOptions): TpmDevice | undefined {
  return open.get(deviceKey(options))?.device
}

function deviceKey(options: DeviceOptions): string {
  return options.tcti === 'embedded:' ? `embedded:${options.stateFile}` : options.tcti
}
