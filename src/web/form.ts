// What the page sends: a line `name=value` for each field. It is read as octets, because it has PINs in it: no string is
// made of them, and all of it is overwritten after the act.
import type { IncomingMessage } from 'node:http'
import { space } from '../bytes.ts'
import { UsageError } from '../errors.ts'

/** More than PINs, names and the certificates of a CA take. */
export const LONGEST_FORM = 32 * 1024
const [LINE, EQUALS] = [0x0a, 0x3d]

/** The body of a request, in one array to overwrite after use. Undefined for a body that is too long. */
export async function readForm(message: IncomingMessage): Promise<Uint8Array | undefined> {
  const whole = space(LONGEST_FORM)
  let length = 0
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    const fits = length + chunk.length <= LONGEST_FORM
    if (fits) whole.set(chunk, length)
    length += chunk.length
    chunk.fill(0)
    if (fits) continue
    whole.fill(0)
    return undefined
  }
  return whole.subarray(0, length)
}

/** The fields of one form: views of its octets. */
export class Form {
  readonly #fields = new Map<string, Uint8Array>()

  /** @throws UsageError ERR_USAGE for other fields than these, and for one that is missing */
  constructor(octets: Uint8Array, names: readonly string[]) {
    for (let at = 0; at < octets.length; ) {
      const end = octets.indexOf(LINE, at)
      const line = octets.subarray(at, end < 0 ? octets.length : end)
      const equals = line.indexOf(EQUALS)
      this.#fields.set(Buffer.from(line.subarray(0, Math.max(equals, 0))).toString('latin1'), line.subarray(equals + 1))
      at += line.length + 1
    }
    const isWhole = names.length === this.#fields.size && names.every((name) => this.#fields.has(name))
    if (!isWhole) throw new UsageError('ERR_USAGE', `The page has to send these fields: ${names.join(', ')}.`)
  }

  text(name: string): string {
    return Buffer.from(this.secret(name)).toString('utf8')
  }

  /** Octets that whoever made the form overwrites. */
  secret(name: string): Uint8Array {
    return this.#fields.get(name) ?? new Uint8Array()
  }
}
