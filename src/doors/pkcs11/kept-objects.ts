// The objects of a token by handle. An object keeps its handle while the token has it, also when the card is read anew.
import { wipe } from '../../bytes.ts'
import { CKA } from './attributes.ts'
import { CkrError } from './codes.ts'
import type { CardContents } from './contents.ts'
import { objectsOf, secretObject, type TokenObject } from './objects.ts'

/** Secrets of sessions. */
const MOST_SECRETS = 256

export class KeptObjects {
  readonly #handles = new Map<string, number>()
  #next = 1
  #ofCard = new Map<number, TokenObject>()
  /** Secrets, and the session that each belongs to. */
  readonly #secrets = new Map<number, { readonly session: number; readonly object: TokenObject }>()

  replace(contents: CardContents): void {
    this.#ofCard = new Map(objectsOf(contents).map((object) => [this.#handleOf(object.name), object]))
  }

  visible(withPrivate: boolean): ReadonlyMap<number, TokenObject> {
    const all = [...this.#ofCard, ...[...this.#secrets].map(([handle, { object }]) => [handle, object] as const)]
    return new Map(all.filter(([, { attributes }]) => withPrivate || attributes.get(CKA.private) === false))
  }

  /** The handle of the object with that name. */
  handle(name: string): number | undefined {
    const handle = this.#handles.get(name)
    return handle !== undefined && this.#ofCard.has(handle) ? handle : undefined
  }

  /** @throws CkrError CKR_DEVICE_MEMORY */
  addSecret(session: number, secret: Uint8Array, label: Uint8Array): number {
    if (this.#secrets.size >= MOST_SECRETS) throw new CkrError('CKR_DEVICE_MEMORY')
    const handle = this.#next
    this.#next += 1
    this.#secrets.set(handle, { session, object: secretObject(`secret ${handle}`, secret, label) })
    return handle
  }

  /** False where the handle is none of a secret. */
  removeSecret(handle: number): boolean {
    const found = this.#secrets.get(handle)
    if (found === undefined) return false
    wipe(found.object.attributes.get(CKA.value) as Uint8Array)
    return this.#secrets.delete(handle)
  }

  sessionEnded(session: number): void {
    for (const [handle, secret] of this.#secrets) if (secret.session === session) this.removeSecret(handle)
  }

  clear(): void {
    for (const handle of this.#secrets.keys()) this.removeSecret(handle)
    this.#ofCard = new Map()
  }

  #handleOf(name: string): number {
    const known = this.#handles.get(name)
    if (known !== undefined) return known
    this.#handles.set(name, this.#next)
    this.#next += 1
    return this.#next - 1
  }
}
