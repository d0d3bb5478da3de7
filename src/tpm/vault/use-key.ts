// The use of a key, which is the signing path; and making keys, which needs the same room in the TPM.
import { wipe } from '../../bytes.ts'
import { PinError, TpmError, type TpmErrorDetails } from '../../errors.ts'
import type { Posting } from '../../piv/card/vault.ts'
import type { PinPolicy } from '../../piv/slots.ts'
import type { Entity } from '../codec/nv.ts'
import { bySession, keptTicket, NO_PASSWORD } from '../command.ts'
import type { Posted, Session } from '../commands.ts'
import { isStale, responseOf } from '../failure.ts'
import { type KeyOperation, keyCommand } from '../keys/operations.ts'
import type { KeyBlob } from '../loaded-keys.ts'
import { type LockContext, saltOf } from '../lock/context.ts'
import type { CardState } from './card-state.ts'

/** Runs `make` with the TPM to itself. */
export function makeKey<T>(state: CardState, make: (context: LockContext) => Promise<T>): Promise<T> {
  return state.exclusive(async () => {
    const context = await state.context()
    await state.unlock.releaseSessions() // room for one more on a TPM without a resource manager
    return make(context)
  })
}

export interface KeyUse {
  readonly key: KeyBlob
  readonly policy: PinPolicy
  readonly operation: KeyOperation
}

/** A use that was handed to the TPM's thread. */
interface PostedUse extends Posted {
  readonly entity: Entity
  /** The session in which the key is used; undefined for a key without a PIN. */
  readonly session: Session | undefined
}

/**
 * With the key loaded, one trip: one TPM command for `never`, and for `always` after VERIFY; two for `once`, of which
 * PolicyTicket is done ahead, after the signature before, so that nobody waits for it. Nothing is awaited before the one
 * call of the addon: a use that is requested while the TPM works on another waits in the TPM's thread.
 */
export async function useKey(state: CardState, asked: () => KeyUse, posting?: Posting): Promise<Uint8Array> {
  const use = asked()
  state.refuseClosed()
  const now = state.device.turns.postNow(() => postUse(state, use))
  // Later calls cannot change its outcome: it carries its ticket.
  if (now !== undefined && use.policy !== 'always') posting?.post()
  const posted = now ?? (await postInTurn(state, use))
  let again: Promise<Uint8Array> | undefined
  let answer: Uint8Array = NOTHING
  try {
    answer = (await posted.answers).at(-1) ?? NOTHING
  } catch (cause) {
    const error = state.device.noticed(cause)
    again = doAgain(state, use, posted, error)
    if (again === undefined) throw await refused(state, posted, error)
  } finally {
    state.device.turns.answered()
  }
  return again ?? read(use, answer)
}

/** The result of a use, as a copy: the TPM's answer, which may hold a secret, is overwritten. */
function read({ operation }: KeyUse, answer: Uint8Array): Uint8Array {
  try {
    return operation.read(answer, operation.octets)
  } finally {
    wipe(answer)
  }
}

async function postInTurn(state: CardState, use: KeyUse): Promise<PostedUse> {
  const prepared = state.checkingTpm(() => prepareUse(state, use))
  return (await state.device.turns.post(() => postUse(state, use), prepared)).posted
}

const NOTHING = new Uint8Array(0)

/** Hands a use to the TPM's thread; undefined, with nothing changed, where something has to be prepared first. */
function postUse(state: CardState, use: KeyUse): PostedUse | undefined {
  const { device, unlock } = state
  if (state.knownContext === undefined || !device.connected) return undefined
  const { policy } = use
  if (policy === 'always' && !unlock.armed) throw pinRequired('This key wants the PIN before every use.')
  if (policy === 'once' && unlock.ticket === undefined) throw pinRequired('This key wants the PIN.')
  if (policy === 'once' && unlock.once === undefined) return undefined
  const entity = device.keys.known(use.key)
  if (entity === undefined) return undefined
  const session = policy === 'always' ? unlock.takeArmed() : policy === 'once' ? unlock.once : undefined
  return hand(state, use, entity, session)
}

