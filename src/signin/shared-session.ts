/** A session that other programs of this user find: by its mark, at a Unix socket. */
import { checkSocketPath, openControl } from './control-socket.ts'
import type { Session } from './session.ts'
import { markOf, type SignInOptions, signInHere } from './sign-in.ts'
import { signInState } from './state.ts'

export interface SharedSession {
  readonly session: Session
  /** Where other programs of this user reach the service. */
  readonly socket: string
  /** Resolves when every request at the socket is answered, also one that ended the session. */
  readonly closed: Promise<void>
}

/**
 * Signs in as `signIn` does, and answers at the socket of the address: `signOutElsewhere` ends it from another process, and
 * calls to http://service/ go to the service.
 * @throws as `signIn`; FileError where there can be no socket
 */
export async function signInShared(options: SignInOptions, background: boolean): Promise<SharedSession> {
  const socket = signInState(options.home).marks.socketOf(options.address)
  // Before a PIN is asked for in vain.
  await checkSocketPath(socket)
  const { session, lock } = await signInHere(options)
  try {
    const control = await openControl(socket, session)
    session.atEnd(async () => control.close())
    await lock.write({ ...markOf(session), background, socket: true })
    return { session, socket, closed: control.closed }
  } catch (error) {
    await session.signOut()
    throw error
  }
}
