// How much hashing a PKCS#12 file may want. Each of its parts names its own number of rounds, and whoever wrote it chose how
// many parts there are: so what is bounded is all of it together, before it is done.
import { CardError } from '../errors.ts'

/** In rounds, of which a second has some millions. Programs write thousands, Firefox for years 600 000 for each key. */
const MOST = 20_000_000

/** How to have a file written anew, as messages say it. */
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
   * @param cost of one of them: how many hashes the key is made of
   * @throws CardError ERR_DATA where they and those before are too many
   */
  rounds(integer: Uint8Array, cost: number): number {
    const count = Number(`0x${Buffer.from(integer).toString('hex') || '0'}`)
    this.#rounds += count
    this.#left -= count * cost
    if (count >= 1 && this.#left >= 0) return count
    const why = count < 1 ? 'a part names none' : 'too many'
    throw new CardError(
      'ERR_DATA',
      `The PKCS#12 file cannot be opened in time: its parts want ${this.#rounds} rounds of hashing (${why}). ${EXPORT_AGAIN}`,
    )
  }
}
