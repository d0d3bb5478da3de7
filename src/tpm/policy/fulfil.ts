// Fulfils a policy in a session of the TPM, term by term.
import { concat, utf8, wipe } from '../../bytes.ts'
import type { NativeAuth, NativeCommand } from '../../native.ts'
import type { Entity } from '../codec/nv.ts'
import { objectName } from '../codec/public.ts'
import { EMPTY, EMPTY_SIZED, sized, u8, u16, u32, WireReader } from '../codec/wire.ts'
import { command, type Target } from '../command.ts'
import type { Session } from '../commands.ts'
import { ALG, CC, RH } from '../constants.ts'
import type { TpmDevice } from '../devices.ts'
import { approvalDigest, counterResetCpHash, policyDigest, signedRef } from './digest.ts'
import type { Policy, PolicyFacts, Role, Term } from './terms.ts'

/**
 * Repeats a PolicySigned or a PolicySecret until it expires: the parameters of a PolicyTicket. For that time it is as
 * good as the secret, so its owner wipes it.
 */
export type Ticket = Uint8Array

/** How to fulfil the terms that need a secret or a signature. A caller omits those that it cannot fulfil. */
export interface Proofs {
  /** Authorises the index of this role with its secret: an HMAC session, never the secret itself. */
  readonly secret?: (role: Role) => NativeAuth
  /** Fulfils a signed term in this session. */
  readonly signed?: (term: Extract<Term, { term: 'signed' }>, session: Session) => Promise<void>
  /** Signature of K over an approval of this policy: r || s. */
  readonly approval?: (policy: Uint8Array, ref: string) => Uint8Array | Promise<Uint8Array>
}

export interface FulfilContext {
  readonly device: TpmDevice
  readonly facts: PolicyFacts
  /** TPM2B_PUBLIC of K. */
  readonly burnKey: Uint8Array
}

const index = (entity: Entity): Target => ({ handle: entity.handle, name: entity.name })

/**
 * Fulfils `policy` in `session`. Where the policy of the entity itself is `authorize`, `inner` is the policy that K
 * approved. A secret is proved last, so that no try is used up by a call that fails for another reason.
 */
export async function fulfil(
  context: FulfilContext,
  session: Session,
  policy: Policy,
  proofs: Proofs,
  inner: Policy = [],
): Promise<void> {
  for (const term of policy) {
    if (term.term !== 'authorize') {
      await fulfilTerm(context, session, term, proofs)
      continue
    }
    const approved = policyDigest(inner, context.facts)
    const ticket = await approvalTicket(context, approved, term.ref, proofs)
    await fulfil(context, session, inner, proofs)
    await context.device.run(
      command(
        CC.PolicyAuthorize,
        [session.handle],
        [],
        sized(approved),
        sized(utf8(term.ref)),
        sized(context.facts.burnName),
        ticket,
      ),
    )
  }
}

async function fulfilTerm(
  context: FulfilContext,
  session: Session,
  term: Exclude<Term, { term: 'authorize' }>,
  proofs: Proofs,
) {
  const { device, facts } = context
  const policy = (code: number, ...params: Uint8Array[]) => device.run(command(code, [session.handle], [], ...params))
  switch (term.term) {
    case 'secret': {
      if (proofs.secret === undefined) throw new TypeError(`Nobody proves the ${term.of}.`)
      await policySecret(device, session, index(facts[term.of]), proofs.secret(term.of), term.ref, 0)
      return
    }
    case 'signed': {
      if (proofs.signed === undefined) throw new TypeError(`Nobody signs for ${term.by}.`)
      await proofs.signed(term, session)
      return
    }
    case 'command':
      await policy(CC.PolicyCommandCode, u32(CC[term.code]))
      return
    case 'written':
      await policy(CC.PolicyNvWritten, u8(1))
      return
    case 'counterReset':
      await policy(CC.PolicyCpHash, sized(counterResetCpHash(facts)))
      return
  }
}

/**
 * TPM2_PolicySecret, bound to this session by its nonce. `expiration` in seconds: negative asks for a ticket that
 * lives as long, 0 for none.
 */
