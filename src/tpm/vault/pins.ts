// PIN, PUK and help desk of a TPM card.
import { wipe } from '../../bytes.ts'
import { hasCode, PinError } from '../../errors.ts'
import type { PinVault, TryCounter } from '../../piv/card/vault.ts'
import { isFirst, modelOf } from '../../piv/first-state.ts'
import { command } from '../command.ts'
import type { Session } from '../commands.ts'
import { CC } from '../constants.ts'
import { CHALLENGE_SECONDS, type Challenge, parseResponse } from '../help-desk.ts'
import { authValue } from '../lock/auth-value.ts'
import { type LockContext, readCounter, saltOf } from '../lock/context.ts'
import { changeSecret, provePin, unblockByPuk } from '../lock/pins.ts'
import { openPinSeal } from '../lock/seal.ts'
import { unblockByHelpDesk } from '../lock/unblock-by-help-desk.ts'
import type { Role } from '../policy/terms.ts'
import { changedBeforeNewPin } from '../store/seal.ts'
import { rememberedPinTries, rememberedPukTries, rememberTries } from './advisory.ts'
import type { CardState } from './card-state.ts'

export class TpmPins implements PinVault {
  readonly #state: CardState
  /** The session in the TPM that waits for a response of the help desk. */
  #challenge: { readonly session: Session; readonly generation: number } | undefined

  constructor(state: CardState) {
    this.#state = state
  }

  get unlocked(): boolean {
    return this.#state.unlock.ticket !== undefined
  }

  async lock(): Promise<void> {
    const { unlock } = this.#state
    unlock.dropTicket()
    await this.disarm()
    if (unlock.once !== undefined) await this.#state.exclusive(() => unlock.dropOnce())
  }

