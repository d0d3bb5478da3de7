// Management beyond SP 800-73, allowed once the admin key is proved: IMPORT KEY, MOVE KEY, SET MANAGEMENT KEY.
// Yubico's instructions (src/piv/yubico.ts).
import { wipe } from '../../../bytes.ts'
import { refuseUnless, SW } from '../../../iso7816/status.ts'
import { ADMIN_ALGORITHMS } from '../../algorithms.ts'
import { isPrivateKey } from '../../private-key.ts'
import { defaultPinPolicy } from '../../slots.ts'
import type { PivCommand } from '../command.ts'
import type { CardContext } from '../context.ts'
import { unknownMechanism } from './keys.ts'

type Command<Kind extends PivCommand['kind']> = Extract<PivCommand, { kind: Kind }>

export function importKey(context: CardContext, command: Command<'importKey'>): Promise<void> {
  const { slot, algorithm, parts, pinPolicy = defaultPinPolicy(slot) } = command
  return importing(context, command, () => context.vault.keys.import(slot, algorithm, parts, pinPolicy))
}

/** Imports a private key; its parts are overwritten on every path. */
export async function importing(
  { security }: CardContext,
  { algorithm, parts }: Pick<Command<'importKey'>, 'algorithm' | 'parts'>,
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    refuseUnless(security.admin, SW.SECURITY_STATUS)
    refuseUnless(await isPrivateKey(algorithm, parts), SW.WRONG_DATA)
    await work()
  } catch (error) {
    throw unknownMechanism(error)
  } finally {
    wipe(...Object.values(parts))
  }
}

export async function setAdminKey(context: CardContext, { algorithm, key }: Command<'setAdminKey'>): Promise<void> {
  try {
    refuseUnless(context.security.admin, SW.SECURITY_STATUS)
    await context.vault.admin.replace(ADMIN_ALGORITHMS[algorithm].id, key)
  } finally {
    wipe(key)
  }
}

/** A key in the target slot is replaced. Certificates stay in their slots. */
export async function moveKey({ vault, security }: CardContext, { from, to }: Command<'moveKey'>): Promise<void> {
  refuseUnless(security.admin, SW.SECURITY_STATUS)
  await vault.keys.move(from, to)
}

export async function deleteKey({ vault, security }: CardContext, { slot }: Command<'deleteKey'>): Promise<void> {
  refuseUnless(security.admin, SW.SECURITY_STATUS)
  await vault.keys.delete(slot)
}
