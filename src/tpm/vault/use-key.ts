// The one use of a key: the signing path. And how keys are made, which wants the same room.
import { PinError, TpmError, type TpmErrorDetails } from '../../errors.ts'
import type { NativeAuth, NativeCommand } from '../../native.ts'
import type { PinPolicy } from '../../piv/slots.ts'
import type { Entity } from '../codec/nv.ts'
import { bySession, NO_PASSWORD } from '../command.ts'
import type { Session } from '../device.ts'
import { isStale, responseOf } from '../failure.ts'
import type { KeyOperation } from '../keys/operations.ts'
import type { KeyBlob } from '../loaded-keys.ts'
import { type LockContext, saltOf } from '../lock/context.ts'
import { policyTicket } from '../policy/fulfil.ts'
import type { CardState } from './card-state.ts'

/** Runs `make` with the TPM to itself. */
export function makeKey<T>(state: CardState, make: (context: LockContext) => Promise<T>): Promise<T> {
  return state.exclusive(async () => {
    const context = await state.context()
    await state.unlock.releaseSessions() // room for one more on a TPM without a resource manager
    return make(context)
  })
}

export function useKey(
  state: CardState,
  key: KeyBlob,
  policy: PinPolicy,
  operation: KeyOperation,
): Promise<Uint8Array> {
  return state.exclusive(async () => {
    const context = await state.context()
    try {
      return operation.read(await perform(state, context, key, policy, operation))
    } catch (error) {
      if (!isStale(error)) throw error
      // The TPM was reset, or somebody flushed what was ours: load it again. Never a PIN again.
      await state.device.keys.evictAll()
      await state.unlock.releaseSessions()
      return operation.read(await perform(state, await state.context(), key, policy, operation))
    }
  })
}

/**
 * With the key loaded one trip: one TPM command for `never`, and for `always` after VERIFY; two for `once`, of which
 * PolicyTicket is done ahead, after the signature before, so that nobody waits for it.
 */
async function perform(
  state: CardState,
  context: LockContext,
  key: KeyBlob,
  policy: PinPolicy,
  { build }: KeyOperation,
): Promise<Uint8Array> {
  const { device, unlock } = state
  if (policy === 'never') {
    const entity = device.keys.known(key) ?? (await device.keys.get(key, context.srk))
    return last(state, [build(entity, NO_PASSWORD)])
  }
  if (policy === 'always') {
    const armed = unlock.takeArmed()
    if (armed === undefined) throw pinRequired('This key wants the PIN before every use.')
    return inSession(state, armed, context, key, (entity, auth) => [build(entity, auth)])
  }
  const ticket = unlock.ticket
  if (ticket === undefined) throw pinRequired('This key wants the PIN.')
  const session = unlock.once ?? (await unlock.onceSession((kind) => device.startSession(kind, saltOf(context))))
  try {
    return await inSession(state, session, context, key, (entity, auth) => [
      { ...policyTicket(session, ticket), ahead: true },
      build(entity, auth),
    ])
  } catch (error) {
    const response = responseOf(error)
    if (response !== 'TICKET' && response !== 'EXPIRED') throw error
    unlock.dropTicket()
    throw pinRequired('The PIN was verified too long ago, or the TPM was reset since.', error)
  }
}

async function inSession(
  state: CardState,
  session: Session,
  context: LockContext,
  key: KeyBlob,
  commands: (entity: Entity, auth: NativeAuth) => NativeCommand[],
): Promise<Uint8Array> {
  try {
    const { keys } = context.device
    const entity = keys.known(key) ?? (await keys.get(key, context.srk))
    return await last(state, commands(entity, bySession(session.handle)))
  } catch (error) {
    await state.unlock.discard(session)
    throw responseOf(error) === 'BAD_AUTH' ? swapped(error) : error
  }
}

async function last({ device }: CardState, commands: NativeCommand[]): Promise<Uint8Array> {
  return (await device.run(...commands)).at(-1) ?? new Uint8Array(0)
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