export async function policySecret(
  device: TpmDevice,
  session: Session,
  entity: Target,
  auth: NativeAuth,
  ref: string,
  expiration: number,
): Promise<Ticket> {
  const secret = await policySecretOf(device, session, entity, auth, ref, expiration)
  return secret.ticket((await device.run(secret.command))[0])
}

/** `policySecret` as a command, and the ticket in its answer. */
export async function policySecretOf(
  device: TpmDevice,
  session: Session,
  entity: Target,
  auth: NativeAuth,
  ref: string,
  expiration: number,
): Promise<{ readonly command: NativeCommand; ticket(answer: Uint8Array | undefined): Ticket }> {
  const nonce = await device.nonceTpm(session)
  const params = [sized(nonce), EMPTY_SIZED, sized(utf8(ref)), u32(expiration)]
  return {
    command: command(CC.PolicySecret, [entity, session.handle], [auth], ...params),
    ticket: (answer) => ticketOf(answer, utf8(ref), typeof entity === 'number' ? u32(entity) : entity.name),
  }
}

/** TPMT_SIGNATURE of ECDSA with SHA-256 from r || s of P-256. Part 2, 11.3.4. */
export function ecdsaSignature(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2
  const parts = [u16(ALG.ECDSA), u16(ALG.SHA256), sized(signature.slice(0, half)), sized(signature.slice(half))]
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

/** TPM2_PolicySigned, bound to this session by its nonce. `signature` is r || s by the key in `publicKey` (TPM2B_PUBLIC). */
export async function policySigned(
  context: FulfilContext,
  session: Session,
  term: Extract<Term, { term: 'signed' }>,
  publicKey: Uint8Array,
  signature: Uint8Array,
  expiration: number,
): Promise<Ticket> {
  const nonce = await context.device.nonceTpm(session)
  const ref = signedRef(term, context.facts)
  return withPublicKey(context.device, publicKey, async (key) => {
    const params = [sized(nonce), EMPTY_SIZED, sized(ref), u32(expiration), ecdsaSignature(signature)]
    const answer = await context.device.run(command(CC.PolicySigned, [key, session.handle], [], ...params))
    return ticketOf(answer[0], ref, key.name)
  })
}

/** The ticket in an answer to PolicySecret or PolicySigned: TPM2B_TIMEOUT, TPMT_TK_AUTH. The answer is wiped. */
function ticketOf(answer: Uint8Array | undefined, ref: Uint8Array, by: Uint8Array): Ticket {
  const reader = new WireReader(answer ?? EMPTY)
  const timeout = reader.sized()
  const ticket = reader.rest()
  try {
    return concat(sized(timeout), EMPTY_SIZED, sized(ref), sized(by), ticket)
  } finally {
    wipe(answer, timeout, ticket)
  }
}

/** TPM2_PolicyTicket: repeats an earlier proof. */
export function policyTicket(session: Session, ticket: Ticket): NativeCommand {
  return command(CC.PolicyTicket, [session.handle], [], ticket)
}

/** TPMT_TK_VERIFIED for K's approval of `policy`: the TPM checks K's signature, and confirms it until its next reset. */
async function approvalTicket(
  context: FulfilContext,
  policy: Uint8Array,
  ref: string,
  proofs: Proofs,
): Promise<Uint8Array> {
  if (proofs.approval === undefined) throw new TypeError('Nobody has an approval.')
  const signature = ecdsaSignature(await proofs.approval(policy, ref))
  const digest = sized(approvalDigest(policy, ref))
  return withPublicKey(context.device, context.burnKey, async (key) => {
    const answer = await context.device.call(command(CC.VerifySignature, [key.handle], [], digest, signature))
    return answer.rest()
  })
}

/** Loads a public key while `work` runs, into the owner hierarchy: the null hierarchy gives empty tickets. */
async function withPublicKey<T>(
  device: TpmDevice,
  publicKey: Uint8Array,
  work: (key: Entity) => Promise<T>,
): Promise<T> {
  const answer = await device.keys.makingRoom(() =>
    device.call(command(CC.LoadExternal, [], [], EMPTY_SIZED, publicKey, u32(RH.OWNER))),
  )
  const key = { handle: answer.u32(), name: objectName(publicKey.subarray(2)) }
  try {
    return await work(key)
  } finally {
    await device.flush(key.handle).catch(() => undefined)
  }
}
