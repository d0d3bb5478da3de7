// GENERAL AUTHENTICATE with the admin key (9B), single and mutual. SP 800-73-5 part 2, appendix A.1.
import { createCipheriv, randomBytes } from 'node:crypto'
import { wipe } from '../../../bytes.ts'
import { StatusError, SW } from '../../../iso7816/status.ts'
import { ADMIN_ALGORITHMS, type AdminAlgorithm, adminAlgorithmById } from '../../algorithms.ts'
import { writeAuthentication } from '../../templates.ts'
import type { PivCommand } from '../command.ts'
import type { CardContext } from '../context.ts'

type Command<Kind extends PivCommand['kind']> = Extract<PivCommand, { kind: Kind }>

/** One block in ECB, which is what a challenge is (SP 800-78-5, table 9). */
function encrypt(algorithm: AdminAlgorithm, key: Uint8Array, block: Uint8Array): Uint8Array {
  const row = ADMIN_ALGORITHMS[algorithm]
  if (block.length !== row.block) throw new StatusError(SW.WRONG_DATA)
  const context = createCipheriv(row.cipher, key, null).setAutoPadding(false)
  return Uint8Array.from(Buffer.concat([context.update(block), context.final()]))
}

/** Table 9: 3DES as well as 03. */
const DEFAULT_ALGORITHM = 0x00

/** An empty item asks for a value; a value must answer the step before. */
export async function admin(context: CardContext, { algorithm, items }: Command<'admin'>): Promise<Uint8Array> {
  const { security, vault } = context
  const { witness, challenge, response } = items
  const held = await vault.admin.key()
  try {
    const name = adminAlgorithmById(held?.algorithm ?? -1)
    if (name !== '3DES' && algorithm === DEFAULT_ALGORITHM && challenge?.length === 0 && !witness && !response) {
      // OpenSC gets random numbers this way, whatever the key is. It begins no step, so no answer to it proves anything.
      security.dropStep()
      return writeAuthentication({ challenge: Uint8Array.from(randomBytes(ADMIN_ALGORITHMS['3DES'].block)) })
    }
    if (held === undefined || name === undefined) throw new StatusError(SW.REFERENCE_NOT_FOUND)
    if (adminAlgorithmById(algorithm) !== name) throw new StatusError(SW.WRONG_PARAMETERS)
    const use = (block: Uint8Array) => encrypt(name, held.key, block)
    const fresh = () => Uint8Array.from(randomBytes(ADMIN_ALGORITHMS[name].block))

    if (witness?.length === 0 && challenge === undefined && response === undefined) {
      const value = fresh()
      security.begin({ kind: 'witness', algorithm: held.algorithm, expected: value })
      return writeAuthentication({ witness: use(value) })
    }
    if (challenge?.length === 0 && witness === undefined && response === undefined) {
      const value = fresh()
      security.begin({ kind: 'challenge', algorithm: held.algorithm, expected: use(value) })
      return writeAuthentication({ challenge: value })
    }
    if (witness !== undefined && challenge !== undefined && (response?.length ?? 0) === 0) {
      // Encrypting any challenge would be an oracle, so the witness has to be right first.
      if (!security.answers('witness', held.algorithm, witness)) throw new StatusError(SW.SECURITY_STATUS)
      const answer = use(challenge)
      security.grantAdmin()
      return writeAuthentication({ response: answer })
    }
    if (response !== undefined && witness === undefined && challenge === undefined) {
      if (!security.answers('challenge', held.algorithm, response)) throw new StatusError(SW.SECURITY_STATUS)
      security.grantAdmin()
      return new Uint8Array(0)
    }
    throw new StatusError(SW.WRONG_DATA)
  } finally {
    wipe(held?.key)
  }
}
