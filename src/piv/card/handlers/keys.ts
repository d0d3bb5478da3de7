// GENERAL AUTHENTICATE with a private key, GENERATE ASYMMETRIC KEY PAIR. SP 800-73-5 part 2, 3.2.4 and 3.3.1.
import { CardError } from '../../../errors.ts'
import { StatusError, SW } from '../../../iso7816/status.ts'
import { ALGORITHMS } from '../../algorithms.ts'
import { ecdsaToDer } from '../../ecdsa.ts'
import { fromSpki, writePublicKey } from '../../public-key.ts'
import { defaultPinPolicy } from '../../slots.ts'
import { writeAuthentication } from '../../templates.ts'
import type { PivCommand } from '../command.ts'
import type { CardContext } from '../context.ts'

type Command<Kind extends PivCommand['kind']> = Extract<PivCommand, { kind: Kind }>

/** Sign, raw RSA, or ECDH: which one follows from the items of the template and the kind of the key. */
export async function useKey(context: CardContext, command: Command<'useKey'>): Promise<Uint8Array> {
  const { vault, mustChangePin } = context
  const { slot, algorithm, items } = command
  const key = vault.keys.list().find((one) => one.slot === slot)
  if (key?.pinPolicy !== 'always') await vault.pins.disarm()
  if (key === undefined) throw new StatusError(SW.REFERENCE_NOT_FOUND)
  const row = ALGORITHMS[key.algorithm]
  if (row.id !== algorithm) throw new StatusError(SW.WRONG_PARAMETERS)
  const { challenge, exponentiation, response, witness } = items
  const asked = response?.length === 0 && witness === undefined
  if (!asked || (challenge === undefined) === (exponentiation === undefined)) throw new StatusError(SW.WRONG_DATA)
  if (mustChangePin()) throw new StatusError(SW.CONDITIONS_OF_USE)
  if (exponentiation !== undefined) {
    if (row.kind !== 'ec') throw new StatusError(SW.WRONG_DATA)
    return writeAuthentication({ response: await vault.keys.agree(slot, exponentiation) })
  }
  const input = challenge ?? new Uint8Array(0)
  const result =
    row.kind === 'ec' ? ecdsaToDer(await vault.keys.signDigest(slot, input)) : await vault.keys.rawRsa(slot, input)
  return writeAuthentication({ response: result })
}

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

/** The answer where a vault does not have an algorithm, which is 6A80 at the card edge; other errors as they are. */
export function unknownMechanism(error: unknown): unknown {
  return error instanceof CardError && error.code === 'ERR_NOT_SUPPORTED' ? new StatusError(SW.WRONG_DATA) : error
}
