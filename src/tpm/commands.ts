// Commands to one TPM over one connection at a time: run, call, flush, withSession.
import { wipe } from '../bytes.ts'
import { TpmError } from '../errors.ts'
import { type NativeCommand, type NativeExchange, type NativeTpm, native } from '../native.ts'
import { traceOfProcess } from '../trace/trace.ts'
import { WireReader } from './codec/wire.ts'
import { command } from './command.ts'
import { CC } from './constants.ts'
import { fromNative, isLoss, isStale, responseOf } from './failure.ts'
import { Turns } from './turns.ts'

export interface DeviceOptions {
  /** TCTI string, or `embedded:`. */
  readonly tcti: string
  /** Where the embedded TPM keeps its state. */
  readonly stateFile: string
  /** Whether an embedded TPM may be manufactured where there is no state. */
  readonly createState: boolean
  /** How long to wait for a TPM that another program uses, in milliseconds. */
  readonly waitMs?: number
}

/** A session in the TPM. */
export interface Session {
  readonly handle: number
}

/** A ticket that the native side keeps, for connections of this generation. */
export interface KeptTicket {
  readonly id: number
  readonly generation: number
}

/** Commands that were handed to the TPM's thread. */
export interface Posted {
  readonly answers: Promise<Uint8Array[]>
  /** The device's generation when they were posted. */
  readonly generation: number
}

const WAIT_MS = 10_000
/** Largest command that any TPM takes, in octets (TPM2_MAX_COMMAND_SIZE), without its header and handle. */
const MAX_PARAMETERS = 4096 - 14

/** The error for a command that the libraries could not send: layer `sapi`. */
function tooLong(octets: number): TpmError {
  return new TpmError(
    'ERR_TPM',
    `What is to be sent to the TPM has ${octets} octets, and no command takes more than ${MAX_PARAMETERS}. If it came from a file of the card, that is damaged: put back a copy of it.`,
    { layer: 'sapi' },
  )
}

/** A storage key that a session is salted to. */
export interface SaltKey {
  readonly handle: number
  /** TPMT_PUBLIC. */
  readonly area: Uint8Array
}

export class TpmCommands {
  readonly options: DeviceOptions
  /** Grows whenever the connection was lost and made anew: earlier sessions, loaded keys and tickets are gone. */
  generation = 0
  readonly turns = new Turns()
  #connection: Promise<NativeTpm> | undefined
  /** The same promise and its result, once it has one. */
  #ready: readonly [Promise<NativeTpm>, NativeTpm] | undefined

  constructor(options: DeviceOptions) {
    this.options = options
  }

  /** Connects if necessary. @throws TpmError */
  async connect(): Promise<NativeTpm> {
    return (await this.#connected())[1]
  }

  /** Runs `work` while nobody else in this process uses the TPM. Not to be nested. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.alone(work)
  }

  /** Runs commands one after the other in one trip; each result in wire form. @throws TpmError */
  run(...commands: readonly NativeCommand[]): Promise<Uint8Array[]> {
    return this.#use(async (tpm) => {
      for (const { params } of commands) if (params.length > MAX_PARAMETERS) throw tooLong(params.length)
      return tpm.run(commands)
    })
  }

  /** Whether commands can be posted at once. */
  get connected(): boolean {
    return this.#ready !== undefined
  }

  /**
   * As `run`, but nothing is awaited before the TPM's thread has the commands. A rejection must be passed to `noticed` and
   * `giveUpLost`. Only while `connected`.
   */
  post(commands: readonly NativeCommand[]): Promise<Uint8Array[]> {
    return this.#native.run(commands)
  }

  /** Hands the parameters of a PolicyTicket to the native side for good: they are wiped here. Only while `connected`. */
  keepTicket(ticket: Uint8Array): KeptTicket {
    try {
      return { id: this.#native.keepTicket(ticket), generation: this.generation }
    } finally {
      wipe(ticket)
    }
  }

  /** A ticket of an earlier connection was dropped with it. */
  dropTicket({ id, generation }: KeptTicket): void {
    if (generation === this.generation) this.#ready?.[1].dropTicket(id)
  }

  /** The typed error for the rejection of a command. */
  noticed(cause: unknown): unknown {
    const error = fromNative(cause)
    if (isStale(error)) this.wentStale()
    return error
  }

  /** Gives up the connection that a command was posted to, if it was lost and is not given up yet. */
  async giveUpLost({ generation }: Posted, error: unknown): Promise<void> {
    if (isLoss(error) && generation === this.generation) await this.#giveUp(this.#connection)
  }

  /** Runs one command with a secret in its parameters, which are wiped afterwards. */
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

  /** Current nonceTPM of a session, to which policy commands are bound. */
  async nonceTpm(session: Session): Promise<Uint8Array> {
    return (await this.connect()).nonceTpm(session.handle)
  }

  async startSession(kind: 'hmac' | 'policy', salt: SaltKey | undefined): Promise<Session> {
    const options = {
      policy: kind === 'policy',
      ...(salt === undefined ? {} : { saltKey: salt.handle, saltPublic: salt.area }),
    }
    return this.#use((tpm) => tpm.startSession(options))
  }

  /** Flushes a session or an object. It is not an error if it is already gone. */
  async flush(handle: number): Promise<void> {
    if (this.#connection === undefined) return // it went with the connection
    try {
      await this.run(command(CC.FlushContext, [handle], []))
    } catch (error) {
      if (!isLoss(error) && responseOf(error) === undefined) throw error
    }
  }

  /** A session for the duration of `work`; flushed on every path. */
  async withSession<T>(
    kind: 'hmac' | 'policy',
    salt: SaltKey | undefined,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const session = await this.startSession(kind, salt)
    try {
      return await work(session)
    } finally {
      await this.flush(session.handle).catch(() => undefined)
    }
  }

  async counters(): Promise<Record<string, number>> {
    return (await this.connect()).counters()
  }

  /** Waits for all earlier work, including what is done ahead for the next use. */
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

  /** Something that we had in the TPM is missing: perhaps it was cleared. */
  protected wentStale(): void {}

  /** The connection is gone, and everything loaded over it. */
  protected lostAll(): void {}

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

  /** Runs `work` on the connection. If it is lost, it is given up, and the next call makes a new one. */
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

  /** Closes a connection and everything on it; does nothing if that was done, or another one is in use by now. */
  async #giveUp(connection: Promise<NativeTpm> | undefined): Promise<void> {
    if (connection === undefined || this.#connection !== connection) return
    this.#connection = undefined
    this.#ready = undefined
    this.generation += 1
    this.lostAll()
    await connection.then((tpm) => tpm.close()).catch(() => undefined)
  }
}

/** Always rejects instead of throwing, even where the addon throws for lack of a descriptor or a thread. */
async function openNative({ tcti, stateFile, createState, waitMs = WAIT_MS }: DeviceOptions): Promise<NativeTpm> {
  const trace = traceOfProcess()
  const onExchange = ({ command, answer, began: time, took }: NativeExchange) =>
    trace?.record({ time, took, kind: 'tpm', to: tcti, command, ...(answer !== undefined && { answer }) })
  return native().openTpm({ tcti, stateFile, createState, waitMs, ...(trace && { onExchange }) })
}
