/** A session that other programs of this user can use through a Unix socket. */
import { checkSocketPath } from '../home/socket-path.ts'
import { openControl } from './control-socket.ts'
import type { Session } from './session.ts'
import { markOf, type SignInOptions, signInHere } from './sign-in.ts'
import { signInState } from './state.ts'

export interface SharedSession {
  readonly session: Session
  /** Socket for other programs of this user. */
  readonly socket: string
  /** Resolves when every request at the socket is answered, including one that ended the session. */
  readonly closed: Promise<void>
}

/**
 * Signs in like `signIn`, and listens at the socket of the address: `signOutElsewhere` ends the session from another process,
 * and requests to http://service/ go to the service.
 * @throws as `signIn`; FileError if there cannot be a socket
 */
export async function signInShared(options: SignInOptions, background: boolean): Promise<SharedSession> {
  const socket = signInState(options.home).marks.socketOf(options.address)
  // Checked before the user is asked for a PIN in vain.
  await checkSocketPath(socket, 'Use a shorter TESSERA_HOME.')
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
