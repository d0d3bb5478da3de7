// The server's index of the requests in its directory, so that it need not read them all for each new one. Only the
// server accepts requests.
import { hex, sha256 } from '../bytes.ts'
import type { Directory } from './directory.ts'
import type { StoredRequest } from './records.ts'

/** Two requests are the same if these are equal. */
export type Handed = Pick<StoredRequest, 'user' | 'by' | 'template' | 'request'>

function digest({ user, template, request }: Handed): string {
  return hex(sha256(`${user}\n${template}\n`, request))
}

export class Index {
  readonly #byDigest = new Map<string, number>()
  readonly #byUser = new Map<string, number[]>()
  /** Requests that may be undecided. */
  readonly #open = new Map<string, Set<number>>()
  #last = 0
  #size = 0

  static async of(directory: Directory): Promise<Index> {
    const index = new Index()
    for (const id of await directory.ids('requests')) {
      const request = await directory.request(id)
      if (request !== undefined) index.add(id, request)
    }
    return index
  }

  add(id: number, request: Handed): void {
    const { user } = request
    this.#byDigest.set(digest(request), id)
    this.#byUser.set(user, [id, ...(this.#byUser.get(user) ?? [])])
    this.#open.set(user, (this.#open.get(user) ?? new Set()).add(id))
    this.#last = Math.max(this.#last, id)
    this.#size += 1
  }

  /** The highest number of a request. */
  get last(): number {
    return this.#last
  }

  get size(): number {
    return this.#size
  }

  /** The number of the newest request that is the same. */
  same(request: Handed): number | undefined {
    return this.#byDigest.get(digest(request))
  }

  /** The requests of a user, newest first. */
  ofUser(name: string): readonly number[] {
    return this.#byUser.get(name) ?? []
  }

  /** How many requests of a user are undecided. */
  async pending(name: string, directory: Directory): Promise<number> {
    const open = this.#open.get(name) ?? new Set()
    for (const id of open) if ((await directory.decision(id)) !== undefined) open.delete(id)
    return open.size
  }
}
