/** Part of every page, every answer and every line, so that this CA is not mistaken for a real one. */
export const LABORATORY = 'Laboratory CA: for laboratories and tests only.'

/** The CA's answer to a refused client: words, and the matching status of HTTP. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly status: number

  constructor(status: number, words: string) {
    super(words)
    this.status = status
  }
}
