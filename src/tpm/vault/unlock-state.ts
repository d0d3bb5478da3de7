// What a verified PIN leaves in memory: a ticket with an end, and sessions in the TPM. Never the PIN.
import { wipe } from '../../bytes.ts'
import type { Session, SessionKeeper, TpmDevice } from '../device.ts'
import type { Ticket } from '../policy/fulfil.ts'

/**
 * At most two sessions of a card stay in the TPM: one in which `once` keys are used, and one that VERIFY arms for the
 * next use of an `always` key (design, section 2, "No resource manager is assumed").
 */
export class UnlockState implements SessionKeeper {
  readonly #device: TpmDevice
  #generation: number
  #ticket: { readonly ticket: Ticket; readonly until: number } | undefined
  #once: Session | undefined
  #armed: { readonly session: Session; ready: boolean } | undefined

  constructor(device: TpmDevice) {
    this.#device = device
    this.#generation = device.generation
  }

  /** The ticket of the last verified PIN, while it lives. */
  get ticket(): Ticket | undefined {
    this.#notice()
    if (this.#ticket !== undefined && performance.now() >= this.#ticket.until) this.dropTicket()
    return this.#ticket?.ticket
  }

  get armed(): boolean {
    this.#notice()
    return this.#armed?.ready === true
  }

  /** PIN not verified any more: wrong PIN, changed PIN, lock, close. What is armed stays until `disarm`. */
  dropTicket(): void {
    wipe(this.#ticket?.ticket)
    this.#ticket = undefined
  }

  /**
   * A new session for VERIFY: the life of a ticket is counted from the start of its session (Part 3, 23.2), so that one
   * that is older would give a shorter life, or none. What there was is given up first, to make room.
   */
  async takeForVerify(start: () => Promise<Session>): Promise<Session> {
    this.#notice()
    await this.#device.keepSessions(this)
    await this.releaseSessions()
    return start()
  }

  /** After VERIFY: what it proved, for how long, and the session that is now armed or free. */
  verified(session: Session, ticket: Ticket, seconds: number, armed: boolean): void {
    this.dropTicket()
    this.#ticket = { ticket, until: performance.now() + seconds * 1000 }
    if (armed) this.#armed = { session, ready: true }
    else this.#once = session
  }

  async onceSession(start: () => Promise<Session>): Promise<Session> {
    this.#notice()
    await this.#device.keepSessions(this)
    this.#once ??= await start()
    return this.#once
  }

  /** The armed session, used up by asking for it. */
  takeArmed(): Session | undefined {
    if (!this.armed || this.#armed === undefined) return undefined
    this.#armed.ready = false
    return this.#armed.session
  }

  /** True when something stood armed: the caller then restarts that session in the TPM. */
  disarm(): Session | undefined {
    return this.takeArmed()
  }

  /** A command in `session` failed: what it had fulfilled is unknown, so it goes. */
  async discard(session: Session): Promise<void> {
    if (this.#once === session) this.#once = undefined
    if (this.#armed?.session === session) this.#armed = undefined
    await this.#device.flush(session.handle).catch(() => undefined)
  }

  async releaseSessions(): Promise<void> {
    this.#notice()
    const sessions = [this.#once, this.#armed?.session]
    this.#once = undefined
    this.#armed = undefined
    for (const session of sessions) if (session !== undefined) await this.#device.flush(session.handle)
  }

  /** The connection was lost since: sessions went with it, and the ticket is given up with them. */
  #notice(): void {
    if (this.#generation === this.#device.generation) return
    this.#generation = this.#device.generation
    this.#once = undefined
    this.#armed = undefined
    this.dropTicket()
  }
}
