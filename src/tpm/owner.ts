// Authorisation by the TPM's owner: needed only to create and to destroy a card.
import { TpmError } from '../errors.ts'
import type { NativeAuth } from '../native.ts'
import { bySession, NO_PASSWORD } from './command.ts'
import type { SaltKey, TpmCommands } from './commands.ts'
import { responseOf } from './failure.ts'

/** Acts as the owner of the TPM. `password` is usually empty; otherwise it is used in a salted session. */
export async function asOwner<T>(
  device: TpmCommands,
  srk: SaltKey,
  password: Uint8Array,
  work: (owner: NativeAuth) => Promise<T>,
): Promise<T> {
  try {
    if (password.length === 0) return await work(NO_PASSWORD)
    return await device.withSession('hmac', srk, (session) => work(bySession(session.handle, password)))
  } catch (error) {
    throw ownerRefusal(error)
  }
}

/** The error for a refused owner authorisation; other errors pass unchanged. */
export function ownerRefusal(error: unknown): unknown {
  const response = responseOf(error)
  if (response !== 'BAD_AUTH' && response !== 'AUTH_FAIL') return error
  // Not the owner's session failed but the encrypting one: a nonce was damaged on its way.
  if (!(error instanceof TpmError) || error.position !== 'session 1') return error
  return new TpmError(
    'ERR_TPM_OWNER_AUTH',
    'The TPM has an owner password, and the one given is not it. It is needed to create and to destroy a card, and for nothing else. Give it with --owner-password-file (library: ownerPassword).',
    { cause: error },
  )
}
