/** Stands on every page, in every answer and on every line: nobody shall take this CA for a real one. */
export const LABORATORY = 'Laboratory CA: for laboratories and tests only.'

/** What the CA answers to whom it refuses something: words, and the status of HTTP that says the same. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly status: number

  constructor(status: number, words: string) {
    super(words)
    this.status = status
  }
}
