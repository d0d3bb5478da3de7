// What a verified PIN leaves in memory: a ticket with an end, and sessions in the TPM. Never the PIN.
import { command } from '../command.ts'
import type { KeptTicket, Session } from '../commands.ts'
import { CC } from '../constants.ts'
import type { SessionUser, TpmDevice } from '../devices.ts'
import { isLoss } from '../failure.ts'
import type { Ticket } from '../policy/fulfil.ts'

export type StartSession = (kind: 'hmac' | 'policy') => Promise<Session>

/** What VERIFY works in. */
export interface VerifySessions {
  /** In which the PIN is proved, and which is armed. */
  readonly policy: Session
  /** Which authorises the PIN's index. */
  readonly hmac: Session
  /** Whole seconds since `policy` was started: the life of a ticket is counted from there (Part 3, 23.2). */
  readonly age: number
}

/** After this a session is made anew for VERIFY, in milliseconds. */
const OLD_MS = 3_600_000

/**
 * At most two sessions of a card stay in the TPM (docs/architecture.md, "Who owns what"): one in which
 * `once` keys are used, or two for the next VERIFY and the one use of an `always` key that it allows; or the second of
 * these and the first.
 */
export class UnlockState implements SessionUser {
  readonly #device: TpmDevice
  #generation: number
  #ticket: { readonly kept: KeptTicket; readonly until: number } | undefined
  #once: Session | undefined
  #armed: { readonly session: Session; readonly since: number; ready: boolean } | undefined
  #hmac: Session | undefined

  constructor(device: TpmDevice) {
    this.#device = device
    this.#generation = device.generation
  }

  /** The ticket of the last verified PIN, while it lives. */
  get ticket(): KeptTicket | undefined {
    this.#notice()
    if (this.#ticket !== undefined && performance.now() >= this.#ticket.until) this.dropTicket()
    return this.#ticket?.kept
  }

  get armed(): boolean {
    this.#notice()
    return this.#armed?.ready === true
  }

  /** PIN not verified any more: wrong PIN, changed PIN, lock, close. What is armed stays until `disarm`. */
  dropTicket(): void {
    if (this.#ticket !== undefined) this.#device.dropTicket(this.#ticket.kept)
    this.#ticket = undefined
  }

  /** Sessions for VERIFY: those of the last one where both are there and not too old, else new ones. */
  async forVerify(start: StartSession): Promise<VerifySessions> {
    this.#notice()
    await this.#device.keepSessions(this)
    if (await this.#serves(this.#armed)) await this.#release(this.#once)
    else await this.releaseSessions()
    const since = performance.now()
    this.#armed ??= { session: await start('policy'), since, ready: false }
    this.#armed.ready = false
    this.#hmac ??= await start('hmac')
    const age = Math.floor((performance.now() - this.#armed.since) / 1000)
    return { policy: this.#armed.session, hmac: this.#hmac, age }
  }

  /** Whether an armed session is there, young, and still in the TPM: asked before the PIN has a part in anything. */
  async #serves(armed: { readonly session: Session; readonly since: number } | undefined): Promise<boolean> {
    if (armed === undefined || performance.now() - armed.since > OLD_MS) return false
    try {
      await this.#device.run(command(CC.PolicyRestart, [armed.session.handle], []))
      return true
    } catch (error) {
      if (isLoss(error)) throw error
      return false
    }
  }

  /** After VERIFY: what it proved, which is wiped here, for how long, and whether the next use of an `always` key is allowed by it. */
  async verified(ticket: Ticket, seconds: number, armed: boolean): Promise<void> {
    this.dropTicket()
    this.#ticket = { kept: this.#device.keepTicket(ticket), until: performance.now() + seconds * 1000 }
    if (this.#armed === undefined) return
    this.#armed.ready = armed
    if (armed) return
    // No `always` key: the next VERIFY is far away.
    this.#once = this.#armed.session
    this.#armed = undefined
    await this.#release(this.#hmac)
  }

  async onceSession(start: StartSession): Promise<Session> {
    this.#notice()
    await this.#device.keepSessions(this)
    if (this.#once === undefined) {
      await this.#release(this.#hmac)
      this.#once = await start('policy')
    }
    return this.#once
  }

  /** The armed session, used up by asking for it. */
  takeArmed(): Session | undefined {
    if (!this.armed || this.#armed === undefined) return undefined
    this.#armed.ready = false
    return this.#armed.session
  }

  /** Gives up the session in which `once` keys are used: it may stand ready for the next use of one. */
  async dropOnce(): Promise<void> {
    this.#notice()
    await this.#release(this.#once)
  }

  /** The session in which `once` keys are used, where there is one. */
  get once(): Session | undefined {
    this.#notice()
    return this.#once
  }

  /** Whether a session is kept here still. */
  has(session: Session): boolean {
    this.#notice()
    return session === this.#once || session === this.#armed?.session
  }

  /** A command in `session` failed: what it had fulfilled is unknown, so it goes. */
  async discard(session: Session): Promise<void> {
    await this.#release(session).catch(() => undefined)
  }

  async releaseSessions(): Promise<void> {
    this.#notice()
    for (const session of [this.#once, this.#armed?.session, this.#hmac]) await this.#release(session)
  }

  async #release(session: Session | undefined): Promise<void> {
    if (session === undefined) return
    if (this.#once === session) this.#once = undefined
    if (this.#hmac === session) this.#hmac = undefined
    if (this.#armed?.session === session) this.#armed = undefined
    await this.#device.flush(session.handle)
  }

  /** The connection was lost since: sessions went with it, and the ticket is given up with them. */
  #notice(): void {
    if (this.#generation === this.#device.generation) return
    this.#generation = this.#device.generation
    this.#once = undefined
    this.#armed = undefined
    this.#hmac = undefined
    this.dropTicket()
  }
}
