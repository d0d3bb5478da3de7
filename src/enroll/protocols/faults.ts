// Why a CA cannot be reached or trusted, and what it says, in words.
import { CaError } from '../../errors.ts'
import { serverFault } from '../../https/faults.ts'
import { oneLine, textOfHtml } from '../html.ts'

const CODES = {
  untrusted: 'ERR_CA_UNTRUSTED',
  login: 'ERR_CA_LOGIN',
  unavailable: 'ERR_CA_UNAVAILABLE',
  answer: 'ERR_CA_ANSWER',
} as const

/** What a failed call to `host` means. */
export function connectionFault(host: string, cause: unknown): CaError {
  const { kind, words, fact } = serverFault(cause)
  return new CaError(CODES[kind], `The CA at ${host} ${words}`, { cause, ...(fact !== undefined && { fact }) })
}

/** How many characters of a CA's text are repeated. */
const MOST_WORDS = 400

/** The text of an answer in plain text or HTML: one line, only of plain text. */
export function wordsOf(type: string, body: Uint8Array): string {
  if (!/^text\/(plain|html)$/.test(type)) return ''
  const text = new TextDecoder().decode(body.subarray(0, 16_384))
  const line = type === 'text/html' ? textOfHtml(text) : oneLine(text)
  return line.length > MOST_WORDS ? `${line.slice(0, MOST_WORDS)}...` : line
}