/** Loads what a use needs, and hands the use over. With the TPM alone. */
async function prepareUse(state: CardState, use: KeyUse): Promise<PostedUse> {
  try {
    return await prepare(state, use)
  } catch (error) {
    if (!isStale(error)) throw error
    await recover(state)
    return prepare(state, use)
  }
}

async function prepare(state: CardState, use: KeyUse): Promise<PostedUse> {
  const context = await state.context()
  const { device, unlock } = state
  const session = await sessionFor(state, context, use.policy)
  try {
    const entity = device.keys.known(use.key) ?? (await device.keys.get(use.key, context.srk))
    return hand(state, use, entity, session)
  } catch (error) {
    if (session !== undefined) await unlock.discard(session)
    throw error
  }
}

async function sessionFor(
  { device, unlock }: CardState,
  context: LockContext,
  policy: PinPolicy,
): Promise<Session | undefined> {
  if (policy === 'never') return undefined
  if (policy === 'always') {
    const armed = unlock.takeArmed()
    if (armed === undefined) throw pinRequired('This key wants the PIN before every use.')
    return armed
  }
  if (unlock.ticket === undefined) throw pinRequired('This key wants the PIN.')
  return unlock.once ?? unlock.onceSession((kind) => device.startSession(kind, saltOf(context)))
}

function hand(
  { device, unlock }: CardState,
  { policy, operation }: KeyUse,
  entity: Entity,
  session: Session | undefined,
): PostedUse {
  const ticket = policy === 'once' ? unlock.ticket : undefined
  // It may have ended while the key was loaded.
  if (policy === 'once' && ticket === undefined) throw pinRequired('This key wants the PIN.')
  const use = keyCommand(operation, entity, session === undefined ? NO_PASSWORD : bySession(session.handle))
  const commands = session === undefined || ticket === undefined ? [use] : [keptTicket(session.handle, ticket.id), use]
  return { answers: device.post(commands), generation: device.generation, entity, session }
}

/**
 * Repeats a use that failed by no fault of its own: the use before it failed, and what both shared was given up; or the
 * TPM was reset; or another program flushed what was ours. Never sends a PIN again.
 */
function doAgain(state: CardState, use: KeyUse, posted: PostedUse, error: unknown): Promise<Uint8Array> | undefined {
  const { device, unlock } = state
  const stale = isStale(error)
  const overtaken =
    posted.generation !== device.generation || (posted.session !== undefined && !unlock.has(posted.session))
  if (!stale && !overtaken) return undefined
  return device.turns.again(
    state.checkingTpm(async () => {
      // Unless the use before has already done so.
      if (stale && device.keys.known(use.key) === posted.entity) await recover(state)
      const second = await prepare(state, use)
      try {
        return read(use, (await second.answers).at(-1) ?? NOTHING)
      } catch (cause) {
        throw await refused(state, second, device.noticed(cause))
      }
    }),
  )
}

/** After the TPM has lost what was loaded: the next use loads it again. */
export async function recover({ device, unlock }: CardState): Promise<void> {
  await device.keys.evictAll()
  await unlock.releaseSessions()
}

/** The error for the caller of a failed use. What its session had fulfilled is unknown, so the session is given up. */
async function refused({ device, unlock }: CardState, posted: PostedUse, error: unknown): Promise<unknown> {
  await device.giveUpLost(posted, error)
  if (posted.session === undefined) return error
  await unlock.discard(posted.session)
  const response = responseOf(error)
  if (response === 'BAD_AUTH') return swapped(error)
  if (response !== 'TICKET' && response !== 'EXPIRED') return error
  unlock.dropTicket()
  return pinRequired('The PIN was verified too long ago, or the TPM was reset since.', error)
}

/** These sessions are salted and prove no secret: their HMAC fails only where the command was changed on its way. */
function swapped(cause: unknown): TpmError {
  return new TpmError(
    'ERR_TPM_TAMPERED',
    'The command did not reach the TPM as it was sent: somebody may sit between this program and the TPM. Nothing was signed.',
    {
      ...(cause instanceof TpmError ? { rc: cause.rc, command: cause.command, response: cause.response } : {}),
      cause,
    } as TpmErrorDetails,
  )
}

function pinRequired(why: string, cause?: unknown): PinError {
  return new PinError('ERR_PIN_REQUIRED', `${why} Verify the PIN first.`, { cause })
}
