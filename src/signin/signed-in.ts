// The current sessions of all processes of a home: a mark for each address, and a socket beside it.
import * as v from 'valibot'
import { SignInError } from '../errors.ts'
import type { Files } from '../files/files.ts'
import { integer, moment, text } from '../files/schema.ts'
import type { Locks } from '../home/locks.ts'
import { type MarkHolder, type MarkOf, Marks } from '../home/marks.ts'
import { fileNameOf } from './address.ts'

const SOCKET = '.sock'
const SESSION = {
  mark: '.session',
  lock: '.session-lock',
  beside: [SOCKET],
  entries: {
    pid: integer(1, 0x7fff_ffff),
    user: text(1, 256),
    since: moment,
    expires: moment,
    /** In the background, so that it outlives its terminal. */
    background: v.boolean(),
    /** Whether it answers at the socket. */
    socket: v.boolean(),
  },
} as const

/** A session of any process. */
export type SessionMark = MarkOf<typeof SESSION.entries>

/** The lock of an address, held while signing in, while signed in, and while changing the remembered account. */
export type AddressLock = MarkHolder<SessionMark>

/** Who has the lock, and what can be done: only a session that answers at its socket is signed out from elsewhere. */
function busyWords(address: string, mark: SessionMark | undefined): string {
  if (mark === undefined) return `Another process is just signing in as ${address}: wait for it, or stop it.`
  const who = `Process ${mark.pid} is signed in as ${address}`
  if (mark.socket) return `${who}. To sign out: tessera signout ${address}.`
  return `${who}, in another program: sign out there.`
}

export class SignedInMarks {
  readonly #marks: Marks<typeof SESSION.entries>

  constructor(folder: string, files: Files, locks: Locks) {
    this.#marks = new Marks(SESSION, folder, files, locks)
  }

  /** Path of the session's socket. */
  socketOf(address: string): string {
    return this.#marks.path(fileNameOf(address), SOCKET)
  }

  /** @throws SignInError ERR_SIGNED_IN if another process or call has it */
  async begin(address: string): Promise<AddressLock> {
    const name = fileNameOf(address)
    const holder = await this.#marks.begin(name)
    if (holder !== undefined) return holder
    const found = await this.#marks.read(name)
    throw new SignInError('ERR_SIGNED_IN', `${busyWords(address, found)} Nothing was asked of the card.`)
  }

  /** The session, if there is one. Removes what a killed process left behind. */
  async find(address: string): Promise<SessionMark | undefined> {
    const name = fileNameOf(address)
    const mark = await this.#marks.find(name)
    if (mark === undefined) await this.#marks.removeLeftBehind(name)
    return mark
  }
}
