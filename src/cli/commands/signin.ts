import { clock } from '../../dates.ts'
import { PcscError, SignInError } from '../../errors.ts'
import { signInInBackground } from '../../signin/background.ts'
import type { Session } from '../../signin/session.ts'
import { signInShared } from '../../signin/shared-session.ts'
import type { Context, Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { signInOptions } from '../signin.ts'

export const run: Run = async (context, address) => {
  const { options, out, signal } = context
  const wanted = await signInOptions(context, address)
  if (options.background) {
    const started = await signInInBackground(wanted)
    const { user, service, expires, pid, socket } = started
    const words = TEXT.signIn.background(user, started.address, service, clock(new Date(expires)), pid)
    await out.done({ ...started, background: true }, `${words}\n${TEXT.signIn.socket(socket)}`)
    return
  }
  const { session, socket, closed } = await signInShared(wanted, false)
  // The PIN has been used, and the session lasts for hours.
  context.secrets.wipe()
  context.showTyping()
  const leave = () => void session.signOut()
  // Closing the window of a session in the foreground ends it.
  process.once('SIGHUP', leave)
  if (signal.aborted) leave()
  else signal.addEventListener('abort', leave, { once: true })
  try {
    await tell(context, session, socket)
    await over(context, session)
  } finally {
    await session.signOut()
    await closed
    process.off('SIGHUP', leave)
  }
}

function tell({ out }: Context, session: Session, socket: string): Promise<void> {
  const { user, address, how, service, slot, card, expires } = session
  const facts = { pid: process.pid, user, address, how, service, slot, card: card.name, expires: expires.toISOString() }
  const words = TEXT.signIn.foreground(user, address, service, clock(expires))
  return out.done({ ...facts, socket, background: false }, `${words}\n${TEXT.signIn.socket(socket)}`)
}

/** @throws PcscError ERR_CARD_REMOVED, SignInError ERR_SIGNED_OUT if it ended by itself before its time was over */
async function over({ out }: Context, { ended, address }: Session): Promise<void> {
  const { reason, told } = await ended
  const words = TEXT.signIn.ended[reason](address, told)
  if (reason === 'card-removed') throw new PcscError('ERR_CARD_REMOVED', words)
  if (reason === 'service') throw new SignInError('ERR_SIGNED_OUT', words)
  await out.note(words)
}
