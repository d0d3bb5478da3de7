// Keys of the card of tests: GENERATE ASYMMETRIC KEY PAIR, and GENERAL AUTHENTICATE with a key. SP 800-73-5 part 2, 3.2 and 3.3.
import type { KeyObject } from 'node:crypto'
import { algorithmById, type CardAlgorithm, cardAlgorithmById } from '../../../src/piv/algorithms.ts'
import { ecdsaToDer } from '../../../src/piv/ecdsa.ts'
import { agree, ecdsa, newKey, rawRsa } from '../../contract/memory-keys.ts'
import { privateJwk } from '../private-jwk.ts'
import type { Profile } from './profiles.ts'
import { Refused, wants } from './refused.ts'
import { itemsOf, partsOf, pointOf, type Write } from './tlv.ts'

export interface PlainKey {
  readonly privateKey: KeyObject
  /** May be one that this project does not know. */
  readonly algorithm: number
}

/** What was proved before the use of a key. */
export interface Proved {
  readonly verified: boolean
  /** By the command right before this one. */
  readonly fresh: boolean
}

export class PlainKeys {
  readonly #profile: Profile
  readonly #write: Write
  /** By key reference. */
  readonly all = new Map<number, PlainKey>()

  constructor(profile: Profile, write: Write) {
    this.#profile = profile
    this.#write = write
  }

  async generate(reference: number, data: Uint8Array): Promise<Uint8Array> {
    wants(this.#hasSlot(reference), this.#profile.noSlot)
    // It knows only what NIST has: no policy beside the algorithm.
    const [algorithm, ...others] = partsOf(partsOf(data)[0]?.value ?? new Uint8Array(0))
    const id = algorithm?.value[0] ?? 0
    const name = algorithmById(id)
    wants(others.length === 0 && name !== undefined, 0x6a80)
    const privateKey = await newKey(name)
    this.all.set(reference, { privateKey, algorithm: id })
    return this.#write(0x7f49, ...this.#publicKey(privateKey, name))
  }

  use(algorithm: number, reference: number, data: Uint8Array, { verified, fresh }: Proved): Uint8Array {
    wants(this.#hasSlot(reference), this.#profile.noSlot)
    const key = this.all.get(reference)
    wants(key !== undefined, 0x6a88)
    wants(key.algorithm === algorithm, 0x6a86)
    wants(reference === 0x9e || (reference === 0x9c ? fresh : verified), 0x6982)
    const items = itemsOf(data)
    const [challenge, point] = [items.get(0x81), items.get(0x85)]
    const name = cardAlgorithmById(algorithm)
    wants(name !== undefined && (challenge ?? point) !== undefined, 0x6a80)
    try {
      return this.#write(0x7c, this.#write(0x82, answer(key.privateKey, name, challenge, point)))
    } catch (error) {
      if (error instanceof Refused) throw error
      throw new Refused(0x6a80)
    }
  }

  #hasSlot(reference: number): boolean {
    const named = [0x9a, 0x9c, 0x9d, 0x9e].includes(reference)
    return named || (reference >= 0x82 && reference < 0x82 + this.#profile.retired)
  }

  #publicKey(privateKey: KeyObject, algorithm: CardAlgorithm): Uint8Array[] {
    const { n, e } = privateJwk(privateKey)
    if (!algorithm.startsWith('RSA')) return [this.#write(0x86, pointOf(privateKey))]
    return [[0x81, n] as const, [0x82, e] as const].map(([tag, text = '']) =>
      this.#write(tag, Uint8Array.from(Buffer.from(text, 'base64url'))),
    )
  }
}

function answer(key: KeyObject, name: CardAlgorithm, challenge?: Uint8Array, point?: Uint8Array): Uint8Array {
  if (point !== undefined) return agree(key, name, point)
  wants(challenge !== undefined, 0x6a80)
  return name.startsWith('RSA') ? rawRsa(key, name, challenge) : ecdsaToDer(ecdsa(key, name, challenge))
}
