// Verifying and changing the secrets of a card: docs/lock.md, "Approvals" and "PIN once".
import { PinError } from '../../errors.ts'
import { u16 } from '../codec/wire.ts'
import { bySession, command, encrypting } from '../command.ts'
import type { Session } from '../commands.ts'
import { CC } from '../constants.ts'
import { counterResetParams } from '../policy/digest.ts'
import { fulfil, type Proofs, policySecretOf, type Ticket } from '../policy/fulfil.ts'
import type { Role } from '../policy/terms.ts'
import type { ApprovalName } from '../store/card-file.ts'
import { explainRefusal, type LockContext, saltOf } from './context.ts'

/**
 * Proves the PIN in a policy session in which nothing is fulfilled yet: one PolicySecret for a ticket that authorises
 * `once` keys, and with `arm` one more that arms the session for the next use of an `always` key. They go in one trip;
 * the first failure ends it, so that a wrong PIN counts once. `hmac` is a session for this alone. The ticket lives
 * `seconds` from the start of the policy session.
 * @throws PinError ERR_PIN_WRONG, ERR_PIN_BLOCKED; CardError ERR_CARD_DEAD
 */
export async function provePin(
  context: LockContext,
  { policy, hmac }: { readonly policy: Session; readonly hmac: Session },
  auth: Uint8Array,
  { seconds, arm }: { readonly seconds: number; readonly arm: boolean },
): Promise<Ticket> {
  const { device, card } = context
  const index = { handle: card.pin.handle, name: card.pin.name }
  const by = bySession(hmac.handle, auth)
  const use = await policySecretOf(device, policy, index, by, 'use', -seconds)
  const restart = command(CC.PolicyRestart, [policy.handle], [])
  const always = arm ? [(await policySecretOf(device, policy, index, by, 'use-always', 0)).command] : []
  const answers = await refusing(context, 'pin', () => device.run(use.command, restart, ...always))
  return use.ticket(answers[0])
}

/** Sets a new authValue for the PIN or the PUK, authorised by the old one, which never works again. */
export async function changeSecret(
  context: LockContext,
  role: Role,
  auth: Uint8Array,
  newAuth: Uint8Array,
): Promise<void> {
  const name = role === 'pin' ? 'changePin' : 'changePuk'
  await withProof(context, role, auth, (session, hmac, proofs) =>
    setAuth(context, name, session, hmac, proofs, newAuth),
  )
}

/** Sets a new PIN and then restores its tries, in this order: an old PIN never gets new tries. */
export async function unblockByPuk(context: LockContext, auth: Uint8Array, newAuth: Uint8Array): Promise<void> {
  await withProof(context, 'puk', auth, async (session, hmac, proofs) => {
    await setAuth(context, 'unblockPin', session, hmac, proofs, newAuth)
    await resetCounter(context, 'unblockCounter', session, proofs)
  })
}

async function withProof(
  context: LockContext,
  role: Role,
  auth: Uint8Array,
  work: (session: Session, hmac: Session, proofs: Proofs) => Promise<void>,
): Promise<void> {
  const { device } = context
  await device.withSession('hmac', saltOf(context), (hmac) =>
    device.withSession('policy', saltOf(context), (session) =>
      refusing(context, role, () => work(session, hmac, { secret: () => bySession(hmac.handle, auth) })),
    ),
  )
}

/**
 * NV_ChangeAuth under an approval. The new value is encrypted by `hmac`, a session that authorises nothing: on the
 * policy session itself the TPM would decrypt it with the old PIN, set garbage and answer success.
 */
export async function setAuth(
  context: LockContext,
  name: ApprovalName,
  session: Session,
  hmac: Session,
  proofs: Proofs,
  newAuth: Uint8Array,
): Promise<void> {
  await fulfilApproval(context, name, session, proofs)
  const { handle, name: indexName } = context.card[context.table.approvals[name].on]
  const auths = [bySession(session.handle), encrypting(hmac.handle)]
  const value = [u16(newAuth.length), newAuth] // TPM2B_AUTH, with no copy but the one that is wiped
  await context.device.runSecret(command(CC.NV_ChangeAuth, [{ handle, name: indexName }], auths, ...value))
}

/** NV_Write of {0, tries} under an approval; in clear, since the approval pins its cpHash. */
export async function resetCounter(
  context: LockContext,
  name: ApprovalName,
  session: Session,
  proofs: Proofs,
): Promise<void> {
  await fulfilApproval(context, name, session, proofs)
  const index = { handle: context.card.pin.handle, name: context.card.pin.name }
  await context.device.run(
    command(CC.NV_Write, [index, index], [bySession(session.handle)], counterResetParams(context.facts)),
  )
}

async function fulfilApproval(
  context: LockContext,
  name: ApprovalName,
  session: Session,
  proofs: Proofs,
): Promise<void> {
  const approval = context.card.approvals[name]
  const { on, needs, policy } = context.table.approvals[name]
  if (approval === undefined) {
    throw needs === 'helpDesk'
      ? new PinError(
          'ERR_HELP_DESK_ABSENT',
          'This card was created without a help-desk key: only its PUK can unblock it.',
        )
      : new PinError(
          'ERR_PUK_ABSENT',
          'This card was created without a PUK: only its help desk, if it has one, can unblock it.',
        )
  }
  const signature = () => approval.signature
  await fulfil(context, session, context.table.index[on], { ...proofs, approval: signature }, policy)
}

async function refusing<T>(context: LockContext, role: Role, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw await explainRefusal(context, role, error)
  }
}
