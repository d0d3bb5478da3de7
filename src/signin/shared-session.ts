/** A session that other programs of this user find: at a socket, by its mark. */

import { checkSocketPath, openControl } from './control-socket.ts'
import type { Session } from './session.ts'
import { markOf, type SignInOptions, signInHere } from './sign-in.ts'
import { desk } from './state.ts'

export interface Held {
  readonly session: Session
  /** Resolves when whoever asked at the socket has the answer, also that the session is over. */
  readonly closed: Promise<void>
}

/**
 * Signs in as `signIn` does, and answers at the socket of the address: `signOutElsewhere` ends it from another process, and
 * calls to http://service/ go to the service.
 * @throws as `signIn`; FileError where there can be no socket
 */
export async function signInHeld(options: SignInOptions, background: boolean): Promise<Held> {
  const socket = desk(options.home).running.socketOf(options.address)
  // Before a PIN is asked for in vain.
  await checkSocketPath(socket)
  const { session, turn } = await signInHere(options)
  try {
    const control = await openControl(socket, session)
    session.socket = socket
    session.atEnd(async () => control.close())
    await turn.mark({ ...markOf(session), background, socket: true })
    return { session, closed: control.closed }
  } catch (error) {
    await session.signOut()
    throw error
  }
}
