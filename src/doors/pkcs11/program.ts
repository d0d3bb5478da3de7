// What one program has: its tokens and its sessions.
import { CKS, CkrError, SESSION_FLAG } from './codes.ts'
import type { KeyOperation } from './key-operation.ts'
import { type CardSource, Token } from './token.ts'

const MOST_SESSIONS = 1024

export type Use = 'sign' | 'decrypt'

export class Session {
  readonly handle: number
  readonly token: Token
  readonly isWritable: boolean
  /** Handles that a search has left; undefined while there is no search. */
  found: number[] | undefined
  readonly #operations = new Map<Use, KeyOperation>()

  constructor(handle: number, token: Token, isWritable: boolean) {
    this.handle = handle
    this.token = token
    this.isWritable = isWritable
  }

  get state(): number {
    const { login } = this.token
    if (login === 'so') return CKS.writeSo
    if (this.isWritable) return login === 'user' ? CKS.writeUser : CKS.writePublic
    return login === 'user' ? CKS.readOnlyUser : CKS.readOnlyPublic
  }

  get flags(): number {
    return SESSION_FLAG.serial | (this.isWritable ? SESSION_FLAG.write : 0)
  }

  /** @throws CkrError CKR_OPERATION_ACTIVE */
  begin(use: Use, operation: KeyOperation): void {
    if (this.#operations.has(use)) throw new CkrError('CKR_OPERATION_ACTIVE')
    this.#operations.set(use, operation)
  }

  /** @throws CkrError CKR_OPERATION_NOT_INITIALIZED */
  operation(use: Use): KeyOperation {
    const found = this.#operations.get(use)
    if (found === undefined) throw new CkrError('CKR_OPERATION_NOT_INITIALIZED')
    return found
  }

  /** The operation that waits for the PIN. @throws CkrError CKR_OPERATION_NOT_INITIALIZED */
  waiting(): KeyOperation {
    const found = [...this.#operations.values()].find(({ wantsPin }) => wantsPin)
    if (found === undefined) throw new CkrError('CKR_OPERATION_NOT_INITIALIZED')
    return found
  }

  end(use: Use): void {
    this.#operations.get(use)?.end()
    this.#operations.delete(use)
  }

  /** @throws CkrError CKR_SESSION_READ_ONLY */
  demandWritable(): void {
    if (!this.isWritable) throw new CkrError('CKR_SESSION_READ_ONLY')
  }

  endAll(): void {
    for (const use of [...this.#operations.keys()]) this.end(use)
    this.token.objects.sessionEnded(this.handle)
  }
}

export class Program {
  readonly tokens: readonly Token[]
  /** C_Initialize was called. */
  isInitialized = false
  readonly #sessions = new Map<number, Session>()
  #next = 1

  /** `minTriesLeft`: the fewest tries with which a PIN or PUK is still sent to the card. */
  constructor(sources: readonly CardSource[], minTriesLeft: number) {
    this.tokens = sources.map((source, at) => new Token(at + 1, source, minTriesLeft))
  }

  /** @throws CkrError CKR_SLOT_ID_INVALID */
  token(slot: number): Token {
    const token = this.tokens[slot - 1]
    if (token === undefined) throw new CkrError('CKR_SLOT_ID_INVALID')
    return token
  }

  /** @throws CkrError CKR_SESSION_HANDLE_INVALID */
  session(handle: number): Session {
    const session = this.#sessions.get(handle)
    if (session === undefined) throw new CkrError('CKR_SESSION_HANDLE_INVALID')
    return session
  }

  sessionsOf(token: Token): Session[] {
    return [...this.#sessions.values()].filter((session) => session.token === token)
  }

  /** The card is opened with the first session. @throws CkrError; as `CardSource.open` */
  async open(token: Token, isWritable: boolean): Promise<Session> {
    if (this.#sessions.size >= MOST_SESSIONS) throw new CkrError('CKR_SESSION_COUNT')
    if (!isWritable && token.login === 'so') throw new CkrError('CKR_SESSION_READ_WRITE_SO_EXISTS')
    token.sessions += 1
    try {
      await token.card()
    } catch (error) {
      token.sessions -= 1
      throw error
    }
    const session = new Session(this.#next, token, isWritable)
    this.#next += 1
    this.#sessions.set(session.handle, session)
    return session
  }

  /** With the last session of a token its card is let go, and nobody is logged in any more. */
  async end(...sessions: readonly Session[]): Promise<void> {
    for (const session of sessions) {
      const { token } = session
      session.endAll()
      this.#sessions.delete(session.handle)
      token.sessions -= 1
      if (token.sessions === 0) await token.close()
    }
  }

  async close(): Promise<void> {
    this.isInitialized = false
    for (const session of this.#sessions.values()) session.endAll()
    this.#sessions.clear()
    for (const token of this.tokens) {
      token.sessions = 0
      await token.close()
    }
  }
}
