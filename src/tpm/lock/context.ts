// One card's lock in one TPM: what every operation on it needs, and what the TPM's refusals mean.

import { equal } from '../../bytes.ts'
import { CardError, PinError, TpmError } from '../../errors.ts'
import type { TryCounter } from '../../piv/card/vault.ts'
import { decodeNvPublic, type Entity } from '../codec/nv.ts'
import { objectName } from '../codec/public.ts'
import { u16, WireReader } from '../codec/wire.ts'
import { command, NO_PASSWORD } from '../command.ts'
import { CC, RH } from '../constants.ts'
import type { TpmDevice } from '../devices.ts'
import { responseOf } from '../failure.ts'
import type { FulfilContext } from '../policy/fulfil.ts'
import type { PolicyFacts, Role } from '../policy/terms.ts'
import type { Srk } from '../srk.ts'
import type { CardFile } from '../store/card-file.ts'
import { indexName } from './nv.ts'
import type { LockTable } from './table.ts'

/** The part of a card file that is about its lock. */
export type LockCard = Pick<CardFile, 'cardId' | 'pin' | 'puk' | 'burnKey' | 'approvals' | 'helpDeskKey'>

export interface LockContext extends FulfilContext {
  readonly srk: Srk
  readonly card: LockCard
  readonly table: LockTable
}

export function policyFacts(card: Omit<LockCard, 'approvals'>): PolicyFacts {
  return {
    cardId: card.cardId,
    pin: card.pin,
    puk: card.puk,
    burnName: objectName(card.burnKey.subarray(2)),
    helpDeskName: card.helpDeskKey === undefined ? undefined : objectName(card.helpDeskKey.subarray(2)),
  }
}

export function lockContext(device: TpmDevice, srk: Srk, card: LockCard, table: LockTable): LockContext {
  return { device, srk, card, table, facts: policyFacts(card), burnKey: card.burnKey }
}

/** The key that sessions are salted to; undefined only for a test table that shows why they are. */
export function saltOf(context: LockContext): Srk | undefined {
  return context.table.salted ? context.srk : undefined
}

/** Wrong tries so far, or undefined where the owner's password hides them. Uses up no try. */
export async function readCounter(context: LockContext, role: Role): Promise<TryCounter | undefined> {
  const { handle, name, tries } = context.card[role]
  const index: Entity = { handle, name }
  try {
    const answer = await context.device.call(command(CC.NV_Read, [RH.OWNER, index], [NO_PASSWORD], u16(8), u16(0)))
    const counter = new WireReader(answer.sized())
    const count = counter.u32()
    const limit = counter.u32()
    if (limit !== tries) throw otherLimit(role, limit, tries)
    return { left: Math.max(limit - count, 0), limit: tries, advisory: false }
  } catch (error) {
    const response = responseOf(error)
    if (response === 'BAD_AUTH' || response === 'AUTH_FAIL' || response === 'LOCKOUT') return undefined
    if (response === 'HANDLE' || response === 'NV_UNINITIALIZED') throw await dead(context, role, error)
    throw error
  }
}

/** An attacker who chooses the nonces of a decrypting session can turn an approved write of {0, tries} into another number. */
function otherLimit(role: Role, limit: number, tries: number): TpmError {
  const what = role === 'pin' ? 'PIN' : 'PUK'
  return new TpmError(
    'ERR_TPM_TAMPERED',
    `The TPM allows ${limit} wrong tries of the ${what}, and this card was made with ${tries}. Somebody with the PUK or a response of the help desk changed it. Unblock the PIN again, which sets it right, and change the PUK.`,
  )
}

const DEAD =
  'It cannot be used any more, not even with PIN, PUK or help desk. Remove what is left of it (tessera destroy NAME), revoke its certificates and create a new card.'

/** What is said of a card whose index was deleted. */
export const indexGone = (role: Role): string =>
  `This card is dead: its ${role === 'pin' ? 'PIN' : 'PUK'} counter was deleted from the TPM. ${DEAD}`

async function dead(context: LockContext, role: Role, cause: unknown): Promise<CardError> {
  const index = role === 'pin' ? 'PIN' : 'PUK'
  try {
    const { handle } = context.card[role]
    const answer = await context.device.run(command(CC.NV_ReadPublic, [handle], []))
    const { name } = decodeNvPublic(answer[0] ?? new Uint8Array(0))
    if (equal(name, context.card[role].name))
      return new CardError('ERR_CARD_DEAD', `This card is dead. ${DEAD}`, { cause })
    return new CardError('ERR_CARD_DEAD', `This card is dead: its ${index} counter in the TPM was replaced. ${DEAD}`, {
      cause,
    })
  } catch (error) {
    if (responseOf(error) !== 'HANDLE') throw error
    return new CardError('ERR_CARD_DEAD', indexGone(role), { cause })
  }
}

const WAYS_OUT = 'To see how it can be unblocked: tessera pin status.'

/** An index that is no longer the card's own gets no new PIN and no tries, whatever the approval. */
async function whetherDead(context: LockContext, by: Role, error: TpmError): Promise<unknown> {
  if (responseOf(error) === undefined) return error
  for (const role of by === 'puk' ? (['pin', 'puk'] as const) : (['pin'] as const)) {
    const { handle, name } = context.card[role]
    const found = await indexName(context.device, handle)
    if (found === undefined || !equal(found, name)) return dead(context, role, error)
  }
  return error
}

/** The error for the TPM's refusal of the PIN or the PUK; other errors are returned unchanged. */
export async function explainRefusal(context: LockContext, role: Role, error: unknown): Promise<unknown> {
  if (!(error instanceof TpmError)) return error
  if (error.command === 'NV_ChangeAuth' || error.command === 'NV_Write') return whetherDead(context, role, error)
  if (error.command !== 'PolicySecret') return error
  const response = responseOf(error)
  if (response === 'HANDLE') return dead(context, role, error)
  const wrong = response === 'BAD_AUTH' || response === 'AUTH_FAIL'
  if (!wrong && response !== 'AUTH_UNAVAILABLE') return error

  const { handle, name } = context.card[role]
  const [answer] = await context.device.run(command(CC.NV_ReadPublic, [handle], []))
  if (answer === undefined || !equal(decodeNvPublic(answer).name, name)) return dead(context, role, error)
  if (!wrong) {
    return role === 'pin'
      ? new PinError('ERR_PIN_BLOCKED', `The PIN is blocked: too many wrong tries. ${WAYS_OUT}`, {
          cause: error,
          triesLeft: 0,
        })
      : new PinError(
          'ERR_PUK_BLOCKED',
          `The PUK is blocked for good: too many wrong tries. ${context.card.helpDeskKey === undefined ? 'Create a new card.' : 'The help desk can still unblock the PIN (tessera pin unblock --help-desk).'}`,
          { cause: error, triesLeft: 0 },
        )
  }
  const left = (await readCounter(context, role).catch(() => undefined))?.left
  const what = role === 'pin' ? 'PIN' : 'PUK'
  const then =
    left === undefined
      ? 'Check it before trying again.'
      : left > 0
        ? `${left} ${left === 1 ? 'try' : 'tries'} left.`
        : role === 'pin'
          ? `No tries left: the PIN is now blocked. ${WAYS_OUT}`
          : 'No tries left: the PUK is now blocked for good.'
  return new PinError(role === 'pin' ? 'ERR_PIN_WRONG' : 'ERR_PUK_WRONG', `The ${what} is wrong. ${then}`, {
    cause: error,
    ...(left === undefined ? {} : { triesLeft: left }),
  })
}
