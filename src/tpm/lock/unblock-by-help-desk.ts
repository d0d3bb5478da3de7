// Unblocking with a response of the help desk. One PolicySigned allows setting the PIN; its ticket restores the tries.
import { wipe } from '../../bytes.ts'
import { PinError, TpmError } from '../../errors.ts'
import type { Session } from '../commands.ts'
import { CHALLENGE_SECONDS } from '../help-desk.ts'
import { type Proofs, policySigned, policyTicket, type Ticket } from '../policy/fulfil.ts'
import { explainRefusal, type LockContext, saltOf } from './context.ts'
import { resetCounter, setAuth } from './pins.ts'

/**
 * Fulfils both help-desk approvals in `session`, the one whose nonce was signed. The ticket could set a PIN again
 * until it expires: it is wiped at once, whatever happens.
 * @throws PinError ERR_HELP_DESK_REFUSED, ERR_HELP_DESK_ABSENT
 */
export async function unblockByHelpDesk(
  context: LockContext,
  session: Session,
  signature: Uint8Array,
  newAuth: Uint8Array,
): Promise<void> {
  const { device, card } = context
  let ticket: Ticket | undefined
  const proofs: Proofs = {
    signed: async (term) => {
      if (ticket === undefined) {
        const key = card.helpDeskKey ?? new Uint8Array(0)
        ticket = await refusing(() => policySigned(context, session, term, key, signature, -CHALLENGE_SECONDS))
      } else {
        await device.run(policyTicket(session, ticket))
      }
    },
  }
  try {
    await device.withSession('hmac', saltOf(context), (hmac) =>
      setAuth(context, 'helpDeskPin', session, hmac, proofs, newAuth),
    )
    await resetCounter(context, 'helpDeskCounter', session, proofs)
  } catch (error) {
    throw await explainRefusal(context, 'pin', error)
  } finally {
    wipe(ticket)
  }
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof TpmError) || error.command !== 'PolicySigned') throw error
    throw new PinError(
      'ERR_HELP_DESK_REFUSED',
      'The TPM refuses the response: it was made with another key, for another challenge or another card, or it came too late. Nothing was changed. Ask for a new challenge: tessera pin unblock --help-desk.',
      { cause: error },
    )
  }
}
