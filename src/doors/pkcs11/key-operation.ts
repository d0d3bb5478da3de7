// A signature or a decryption between its C_...Init and its result.
import { concat, copyOf, wipe } from '../../bytes.ts'
import { hasher } from '../../piv/emsa.ts'
import type { KeyInfo } from '../../piv/host/key-info.ts'
import { CkrError } from './codes.ts'
import type { ChosenMechanism } from './mechanisms.ts'

/** Of what is not hashed here: longer than anything that a key can sign. */
const LONGEST_INPUT = 4096

export class KeyOperation {
  readonly mechanism: ChosenMechanism
  readonly key: KeyInfo
  readonly #hasher: ReturnType<typeof hasher> | undefined
  readonly #parts: Uint8Array[] = []
  #length = 0
  #pin: Uint8Array | undefined
  #result: Uint8Array | undefined
  /** Parts of the message have come. */
  hasParts = false

  constructor(mechanism: ChosenMechanism, key: KeyInfo) {
    this.mechanism = mechanism
    this.key = key
    this.#hasher = mechanism.hash && hasher(mechanism.hash)
  }

  /** The key wants the PIN for this use, and has not had it. */
  get wantsPin(): boolean {
    return this.key.pinPolicy === 'always' && this.#pin === undefined
  }

  /** What goes with the use of the key. */
  get pin(): Uint8Array | undefined {
    return this.#pin
  }

  /** The PIN was right, and goes once more with the use: other programs may come between. */
  givePin(pin: Uint8Array): void {
    wipe(this.#pin)
    this.#pin = copyOf(pin)
  }

  /** @throws CkrError CKR_DATA_LEN_RANGE */
  update(part: Uint8Array): void {
    this.hasParts = true
    if (this.#hasher !== undefined) {
      this.#hasher.update(part)
      return
    }
    this.#length += part.length
    if (this.#length > LONGEST_INPUT) throw new CkrError('CKR_DATA_LEN_RANGE')
    this.#parts.push(copyOf(part))
  }

  /** The digest of all parts, or the parts themselves. */
  input(): Uint8Array {
    return this.#hasher === undefined ? concat(...this.#parts) : Uint8Array.from(this.#hasher.digest())
  }

  /** A result for which the program had no room. */
  get result(): Uint8Array | undefined {
    return this.#result
  }

  keep(result: Uint8Array): void {
    this.#result = result
  }

  end(): void {
    wipe(this.#pin, this.#result, ...this.#parts)
    this.#pin = undefined
    this.#result = undefined
  }
}