  disarm(): Promise<void> | undefined {
    const { device, unlock } = this.#state
    const session = unlock.takeArmed()
    if (session === undefined) return undefined
    return this.#state.exclusive(async () => {
      await device.run(command(CC.PolicyRestart, [session.handle], [])).catch(() => unlock.discard(session))
    })
  }

  async pinCounter(): Promise<TryCounter> {
    return (await this.#counter('pin')) ?? rememberedPinTries(this.#state.card)
  }

  async pukCounter(): Promise<TryCounter | undefined> {
    const remembered = rememberedPukTries(this.#state.card)
    return remembered && ((await this.#counter('puk')) ?? remembered)
  }

  async verifyPin(pin: Uint8Array): Promise<void> {
    await this.#withAuths([['pin', pin]], ([auth]) => this.#state.exclusive(() => this.#verify(auth)))
  }

  async changePin(pin: Uint8Array, newPin: Uint8Array): Promise<void> {
    await this.#withAuths(
      [
        ['pin', pin],
        ['pin', newPin],
      ],
      ([auth, newAuth]) =>
        this.#alone(async (context) => {
          this.#state.unlock.dropTicket()
          if (this.#sealIsUnproved) await this.#proveSeal(context, auth)
          await this.#counting('pin', () => changeSecret(context, 'pin', auth, newAuth))
          // Proves that the TPM has the new PIN, and leaves the card unlocked (SP 800-73-5 part 2, 3.2.2).
          await this.#verify(newAuth)
        }),
    )
    await this.#changed('pin')
  }

  async changePuk(puk: Uint8Array, newPuk: Uint8Array): Promise<void> {
    const isDefault = isFirst(modelOf(this.#state.card), 'puk', newPuk)
    await this.#withAuths(
      [
        ['puk', puk],
        ['puk', newPuk],
      ],
      ([auth, newAuth]) =>
        this.#alone((context) => this.#counting('puk', () => changeSecret(context, 'puk', auth, newAuth))),
    )
    await this.#changed('puk', isDefault)
  }

  async unblockPin(puk: Uint8Array, newPin: Uint8Array): Promise<void> {
    await this.#withAuths(
      [
        ['puk', puk],
        ['pin', newPin],
      ],
      ([auth, newAuth]) =>
        this.#alone(async (context) => {
          this.#state.unlock.dropTicket()
          await this.#counting('puk', () => unblockByPuk(context, auth, newAuth))
          await this.#openSealWith(context, newAuth)
        }),
    )
    await this.#changed('pin')
  }

  /** Starts a challenge; it ends with its response, or at the next VERIFY or unblocking. @throws PinError */
  async challenge(): Promise<Challenge> {
    const { card, device } = this.#state
    if (card.helpDeskKey === undefined) {
      throw new PinError(
        'ERR_HELP_DESK_ABSENT',
        'This card was created without a help-desk key: only its PUK can unblock it.',
      )
    }
    return this.#alone(async (context) => {
      const session = await device.startSession('policy', saltOf(context))
      this.#challenge = { session, generation: device.generation }
      return { cardId: card.cardId, nonce: await device.nonceTpm(session), seconds: CHALLENGE_SECONDS }
    })
  }

  /** Sets a new PIN with the response to the pending challenge. @throws PinError ERR_HELP_DESK_REFUSED */
  async unblockWithResponse(response: string, newPin: Uint8Array): Promise<void> {
    const signature = parseResponse(response)
    const pending = this.#challenge
    if (pending === undefined || pending.generation !== this.#state.device.generation) {
      throw new PinError(
        'ERR_HELP_DESK_REFUSED',
        'No challenge is pending: it ended, or this program was restarted since. Ask for a new one: tessera pin unblock --help-desk.',
      )
    }
    await this.#withAuths([['pin', newPin]], ([newAuth]) =>
      this.#state.exclusive(async () => {
        this.#state.unlock.dropTicket()
        try {
          await this.#state.unlock.releaseSessions()
          await unblockByHelpDesk(await this.#state.context(), pending.session, signature, newAuth)
        } finally {
          // Also after a refusal: a session that has taken part of a response cannot wait for another.
          await this.endChallenge()
        }
        await this.#openSealWith(await this.#state.context(), newAuth)
      }),
    )
    await this.#changed('pin')
  }

  async endChallenge(): Promise<void> {
    const pending = this.#challenge
    this.#challenge = undefined
    const { device } = this.#state
    if (pending?.generation === device.generation) await device.flush(pending.session.handle)
  }

  async #verify(auth: Uint8Array): Promise<void> {
    const { unlock, card } = this.#state
    const context = await this.#state.context()
    await this.endChallenge()
    const arm = Object.values(card.keys).some((key) => key.pinPolicy === 'always')
    const provesSeal = this.#sealIsUnproved
    try {
      // Opening the key of the seal needs the room of the sessions that an armed one needs.
      await this.#prove(context, auth, arm && !provesSeal)
      await this.#checkSeal(context)
      if (arm && provesSeal) await this.#prove(context, auth, true)
    } catch (error) {
      unlock.dropTicket()
      await unlock.releaseSessions().catch(() => undefined)
      throw error
    }
  }

  async #prove(context: LockContext, auth: Uint8Array, arm: boolean): Promise<void> {
    const { device, unlock, unlockSeconds: seconds } = this.#state
    const sessions = await unlock.forVerify((kind) => device.startSession(kind, saltOf(context)))
    const options = { seconds: seconds + sessions.age, arm }
    const ticket = await this.#counting('pin', () => provePin(context, sessions, auth, options))
    await unlock.verified(ticket, seconds, arm)
  }

  /** What only the PIN can change is checked at the first VERIFY; from then on it is only this process that changes it here. */
  async #checkSeal(context: LockContext): Promise<void> {
    const { unlock, sealed } = this.#state
    if (sealed === undefined || sealed.keys.knowsPinKey) return
    const { card, keys, path } = sealed
    const { once: session, ticket } = unlock
    if (session === undefined || ticket === undefined) throw new TypeError('The PIN is not verified.')
    await openPinSeal(context, card, keys, { session, ticket }, path)
  }

  /** An operation on the lock has the TPM's sessions to itself. */
  #alone<T>(work: (context: LockContext) => Promise<T>): Promise<T> {
    const { device, unlock } = this.#state
    return this.#state.exclusive(async () => {
      const context = await this.#state.context()
      await device.keepSessions(unlock)
      await this.endChallenge()
      await unlock.releaseSessions()
      return work(context)
    })
  }

  /** Runs `work` with the authValues of secrets, which are overwritten before its promise settles. */
  async #withAuths<const T extends readonly (readonly [Role, Uint8Array])[]>(
    secrets: T,
    work: (auths: { readonly [K in keyof T]: Uint8Array }) => Promise<void>,
  ): Promise<void> {
    const auths = secrets.map(([role, secret]) => authValue(this.#state.card.cardId, role, secret))
    try {
      await work(auths as { readonly [K in keyof T]: Uint8Array })
    } finally {
      wipe(...auths)
    }
  }

  /** Keeps the advisory count where the owner's password hides the TPM's own. */
  async #counting<T>(role: Role, work: () => Promise<T>): Promise<T> {
    const remember = rememberTries(role, this.#state.card, (change) => this.#state.update(change))
    try {
      const result = await work()
      await remember.right()
      return result
    } catch (error) {
      throw await remember.wrong(error)
    }
  }

  #counter(role: Role): Promise<TryCounter | undefined> {
    return this.#state.exclusive(async () => readCounter(await this.#state.context(), role))
  }

  /** Whether the key behind the PIN was not opened yet. */
  get #sealIsUnproved(): boolean {
    const { sealed } = this.#state
    return sealed !== undefined && !sealed.keys.knowsPinKey
  }

  /** Checks what only the PIN can change, with a PIN that unlocks nothing. @throws FileError ERR_CARD_FILE */
  async #proveSeal(context: LockContext, auth: Uint8Array): Promise<void> {
    const { unlock } = this.#state
    try {
      await this.#prove(context, auth, false)
      await this.#checkSeal(context)
    } finally {
      unlock.dropTicket()
      await unlock.releaseSessions()
    }
  }

  /** The flags of the PIN are sealed with it: where unblocking changes them, the new PIN is proved once. */
  async #openSealWith(context: LockContext, newAuth: Uint8Array): Promise<void> {
    const { sealed } = this.#state
    if (sealed === undefined || !this.#sealIsUnproved || !this.#isFlagged('pin')) return
    try {
      await this.#proveSeal(context, newAuth)
    } catch (error) {
      // No PIN was known before that could have opened the seal.
      if (hasCode(error, 'ERR_CARD_FILE')) throw changedBeforeNewPin(sealed.card.name, sealed.path, error)
      throw error
    }
  }

  #isFlagged(what: Role): boolean {
    const { flags } = this.#state.card
    return flags.defaults.includes(what) || (what === 'pin' && flags.mustChangePin)
  }

  /** Notes whether a changed secret is the default: a new PIN never is, and a new PUK can be on a card like a YubiKey. */
  async #changed(what: Role, isDefault = false): Promise<void> {
    if (!isDefault && !this.#isFlagged(what)) return
    await this.#state.update((card) => {
      const others = card.flags.defaults.filter((one) => one !== what)
      const mustChangePin = what === 'pin' ? false : card.flags.mustChangePin
      return { ...card, flags: { mustChangePin, defaults: isDefault ? [...others, what] : others } }
    })
  }
}
