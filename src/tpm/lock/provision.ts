// Creates the lock of a new card: two burned indices, both proved, and the approvals, which are all that remains of K.
import { randomInt } from 'node:crypto'
import { concat, equal, wipe } from '../../bytes.ts'
import { TpmError } from '../../errors.ts'
import type { NativeAuth } from '../../native.ts'
import { createAk } from '../attest/attestation-key.ts'
import { certifyCreation, readStatement } from '../attest/statements.ts'
import { type NvPublic, nvName, writtenName } from '../codec/nv.ts'
import { verifyingKey } from '../codec/public.ts'
import { EMPTY, sized, u16 } from '../codec/wire.ts'
import { bySession, command } from '../command.ts'
import { CC, NV_FIRST, NV_LAST, OBJECT } from '../constants.ts'
import type { TpmDevice } from '../devices.ts'
import { responseOf } from '../failure.ts'
import { asOwner } from '../owner.ts'
import { approvalDigest, pinCounter, policyDigest, signedDigest, signedRef } from '../policy/digest.ts'
import { fulfil, policySecret, policySigned } from '../policy/fulfil.ts'
import type { Role } from '../policy/terms.ts'
import type { Srk } from '../srk.ts'
import { APPROVALS, type Approval, type ApprovalName, type CardFile } from '../store/card-file.ts'
import { BurnKey } from './burn-key.ts'
import { type LockCard, type LockContext, lockContext, policyFacts } from './context.ts'
import { indexPublic } from './index-public.ts'
import { defineIndex, indexName, undefineIndex, usedIndices } from './nv.ts'
import { type NewPinSeal, newPinSeal } from './seal.ts'
import type { LockTable } from './table.ts'

export interface NewLock {
  readonly cardId: Uint8Array
  /** authValue of 32 octets, and how many wrong tries it allows. */
  readonly pin: { readonly auth: Uint8Array; readonly tries: number }
  /** `present` false: `auth` is random, gets no approvals, and is known to nobody. */
  readonly puk: { readonly auth: Uint8Array; readonly tries: number; readonly present: boolean }
  /** TPM2B_PUBLIC. */
  readonly helpDeskKey?: Uint8Array | undefined
  readonly ownerPassword: Uint8Array
  /** Handles reserved for others, for example for cards whose TPM is elsewhere. */
  readonly reserved: ReadonlySet<number>
}

/** Where the two indices will be, and their Names before and after the first write. */
export type Places = Readonly<Record<Role, { readonly handle: number; readonly names: [Uint8Array, Uint8Array] }>>

/** A verifying key in the TPM: no attribute but `sign` and userWithAuth, so that LoadExternal takes it. */
export function verifyingKeyBlob(point: Uint8Array): Uint8Array {
  return sized(verifyingKey(point, OBJECT.sign | OBJECT.userWithAuth))
}

/**
 * Creates the lock in the TPM. `record` is called with the places before anything is defined there, and must make them
 * durable: after a crash from then on, that record is used to clean up.
 * @throws TpmError ERR_TPM_NO_PIN_INDEX, ERR_TPM_NV_FULL, ERR_TPM_OWNER_AUTH, ERR_TPM_TAMPERED; nothing is left behind
 */
export async function provision(
  device: TpmDevice,
  srk: Srk,
  request: NewLock,
  table: LockTable,
  record: (places: Places) => Promise<void>,
): Promise<{ readonly lock: LockCard & Pick<CardFile, 'ak' | 'burn'>; readonly pinSeal: NewPinSeal }> {
  const ak = await createAk(device, srk)
  const burn = await BurnKey.make(device, table.salted ? srk : undefined)
  try {
    const burned = await certifyBurnKey(device, srk, ak, burn)
    const { card, publics } = await plan(device, request, table, burn)
    await burn.rest()
    const names = (role: Role): [Uint8Array, Uint8Array] => [nvName(publics[role]), writtenName(publics[role])]
    const places: Places = {
      pin: { handle: card.pin.handle, names: names('pin') },
      puk: { handle: card.puk.handle, names: names('puk') },
    }
    await record(places)
    const context = lockContext(device, srk, card, table)
    let pinSeal: NewPinSeal | undefined
    try {
      await asOwner(device, srk, request.ownerPassword, async (owner) => {
        for (const role of ['puk', 'pin'] as const) {
          await defineIndex(device, table.salted ? srk : undefined, owner, request[role].auth, publics[role])
        }
      })
      for (const role of ['puk', 'pin'] as const) await firstWrite(context, burn, role, publics[role])
      pinSeal = await newPinSeal(context, burn)
      await burn.burn()
      if (table.prove) for (const role of ['puk', 'pin'] as const) await prove(context, role, request[role].auth)
    } catch (error) {
      await removeLock(device, srk, request.ownerPassword, places).catch(() => undefined)
      wipe(pinSeal?.secret)
      throw unsupported(error)
    }
    return { lock: { ...card, ak: { key: ak, certificates: [] }, burn: burned }, pinSeal }
  } finally {
    await burn.burn().catch(() => undefined)
  }
}

/** What the TPM states of the creation of K, for evidence about the card: nobody could ask for it later. */
async function certifyBurnKey(
  device: TpmDevice,
  srk: Srk,
  ak: NonNullable<CardFile['ak']>['key'],
  burn: BurnKey,
): Promise<NonNullable<CardFile['burn']>> {
  const signer = await device.keys.get(ak, srk)
  const answer = await device.call(certifyCreation(signer, burn.entity, burn.creation, EMPTY))
  await device.keys.evict(ak)
  return { ...readStatement(answer), creationData: burn.creation.data.subarray(2) }
}

