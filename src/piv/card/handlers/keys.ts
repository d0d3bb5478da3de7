// GENERAL AUTHENTICATE with a private key, GENERATE ASYMMETRIC KEY PAIR. SP 800-73-5 part 2, 3.2.4 and 3.3.1.
import { wipe } from '../../../bytes.ts'
import { CardError } from '../../../errors.ts'
import { refuseUnless, StatusError, SW } from '../../../iso7816/status.ts'
import { ALGORITHMS } from '../../algorithms.ts'
import { ecdsaToDer } from '../../ecdsa.ts'
import { fromSpki, writePublicKey } from '../../public-key.ts'
import { defaultPinPolicy } from '../../slots.ts'
import { writeAuthentication } from '../../templates.ts'
import type { PivCommand } from '../command.ts'
import type { CardContext } from '../context.ts'
import type { Posting, VaultKey } from '../vault.ts'

type Command<Kind extends PivCommand['kind']> = Extract<PivCommand, { kind: Kind }>

/** Sign, raw RSA, or ECDH: the items of the template and the type of the key decide which. */
export function useKey(context: CardContext, command: Command<'useKey'>, posting: Posting): Promise<Uint8Array> {
  const { vault } = context
  const key = vault.keys.find(command.slot)
  if (key?.pinPolicy === 'always') return use(context, command, key)
  const disarmed = vault.pins.disarm()
  return disarmed === undefined
    ? use(context, command, key, posting)
    : disarmed.then(() => use(context, command, key, posting))
}

function use(
  { vault, mustChangePin }: CardContext,
  { slot, algorithm, items }: Command<'useKey'>,
  key: VaultKey | undefined,
  posting?: Posting,
): Promise<Uint8Array> {
  if (key === undefined) throw new StatusError(SW.REFERENCE_NOT_FOUND)
  const { id, kind } = ALGORITHMS[key.algorithm]
  refuseUnless(id === algorithm, SW.WRONG_PARAMETERS)
  const { challenge, exponentiation, response, witness } = items
  const asked = response?.length === 0 && witness === undefined
  if (!asked || (challenge === undefined) === (exponentiation === undefined)) throw new StatusError(SW.WRONG_DATA)
  refuseUnless(!mustChangePin(), SW.CONDITIONS_OF_USE)
  if (exponentiation !== undefined) {
    refuseUnless(kind === 'ec', SW.WRONG_DATA)
    return vault.keys.agree(slot, exponentiation, posting).then(answerOf)
  }
  const input = challenge ?? new Uint8Array(0)
  return kind === 'ec'
    ? vault.keys.signDigest(slot, input, posting).then(signatureOf)
    : vault.keys.rawRsa(slot, input, posting).then(answerOf)
}

/** An agreed secret or a decrypted block: only the written copy of it is left. */
function answerOf(response: Uint8Array): Uint8Array {
  const answer = writeAuthentication({ response })
  wipe(response)
  return answer
}
const signatureOf = (raw: Uint8Array) => writeAuthentication({ response: ecdsaToDer(raw) })

export async function generate(context: CardContext, command: Command<'generate'>): Promise<Uint8Array> {
  if (!context.security.admin) throw new StatusError(SW.SECURITY_STATUS)
  const { slot, algorithm, pinPolicy = defaultPinPolicy(slot) } = command
  try {
    const { spki } = await context.vault.keys.generate(slot, { algorithm, pinPolicy })
    return writePublicKey(fromSpki(spki))
  } catch (error) {
    throw unknownMechanism(error)
  }
}

/** A vault that does not support an algorithm is answered with 6A80 at the card edge; other errors pass unchanged. */
export function unknownMechanism(error: unknown): unknown {
  return error instanceof CardError && error.code === 'ERR_NOT_SUPPORTED'
    ? new StatusError(SW.WRONG_DATA, { cause: error })
    : error
}
