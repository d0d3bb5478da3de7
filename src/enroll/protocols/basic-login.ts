// Login by user name and password (HTTP Basic, RFC 7617) that leaves no copy of the password behind. Node keeps several
// copies of a header as strings, which cannot be overwritten. The header therefore has stars, and the octets replace
// them in the data that is written to the connection.
import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import { concat, space, utf8, wipe } from '../../bytes.ts'

const DIGITS = utf8('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
const PAD = 0x3d

/** RFC 4648, 4. */
function base64(octets: Uint8Array): Uint8Array {
  const text = space(Math.ceil(octets.length / 3) * 4).fill(PAD)
  for (let from = 0, to = 0; from < octets.length; from += 3, to += 4) {
    const [first = 0, second = 0, third = 0] = octets.subarray(from, from + 3)
    const bits = (first << 16) | (second << 8) | third
    const digits = Math.min(octets.length - from, 3) + 1
    for (let at = 0; at < digits; at += 1) text[to + at] = DIGITS[(bits >> (18 - 6 * at)) & 0x3f] ?? PAD
  }
  return text
}

type Write = Socket['write']

export class BasicLogin {
  readonly header: { readonly Authorization: string }
  readonly #login: Uint8Array
  readonly #stars: string

  constructor(user: string, password: Uint8Array) {
    const pair = concat(utf8(`${user}:`), password)
    this.#login = base64(pair)
    wipe(pair)
    this.#stars = '*'.repeat(this.#login.length)
    this.header = { Authorization: `Basic ${this.#stars}` }
  }

  wipe(): void {
    wipe(this.#login)
  }

  /** Puts the login into the next write. To be called once the server is authenticated: earlier, TLS would keep a copy. */
  fillIn({ socket }: ClientRequest): void {
    if (socket === null) return
    const write = socket.write.bind(socket) as (octets: Uint8Array, done: (error?: Error | null) => void) => boolean
    const filling = (chunk: string | Uint8Array, encoding?: BufferEncoding, done?: (error?: Error | null) => void) => {
      socket.write = Object.getPrototypeOf(socket).write as Write
      const octets = concat(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)
      const at = Buffer.from(octets.buffer).indexOf(`Basic ${this.#stars}`)
      if (at >= 0) octets.set(this.#login, at + 'Basic '.length)
      return write(octets, (error) => {
        wipe(octets)
        done?.(error)
      })
    }
    socket.write = filling as Write
  }
}
