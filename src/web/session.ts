// Who may use the page: whoever brings the token from the address that `tessera web` made, once. The token is in the
// fragment, which browsers send to nobody; from then on a cookie that no script can read takes its place.
import { randomBytes } from 'node:crypto'
import { sameSecret } from './gate.ts'

const LENGTH = 32

export class Sessions {
  /** For the fragment of the address. */
  readonly token: string
  readonly #cookie = randomBytes(LENGTH).toString('base64url')
  #isUsed = false

  constructor() {
    this.token = randomBytes(LENGTH).toString('base64url')
  }

  /** Value of Set-Cookie, for the first who has the token. Cookies of all ports of a host are together: hence the name. */
  exchange(token: Uint8Array, port: number): string | undefined {
    if (this.#isUsed || !sameSecret(token, Buffer.from(this.token))) return undefined
    this.#isUsed = true
    return `${nameOf(port)}=${this.#cookie}; HttpOnly; SameSite=Strict; Path=/`
  }

  has(cookies: string | undefined, port: number): boolean {
    const start = `${nameOf(port)}=`
    const mine = cookies?.split('; ').find((one) => one.startsWith(start))
    return mine !== undefined && sameSecret(Buffer.from(mine.slice(start.length)), Buffer.from(this.#cookie))
  }
}

const nameOf = (port: number): string => `tessera-${port}`
