// What a card answers to acts on its PIN, said in a page: the rules of SP 800-73-5 part 2, 3.2, and of docs/lock.md,
// and nothing of how they are kept.

export interface Settings {
  readonly pin: string
  readonly puk: string
  readonly pinTries: number
  readonly pukTries: number
  readonly mustChangePin: boolean
}

/** `field`: eight octets in hex, as VERIFY carries them. `guarded`: not with the last try. */
export type Act =
  | { readonly kind: 'verify'; readonly pin: string; readonly guarded: boolean }
  | { readonly kind: 'verifyField'; readonly field: string }
  | { readonly kind: 'changePin'; readonly pin: string; readonly newPin: string }
  | { readonly kind: 'changePuk'; readonly puk: string; readonly newPuk: string }
  | { readonly kind: 'unblock'; readonly puk: string; readonly newPin: string }
  | { readonly kind: 'respond'; readonly response: Response; readonly newPin: string }
  | { readonly kind: 'sign'; readonly slot: '9a' | '9c' | '9e' }
  | { readonly kind: 'challenge' | 'status' | 'read' | 'lock' | 'clear' | 'reopen' }
  | { readonly kind: 'recreate'; readonly settings: Settings }

/** To the last challenge; to the one before; for another card; with another key; misread on the telephone. */
export type Response = 'right' | 'stale' | 'other card' | 'other key' | 'misread'

export interface Answer {
  readonly code: string
  /** Tries left, where an answer names them. */
  readonly left?: number
  readonly status?: object
}

const OK: Answer = { code: 'ok' }
const refused = (code: string, left?: number): Answer => ({ code, ...(left === undefined ? {} : { left }) })
const isPin = (text: string) => /^[0-9]{6,8}$/.test(text)
const isPuk = (text: string) => /^[ -~]{8}$/.test(text)
/** Of PIN and PUK: nobody may set it. */
export const DEFAULT = '12345678'
const fieldOf = (pin: string) => Buffer.from(pin).toString('hex').padEnd(16, 'f')

export class PinModel {
  settings: Settings
  pin: string
  puk: string
  pinLeft: number
  pukLeft: number
  verified = false
  /** The last command was the right PIN: an `always` key may be used once. */
  armed = false
  /** The help desk is asked, and its answer waited for. */
  pending = false
  mustChange: boolean

  constructor(settings: Settings) {
    this.settings = settings
    this.pin = settings.pin
    this.puk = settings.puk
    this.pinLeft = settings.pinTries
    this.pukLeft = settings.pukTries
    this.mustChange = settings.mustChangePin
  }

  answer(act: Act): Answer {
    if (act.kind === 'recreate') return this.#forget(new PinModel(act.settings))
    if (act.kind === 'reopen') return this.#forget({ pending: false })
    if (act.kind === 'lock' || act.kind === 'clear') return this.#forget()
    if (act.kind === 'verify') return this.#verify(act.pin, act.guarded)
    if (act.kind === 'verifyField') return this.#tryPin(act.field === fieldOf(this.pin))
    if (act.kind === 'changePin') return this.#changePin(act.pin, act.newPin)
    if (act.kind === 'changePuk') return this.#changePuk(act.puk, act.newPuk)
    if (act.kind === 'unblock') return this.#unblock(act.puk, act.newPin)
    if (act.kind === 'respond') return this.#respond(act.response, act.newPin)
    const armed = this.armed
    this.armed = false
    if (act.kind === 'sign') return this.#sign(act.slot, armed)
    if (act.kind === 'challenge') this.pending = true
    return act.kind === 'status' ? { code: 'ok', status: this.#status() } : OK
  }

  #forget(more: object = {}): Answer {
    Object.assign(this, { verified: false, armed: false }, more)
    return OK
  }

  #verify(pin: string, guarded: boolean): Answer {
    if (!isPin(pin)) return refused('ERR_PIN_FORMAT')
    if (guarded) this.armed = false
    if (guarded && this.pinLeft === 1) return refused('ERR_PIN_LAST_TRY', 1)
    return this.#tryPin(pin === this.pin)
  }

  #tryPin(right: boolean): Answer {
    this.#forget({ pending: false })
    if (this.pinLeft === 0) return refused('ERR_PIN_BLOCKED', 0)
    if (!right) return refused('ERR_PIN_WRONG', --this.pinLeft)
    Object.assign(this, { pinLeft: this.settings.pinTries, verified: true, armed: true })
    return OK
  }

  #tryPuk(right: boolean): Answer {
    this.pending = false
    if (this.pukLeft === 0) return refused('ERR_PUK_BLOCKED', 0)
    if (!right) return refused('ERR_PUK_WRONG', --this.pukLeft)
    this.pukLeft = this.settings.pukTries
    return OK
  }

  #changePin(pin: string, newPin: string): Answer {
    if (!isPin(pin) || !isPin(newPin)) return refused('ERR_PIN_FORMAT')
    this.armed = false
    if (newPin === DEFAULT) return refused('ERR_PIN_FORMAT')
    const answer = this.#tryPin(pin === this.pin)
    // `always` keys want VERIFY itself right before.
    if (answer === OK) Object.assign(this, { pin: newPin, mustChange: false, armed: false })
    return answer
  }

  #changePuk(puk: string, newPuk: string): Answer {
    if (!isPuk(puk) || !isPuk(newPuk)) return refused('ERR_PUK_FORMAT')
    this.armed = false
    if (newPuk === DEFAULT) return refused('ERR_PUK_FORMAT')
    const answer = this.#tryPuk(puk === this.puk)
    if (answer === OK) this.puk = newPuk
    return answer
  }

  #unblock(puk: string, newPin: string): Answer {
    if (!isPuk(puk)) return refused('ERR_PUK_FORMAT')
    if (!isPin(newPin)) return refused('ERR_PIN_FORMAT')
    this.armed = false
    if (newPin === DEFAULT) return refused('ERR_PIN_FORMAT')
    this.verified = false
    const answer = this.#tryPuk(puk === this.puk)
    if (answer === OK) this.#setPin(newPin)
    return answer
  }

  #respond(response: Response, newPin: string): Answer {
    if (!isPin(newPin)) return refused('ERR_PIN_FORMAT')
    this.armed = false
    if (newPin === DEFAULT) return refused('ERR_PIN_FORMAT')
    if (response === 'misread' || !this.pending) return refused('ERR_HELP_DESK_REFUSED')
    this.#forget({ pending: false })
    if (response !== 'right') return refused('ERR_HELP_DESK_REFUSED')
    this.#setPin(newPin)
    return OK
  }

  #setPin(newPin: string): void {
    Object.assign(this, { pin: newPin, pinLeft: this.settings.pinTries, mustChange: false })
  }

  #sign(slot: '9a' | '9c' | '9e', armed: boolean): Answer {
    if (this.mustChange) return refused('ERR_PIN_CHANGE_REQUIRED')
    const allowed = { '9a': this.verified, '9c': armed, '9e': true }[slot]
    return allowed ? OK : refused('ERR_PIN_REQUIRED')
  }

  /** No PIN or PUK here is one that everybody knows. */
  #status(): object {
    const { pinTries, pukTries } = this.settings
    return {
      triesLeft: this.pinLeft,
      tries: pinTries,
      isDefault: false,
      blocked: this.pinLeft === 0,
      verified: this.verified,
      mustChange: this.mustChange,
      advisory: false,
      puk: { triesLeft: this.pukLeft, tries: pukTries, isDefault: false },
    }
  }
}
