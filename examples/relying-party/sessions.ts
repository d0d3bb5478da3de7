// Sessions of those who answered a challenge: a name that says nothing, of which only the hash is kept.
import { createHash, randomBytes, type X509Certificate } from 'node:crypto'
import { Refusal } from './refusals.ts'

const MOST_OF_ONE_USER = 16

export interface Session {
  readonly certificate: X509Certificate
  readonly user: string
  readonly expires: Date
}

const hash = (name: string): string => createHash('sha256').update(name).digest('base64')

export class Sessions {
  readonly #byHash = new Map<string, Session>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Answers the session's name. Of a user who has too many, the oldest one ends. */
  begin(session: Session): string {
    for (const [key, { expires }] of this.#byHash) if (expires.getTime() <= this.#now()) this.#byHash.delete(key)
    const own = [...this.#byHash].filter(([, { user }]) => user === session.user)
    for (const [key] of own.slice(0, Math.max(0, own.length + 1 - MOST_OF_ONE_USER))) this.#byHash.delete(key)
    const name = randomBytes(32).toString('base64url')
    this.#byHash.set(hash(name), session)
    return name
  }

  /** @throws Refusal signed-out */
  find(name: string): Session {
    const session = this.#byHash.get(hash(name))
    if (session === undefined || session.expires.getTime() <= this.#now()) throw new Refusal('signed-out')
    return session
  }

  end(name: string): void {
    this.find(name)
    this.#byHash.delete(hash(name))
  }
}
