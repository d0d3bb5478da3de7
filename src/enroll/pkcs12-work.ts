// Limits the hashing for a PKCS#12 file. Each part names its own number of rounds, and the file decides how many parts
// there are, so the limit is on the sum, and is checked before the work is done.
import { CardError } from '../errors.ts'

/**
 * In rounds, of which a second has some millions. Programs write thousands; Firefox has long used 600 000 for each key.
 */
const MOST = 20_000_000

/** How to export a file again, for messages. */
export const EXPORT_AGAIN =
  'Export it again: openssl pkcs12 -legacy -in OLD -out KEY.pem; openssl pkcs12 -export -in KEY.pem -out NEW.'

export class Pkcs12Work {
  #rounds = 0
  #left: number

  constructor(most = MOST) {
    this.#left = most
  }

  /**
   * The number of rounds that an INTEGER asks for.
   * @param cost how many hashes one round takes
   * @throws CardError ERR_DATA if these and the earlier rounds are too many
   */
  rounds(integer: Uint8Array, cost: number): number {
    const count = Number(`0x${Buffer.from(integer).toString('hex') || '0'}`)
    this.#rounds += count
    this.#left -= count * cost
    if (count >= 1 && this.#left >= 0) return count
    const why = count < 1 ? 'a part names none' : 'too many'
    throw new CardError(
      'ERR_DATA',
      `The PKCS#12 file cannot be opened in time: its parts need ${this.#rounds} rounds of hashing (${why}). ${EXPORT_AGAIN}`,
    )
  }
}
