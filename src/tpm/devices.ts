// The TPMs that are open in this thread, and what is kept for each: its storage key, its loaded keys, and which card has
// sessions in it.
import { equal } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import { type DeviceOptions, type SaltKey, type Session, TpmCommands } from './commands.ts'
import { LoadedKeys } from './loaded-keys.ts'
import { openSrk, type Srk, type SrkPin } from './srk.ts'

/** A card that keeps sessions in the TPM between calls; it has to release them when another card needs the room. */
export interface SessionUser {
  releaseSessions(): Promise<void>
}

export class TpmDevice extends TpmCommands {
  readonly keys = new LoadedKeys(this)
  #srk: Srk | undefined
  #sessionUser: SessionUser | undefined

  /** Where there is no room for a session, loaded keys are evicted one by one. */
  override startSession(kind: 'hmac' | 'policy', salt: SaltKey | undefined): Promise<Session> {
    return this.keys.makingRoom(() => super.startSession(kind, salt))
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

  /** The storage root key, if it was opened before and has the pinned Name. */
  knownSrk(pinned: Uint8Array): Srk | undefined {
    return this.#srk !== undefined && equal(pinned, this.#srk.name) ? this.#srk : undefined
  }

  /** As `srk`, but checked now, whatever was known before. */
  srkNow(pinned: SrkPin): Promise<Srk> {
    this.#srk = undefined
    return this.srk(pinned)
  }

  /** Lets one card at a time keep sessions between calls: a bare TPM has room for three. */
  async keepSessions(user: SessionUser): Promise<void> {
    if (this.#sessionUser === user) return
    await this.releaseSessions()
    this.#sessionUser = user
  }

  /** Makes the card that keeps sessions release them: the next work needs the room. */
  async releaseSessions(): Promise<void> {
    const before = this.#sessionUser
    this.#sessionUser = undefined
    await before?.releaseSessions()
  }

  forgetSessionUser(user: SessionUser): void {
    if (this.#sessionUser === user) this.#sessionUser = undefined
  }

  /** It is checked again before the next use. */
  protected override wentStale(): void {
    this.#srk = undefined
  }

  protected override lostAll(): void {
    this.#srk = undefined
    this.keys.forget()
  }
}

/** Devices in use by this thread: a TPM that serves one client serves all cards of a program. */
const open = new Map<string, { readonly device: TpmDevice; users: number }>()

/**
 * The device for `options`, shared with its other users in this thread. Give it back with `releaseDevice`. `signal` gives up
 * waiting for a TPM that another program or thread uses.
 * @throws the signal's reason
 */
export async function acquireDevice(options: DeviceOptions, signal?: AbortSignal): Promise<TpmDevice> {
  signal?.throwIfAborted()
  if (options.tcti.length === 0 || options.tcti.length > 1024) {
    throw new UsageError('ERR_USAGE', 'The TCTI string is empty or too long. Use for example: device:/dev/tpmrm0')
  }
  const key = deviceKey(options)
  const entry = open.get(key) ?? { device: new TpmDevice(options), users: 0 }
  open.set(key, entry)
  entry.users += 1
  try {
    await unlessAborted(entry.device.connect(), signal)
    return entry.device
  } catch (error) {
    // A wait that was given up ends in the native thread, in its own time.
    const released = releaseDevice(entry.device)
    if (signal?.aborted) released.catch(() => undefined)
    else await released
    throw error
  }
}

/** What `work` comes to, or the reason of `signal` as soon as that is aborted. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise<T>((resolve, reject) => {
    const giveUp = () => reject(signal.reason)
    signal.addEventListener('abort', giveUp, { once: true })
    work.finally(() => signal.removeEventListener('abort', giveUp)).then(resolve, reject)
  })
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
 * The device for `options`, for a short query: the one that is open in this thread, otherwise a private one, since its
 * waits are short. `leave` gives back the former, and closes the latter with all work under way.
 */
export function borrowDevice(options: DeviceOptions): { readonly device: TpmDevice; leave(): Promise<void> } {
  const entry = open.get(deviceKey(options))
  if (entry === undefined) {
    const device = new TpmDevice(options)
    return { device, leave: () => device.close() }
  }
  entry.users += 1
  return { device: entry.device, leave: () => releaseDevice(entry.device) }
}

/** The device in use for `options`, if any. It may be used now, but not kept. */
export function deviceInUse(options: DeviceOptions): TpmDevice | undefined {
  return open.get(deviceKey(options))?.device
}

function deviceKey(options: DeviceOptions): string {
  return options.tcti === 'embedded:' ? `embedded:${options.stateFile}` : options.tcti
}
