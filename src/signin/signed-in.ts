/**
 * Who is signed in now, of all processes of a home. Whoever is, or is about to be, holds a lock that the kernel lets go
 * of when its process ends; a mark beside it says more. A mark whose lock is free was left behind by a process that was
 * killed, and means nothing: no process is ever found by its id.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import * as v from 'valibot'
import { SignInError } from '../errors.ts'
import type { Files } from '../files/files.ts'
import { integer, moment, text } from '../files/schema.ts'
import type { FileLock, Locks } from '../home/locks.ts'
import { fileNameOf } from './address.ts'

const schema = v.strictObject({
  version: v.literal(1),
  pid: integer(1, 0x7fff_ffff),
  user: text(1, 256),
  since: moment,
  expires: moment,
  /** Started to be there when its terminal is closed. */
  background: v.boolean(),
  /** Whether it answers at the socket. */
  socket: v.boolean(),
})

/** A session of some process. */
export type Mark = Omit<v.InferOutput<typeof schema>, 'version'>

const MARK = '.session'
const LOCK = '.session-lock'
const MARK_LIMIT = 4096
/** Somebody who looks whether a mark means something holds its lock for a moment. */
const TRIES = 5
const PAUSE_MS = 20

/** The lock of one address, in the hands of who signs in, is signed in, or changes what is remembered. */
export interface Turn {
  /** Says to other processes who is signed in. */
  mark(mark: Mark): Promise<void>
  /** Takes the mark away and lets go. `forget`: nothing is left of the address, not even the file that is locked. */
  end(options: { readonly forget: boolean }): Promise<void>
}

export class Running {
  readonly #folder: string
  readonly #files: Files
  readonly #locks: Locks

  constructor(folder: string, files: Files, locks: Locks) {
    this.#folder = folder
    this.#files = files
    this.#locks = locks
  }

  /** Where the process that is signed in answers. */
  socketOf(address: string): string {
    return this.#path(address, '.sock')
  }

  /** @throws SignInError ERR_SIGNED_IN where another process, or another call, has it */
  async begin(address: string): Promise<Turn> {
    const path = this.#path(address, MARK)
    await this.#files.makeFolder(this.#folder)
    const lock = await this.#lock(address)
    if (lock === undefined) {
      const found = await this.#mark(address)
      const who = found === undefined ? 'Somebody is just signing in' : `Process ${found.pid} is signed in`
      const message = `${who} as ${address}. Nothing was asked of the card. To sign out: tessera signout ${address}.`
      throw new SignInError('ERR_SIGNED_IN', message)
    }
    // What a process that was killed left behind.
    await this.#clear(address).catch((error: unknown) => {
      lock.release()
      throw error
    })
    let over = false
    return {
      mark: async (mark) => {
        const document = { version: 1, ...mark } satisfies v.InferInput<typeof schema>
        if (!over) await this.#files.writeAtomic(path, Buffer.from(`${JSON.stringify(document)}\n`))
      },
      end: async ({ forget }) => {
        if (over) return
        over = true
        const left = forget ? [this.#path(address, LOCK)] : []
        await this.#clear(address, left).finally(() => lock.release())
      },
    }
  }

  /** Who is signed in; undefined where nobody is. What was left behind is cleared away. */
  async look(address: string): Promise<Mark | undefined> {
    const mark = await this.#mark(address)
    if (mark === undefined) return undefined
    const lock = this.#locks.attempt(this.#path(address, LOCK))
    if (lock === null) return mark
    await this.#clear(address).finally(() => lock.release())
    return undefined
  }

  async #lock(address: string): Promise<FileLock | undefined> {
    const path = this.#path(address, LOCK)
    for (let tries = 0; tries < TRIES; tries += 1) {
      const lock = this.#locks.attempt(path)
      if (lock !== null && (await this.#isMine(path))) return lock
      lock?.release()
      await delay(PAUSE_MS)
    }
    return undefined
  }

  /** Whoever forgets an address removes the file that he has locked: a lock on that one is none any more. */
  async #isMine(path: string): Promise<boolean> {
    const octets = await this.#files.read(path, MARK_LIMIT)
    const text = octets && Buffer.from(octets).toString('latin1')
    // Nobody is named where the disk is full.
    return text === `${process.pid}\n` || text === ''
  }

  /** What cannot be read counts as nothing: the lock decides. */
  async #mark(address: string): Promise<Mark | undefined> {
    const octets = await this.#files.read(this.#path(address, MARK), MARK_LIMIT).catch(() => undefined)
    if (octets === undefined) return undefined
    const parsed = v.safeParse(schema, readJson(octets))
    if (!parsed.success) return undefined
    const { version: _, ...mark } = parsed.output
    return mark
  }

  async #clear(address: string, more: readonly string[] = []): Promise<void> {
    const left = [this.#path(address, MARK), this.socketOf(address), ...more]
    for (const path of left) await this.#files.remove(path)
  }

  #path(address: string, suffix: string): string {
    return join(this.#folder, fileNameOf(address) + suffix)
  }
}

function readJson(octets: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(octets).toString('utf8'))
  } catch {
    return undefined
  }
}