/** Undefines both indices if they are the card's own. Afterwards the policy of its keys can never be fulfilled. */
export async function removeLock(
  device: TpmDevice,
  srk: Srk,
  ownerPassword: Uint8Array,
  places: Places,
): Promise<void> {
  const owner = (work: (auth: NativeAuth) => Promise<unknown>) => asOwner(device, srk, ownerPassword, work)
  await device.withSession('hmac', srk, async (session) => {
    for (const role of ['puk', 'pin'] as const)
      await undefineIndex(device, session, places[role].handle, places[role].names, owner)
  })
}

/** Whether both indices are unchanged: nothing of the lock was removed. */
export async function lockIsWhole(device: TpmDevice, places: Places): Promise<boolean> {
  for (const { handle, names } of [places.pin, places.puk]) {
    const name = await indexName(device, handle)
    if (name === undefined || !names.some((own) => equal(own, name))) return false
  }
  return true
}

/** Everything that can be computed before the TPM is touched: handles, Names, approvals. */
async function plan(device: TpmDevice, request: NewLock, table: LockTable, burn: BurnKey) {
  const used = await usedIndices(device)
  const burnKey = burn.public
  const burnName = burn.entity.name
  const place = (role: Role): NvPublic => {
    const handle = freeHandle(used, request.reserved)
    used.add(handle)
    return indexPublic(role, handle, burnName, table)
  }
  const publics = { puk: place('puk'), pin: place('pin') }
  const role = (which: Role) => ({
    handle: publics[which].handle,
    name: writtenName(publics[which]),
    tries: request[which].tries,
  })
  const draft = {
    cardId: request.cardId,
    pin: role('pin'),
    puk: { ...role('puk'), present: request.puk.present },
    burnKey,
    ...(request.helpDeskKey === undefined ? {} : { helpDeskKey: request.helpDeskKey }),
  }
  return { publics, card: { ...draft, approvals: await approve(draft, table, burn) } }
}

async function approve(
  card: Omit<LockCard, 'approvals'>,
  table: LockTable,
  burn: BurnKey,
): Promise<CardFile['approvals']> {
  const facts = policyFacts(card)
  const possible = { pin: true, puk: card.puk.present, helpDesk: card.helpDeskKey !== undefined }
  const approvals: Partial<Record<ApprovalName, Approval>> = {}
  for (const name of APPROVALS) {
    const { on, needs, policy } = table.approvals[name]
    const authorize = table.index[on].find((term) => term.term === 'authorize')
    if (!possible[needs] || authorize === undefined) continue
    const digest = policyDigest(policy, facts)
    approvals[name] = { policy: digest, signature: await burn.sign(approvalDigest(digest, authorize.ref)) }
  }
  return approvals
}

function freeHandle(...taken: readonly ReadonlySet<number>[]): number {
  for (;;) {
    const handle = randomInt(NV_FIRST, NV_LAST + 1)
    if (!taken.some((set) => set.has(handle))) return handle
  }
}

/** Writes {0, tries}: the only write that K itself authorises, bound to this session by its nonce. */
async function firstWrite(context: LockContext, burn: BurnKey, role: Role, nv: NvPublic): Promise<void> {
  const { device, table, srk, card } = context
  await device.withSession('policy', table.salted ? srk : undefined, async (session) => {
    await fulfil(
      context,
      session,
      table.index[role],
      {
        approval: (policy, ref) => burn.sign(approvalDigest(policy, ref)),
        signed: async (term) => {
          const nonce = await device.nonceTpm(session)
          const signature = await burn.sign(signedDigest(nonce, 0, signedRef(term, context.facts)))
          await policySigned(context, session, term, card.burnKey, signature, 0)
        },
      },
      table.firstWrite,
    )
    const index = { handle: nv.handle, name: nvName(nv) }
    const contents = concat(sized(pinCounter(0, card[role].tries)), u16(0))
    await device.run(command(CC.NV_Write, [index, index], [bySession(session.handle)], contents))
  })
}

/** Proves a secret against the written index: this detects an index that was swapped between definition and write. */
async function prove(context: LockContext, role: Role, auth: Uint8Array): Promise<void> {
  const { device, table, srk, card } = context
  const salt = table.salted ? srk : undefined
  try {
    await device.withSession('hmac', salt, (hmac) =>
      device.withSession('policy', salt, (session) => {
        const index = { handle: card[role].handle, name: card[role].name }
        return policySecret(device, session, index, bySession(hmac.handle, auth), 'proof', 0)
      }),
    )
  } catch (error) {
    // Other errors, such as a TPM without room, speak for themselves: they are no sign of tampering.
    if (!(error instanceof TpmError) || error.response === undefined || error.code !== 'ERR_TPM') throw error
    throw new TpmError(
      'ERR_TPM_TAMPERED',
      'Another program changed the new card in the TPM while it was made. Nothing of it was kept. Find out which program writes NV indices, then create the card again.',
      { cause: error },
    )
  }
}

/** TPMs before revision 1.38 of the specification do not know TPM_NT_PIN_FAIL. */
function unsupported(error: unknown): unknown {
  const refused = error instanceof TpmError && error.command === 'NV_DefineSpace'
  const response = responseOf(error)
  if (!refused || (response !== 'ATTRIBUTES' && response !== 'RESERVED_BITS' && response !== 'VALUE')) return error
  return new TpmError(
    'ERR_TPM_NO_PIN_INDEX',
    'This TPM has no PIN counters of its own (TPM_NT_PIN_FAIL, revision 1.38 of the specification), so it cannot guard a card. There is no weaker substitute here: use a newer TPM, or update its firmware.',
    { cause: error },
  )
}
