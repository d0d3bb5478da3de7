/** Lists the accounts of this machine, signs out of another process's session, and forgets accounts. */
import { hex } from '../bytes.ts'
import { type AnyCardError, SignInError } from '../errors.ts'
import type { Account } from './account.ts'
import { checkAddress } from './address.ts'
import { askToSignOut } from './control-client.ts'
import type { EndReason, Method } from './methods.ts'
import type { Ended } from './session.ts'
import { type SignInState, signInState } from './state.ts'

export interface AccountPlace {
  /** Folder in which accounts are kept. Else $TESSERA_HOME, else $XDG_DATA_HOME/tessera. */
  readonly home?: string
}

export interface SignedIn {
  /** Process that is signed in. It may have ended and its number been reused: ask at the socket. */
  readonly pid: number
  readonly since: Date
  readonly expires: Date
  readonly background: boolean
  /** Socket through which programs of this user reach http://service/. Absent for a program's own session. */
  readonly socket: string | undefined
}

export type AccountSummary =
  | {
      readonly address: string
      readonly service: string
      readonly method: Method
      readonly card: { readonly kind: 'tpm' | 'reader'; readonly id: string; readonly name: string }
      readonly slot: string
      /** SHA-256 of the certificate last signed in with, in hex. */
      readonly fingerprint: string
      readonly lastSignIn: Date
      readonly signedIn: SignedIn | undefined
      /** How the last session ended; undefined if it goes on, or its process was killed. */
      readonly ended: { readonly at: Date; readonly reason: EndReason } | undefined
    }
  | { readonly path: string; readonly error: AnyCardError }

/** Remembered accounts, sorted by address. An unreadable account has its error. @throws FileError */
export async function accounts({ home }: AccountPlace = {}): Promise<AccountSummary[]> {
  const state = signInState(home)
  const listed = await state.accounts.list()
  return Promise.all(listed.map((one) => ('error' in one ? one : summaryOf(one, state))))
}

async function summaryOf(account: Account, state: SignInState): Promise<AccountSummary> {
  const { address, service, method, card, slot, fingerprint, lastSignIn, ended } = account
  const signedIn = await signedInAs(address, state)
  return {
    ...{
      address,
      service,
      method,
      card,
      slot,
      fingerprint: hex(fingerprint),
      lastSignIn: new Date(lastSignIn),
      signedIn,
    },
    ended: signedIn === undefined && ended !== undefined ? { at: new Date(ended.at), reason: ended.reason } : undefined,
  }
}

async function signedInAs(address: string, { marks }: SignInState): Promise<SignedIn | undefined> {
  const mark = await marks.find(address)
  if (mark === undefined) return undefined
  const { pid, since, expires, background } = mark
  const socket = mark.socket ? marks.socketOf(address) : undefined
  return { pid, since: new Date(since), expires: new Date(expires), background, socket }
}

/**
 * Asks the process that is signed in to sign out. The account stays remembered.
 * @throws SignInError ERR_SIGNED_OUT if there is no session, ERR_SIGNED_IN if the process does not answer
 */
export async function signOutElsewhere(address: string, { home }: AccountPlace = {}): Promise<Ended> {
  const state = signInState(home)
  const found = await signedInAs(checkAddress(address), state)
  if (found === undefined) throw new SignInError('ERR_SIGNED_OUT', `Nobody is signed in as ${address}.`)
  const { pid, socket } = found
  const ended = socket === undefined ? undefined : await askToSignOut(socket)
  if (ended !== undefined) return ended
  // The session may have ended meanwhile.
  if ((await signedInAs(address, state)) === undefined) return { reason: 'signed-out', told: true }
  const why =
    socket === undefined ? 'in another program: sign out there' : 'and does not answer: look at what it does, or end it'
  throw new SignInError('ERR_SIGNED_IN', `Process ${pid} is signed in as ${address}, ${why}.`)
}

/**
 * Signs out, and deletes everything that this machine remembers of an account, even a damaged file or one of a newer
 * version. The card and its certificate stay as they are.
 * @throws SignInError ERR_ACCOUNT_UNKNOWN, and as `signOutElsewhere`
 */
export async function forget(address: string, { home }: AccountPlace = {}): Promise<{ readonly signedOut: boolean }> {
  const state = signInState(home)
  const signedIn = await signedInAs(checkAddress(address), state)
  if (signedIn !== undefined) await signOutElsewhere(address, { ...(home !== undefined && { home }) })
  const lock = await state.marks.begin(address)
  try {
    if (await state.accounts.remove(address)) return { signedOut: signedIn !== undefined }
    throw new SignInError(
      'ERR_ACCOUNT_UNKNOWN',
      `Nothing is remembered about ${address}. See what is: tessera accounts.`,
    )
  } finally {
    await lock.end({ forget: true })
  }
}
