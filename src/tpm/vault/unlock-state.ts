// What a verified PIN leaves behind: a ticket that expires, and sessions in the TPM. Never the PIN.
import { command } from '../command.ts'
import type { KeptTicket, Session } from '../commands.ts'
import { CC } from '../constants.ts'
import type { SessionUser, TpmDevice } from '../devices.ts'
import { isLoss } from '../failure.ts'
import type { Ticket } from '../policy/fulfil.ts'

export type StartSession = (kind: 'hmac' | 'policy') => Promise<Session>

/** The sessions of VERIFY. */
export interface VerifySessions {
  /** The session in which the PIN is proved, and which is armed. */
  readonly policy: Session
  /** The session that authorises the PIN's index. */
  readonly hmac: Session
  /** Whole seconds since `policy` was started: the life of a ticket is counted from there (Part 3, 23.2). */
  readonly age: number
}

/** Sessions older than this are replaced for VERIFY, in milliseconds. */
const OLD_MS = 3_600_000

/**
 * At most two sessions of a card stay in the TPM (docs/architecture.md, "Who owns what"). Either the one in which `once`
 * keys are used; or two for the next VERIFY and the one use of an `always` key that it allows; or the `once` session and
 * the armed one.
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

  /** The PIN is no longer verified: wrong PIN, changed PIN, lock, close. An armed session stays until `disarm`. */
  dropTicket(): void {
    if (this.#ticket !== undefined) this.#device.dropTicket(this.#ticket.kept)
    this.#ticket = undefined
  }

  /** Sessions for VERIFY: the last ones where both exist and are not too old, otherwise new ones. */
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

  /** Whether a young armed session exists and is still in the TPM: asked before the PIN is used at all. */
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

  /** After VERIFY: the proof, which is wiped here, its lifetime, and whether it allows the next use of an `always` key. */
  async verified(ticket: Ticket, seconds: number, armed: boolean): Promise<void> {
    this.dropTicket()
    this.#ticket = { kept: this.#device.keepTicket(ticket), until: performance.now() + seconds * 1000 }
    if (this.#armed === undefined) return
    this.#armed.ready = armed
    if (armed) return
    // Without an `always` key the next VERIFY is far away.
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

  /** The armed session; taking it uses it up. */
  takeArmed(): Session | undefined {
    if (!this.armed || this.#armed === undefined) return undefined
    this.#armed.ready = false
    return this.#armed.session
  }

  /** Gives up the session in which `once` keys are used: it may be ready for another use. */
  async dropOnce(): Promise<void> {
    this.#notice()
    await this.#release(this.#once)
  }

  /** The session in which `once` keys are used, if there is one. */
  get once(): Session | undefined {
    this.#notice()
    return this.#once
  }

  /** Whether a session is still kept here. */
  has(session: Session): boolean {
    this.#notice()
    return session === this.#once || session === this.#armed?.session
  }

  /** A command in `session` failed: what the session had fulfilled is unknown, so it is given up. */
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

  /** The connection was lost in the meantime: its sessions are gone, and the ticket is dropped with them. */
  #notice(): void {
    if (this.#generation === this.#device.generation) return
    this.#generation = this.#device.generation
    this.#once = undefined
    this.#armed = undefined
    this.#hmac = undefined
    this.dropTicket()
  }
}
