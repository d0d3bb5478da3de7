// PIN and PUK of the card of tests: VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER. SP 800-73-5 part 2, 3.2.
import { equal, utf8 } from '../../../src/bytes.ts'
import type { Profile } from './profiles.ts'
import { Refused, wants } from './refused.ts'

const FIELD = 8
const PUK_REFERENCE = 0x81
const NOTHING = new Uint8Array(0)

interface Counter {
  secret: Uint8Array
  left: number
  readonly limit: number
}

export interface PlainSecrets {
  readonly pin?: string
  readonly puk?: string
  readonly tries?: { readonly pin: number; readonly puk: number }
}

export class PlainPins {
  readonly #profile: Profile
  readonly #pin: Counter
  readonly #puk: Counter
  #verified = false
  #fresh = false

  constructor(profile: Profile, { pin = '483920', puk = 'open ?me', tries = { pin: 5, puk: 5 } }: PlainSecrets) {
    this.#profile = profile
    this.#pin = { secret: padded(utf8(pin)), left: tries.pin, limit: tries.pin }
    this.#puk = { secret: padded(utf8(puk)), left: tries.puk, limit: tries.puk }
  }

  get verified(): boolean {
    return this.#verified
  }

  /** Whether VERIFY came right before; asked once for each command. */
  takeFresh(): boolean {
    const fresh = this.#fresh
    this.#fresh = false
    return fresh
  }

  forget(): void {
    this.#verified = false
    this.#fresh = false
  }

  verify(p1: number, reference: number, data: Uint8Array): Uint8Array {
    wants(reference === this.#profile.pinReference, 0x6a88)
    if (p1 === 0xff) {
      this.#verified = false
      return NOTHING
    }
    wants(data.length > 0 || !this.#verified, 0x9000)
    wants(data.length > 0, this.#pin.left === 0 ? 0x6983 : 0x63c0 | this.#pin.left)
    this.#verified = false
    this.#prove(this.#pin, data)
    this.#verified = true
    this.#fresh = true
    return NOTHING
  }

  change(reference: number, data: Uint8Array): Uint8Array {
    const isPuk = reference === PUK_REFERENCE
    wants(reference === this.#profile.pinReference || isPuk, 0x6a88)
    const counter = isPuk ? this.#puk : this.#pin
    const next = data.slice(FIELD)
    wants(data.length === 2 * FIELD && (isPuk || this.#isPin(next)), 0x6a80)
    if (!isPuk) this.#verified = false
    this.#prove(counter, data.slice(0, FIELD))
    counter.secret = next
    if (!isPuk) this.#verified = true
    return NOTHING
  }

  unblock(reference: number, data: Uint8Array): Uint8Array {
    wants(reference === this.#profile.pinReference, 0x6a88)
    const next = data.slice(FIELD)
    wants(data.length === 2 * FIELD && this.#isPin(next), 0x6a80)
    this.#prove(this.#puk, data.slice(0, FIELD))
    this.#pin.secret = next
    this.#pin.left = this.#pin.limit
    return NOTHING
  }

  #prove(counter: Counter, data: Uint8Array): void {
    wants(counter.left > 0, 0x6983)
    wants(data.length === FIELD, 0x6a80)
    if (equal(counter.secret, data)) {
      counter.left = counter.limit
      return
    }
    counter.left -= 1
    throw new Refused(counter.left === 0 ? this.#profile.lastTry : 0x63c0 | counter.left)
  }

  #isPin(block: Uint8Array): boolean {
    const length = block.findLastIndex((octet) => octet !== 0xff) + 1
    return this.#profile.isPin(block.subarray(0, length))
  }
}

function padded(secret: Uint8Array): Uint8Array {
  const field = new Uint8Array(FIELD).fill(0xff)
  field.set(secret)
  return field
}
