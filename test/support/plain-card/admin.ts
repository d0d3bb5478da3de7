// The admin key of the card of tests: mutual authentication. SP 800-73-5 part 2, appendix A.1.3.
import { createCipheriv, randomBytes } from 'node:crypto'
import { equal } from '../../../src/bytes.ts'
import { ADMIN_ALGORITHMS, adminAlgorithmById } from '../../../src/piv/algorithms.ts'
import { type AdminKey, adminAlgorithmOf } from '../../../src/piv/host/admin.ts'
import { wants } from './refused.ts'
import { itemsOf, type Write } from './tlv.ts'

export class PlainAdmin {
  readonly #key: ReturnType<typeof adminAlgorithmOf>
  readonly #write: Write
  #witness: Uint8Array | undefined
  #proved = false

  constructor(key: AdminKey, write: Write) {
    this.#key = adminAlgorithmOf(key)
    this.#write = write
  }

  get proved(): boolean {
    return this.#proved
  }

  forget(): void {
    this.#witness = undefined
    this.#proved = false
  }

  authenticate(algorithm: number, data: Uint8Array): Uint8Array {
    const items = itemsOf(data)
    const witness = this.#witness
    this.#witness = undefined
    wants(adminAlgorithmById(algorithm) === this.#key.algorithm, 0x6a86)
    const { cipher, block } = ADMIN_ALGORITHMS[this.#key.algorithm]
    const encrypted = (octets: Uint8Array): Uint8Array =>
      Uint8Array.from(createCipheriv(cipher, this.#key.key, null).setAutoPadding(false).update(octets))
    if (items.get(0x80)?.length === 0) {
      this.#witness = Uint8Array.from(randomBytes(block))
      return this.#write(0x7c, this.#write(0x80, encrypted(this.#witness)))
    }
    const [given, asked] = [items.get(0x80), items.get(0x81)]
    wants(given !== undefined && asked?.length === block, 0x6a80)
    wants(witness !== undefined && equal(witness, given), 0x6982)
    this.#proved = true
    return this.#write(0x7c, this.#write(0x82, encrypted(asked)))
  }
}
