// Keys and NV indices that checks make for themselves. An index is known by its Name: its policy is that of a key which
// nobody else uses, so what a killed run left behind is found and removed, and never another program's index.
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { concat, equal, fromHex, sha256, utf8 } from '../../bytes.ts'
import { type NvPublic, nvName, writtenName } from '../../tpm/codec/nv.ts'
import { objectName } from '../../tpm/codec/public.ts'
import { EMPTY, EMPTY_SIZED, sized, u16, u32, WireReader } from '../../tpm/codec/wire.ts'
import { bySession, command, NO_PASSWORD } from '../../tpm/command.ts'
import type { Session } from '../../tpm/commands.ts'
import { CC, RH } from '../../tpm/constants.ts'
import type { TpmDevice } from '../../tpm/devices.ts'
import { responseOf } from '../../tpm/failure.ts'
import { type LockContext, lockContext } from '../../tpm/lock/context.ts'
import { indexPublic } from '../../tpm/lock/index-public.ts'
import { defineIndex, indexName } from '../../tpm/lock/nv.ts'
import { verifyingKeyBlob } from '../../tpm/lock/provision.ts'
import { LOCK, type LockTable } from '../../tpm/lock/table.ts'
import { asOwner } from '../../tpm/owner.ts'
import { pinCounter, signedRef } from '../../tpm/policy/digest.ts'
import { fulfil, policySecret, policySigned, type Ticket } from '../../tpm/policy/fulfil.ts'
import { checkSrk, type Srk, STORAGE_TEMPLATE } from '../../tpm/srk.ts'
import type { Effort } from '../timing/repeat.ts'

export interface TpmUnderTest extends Effort {
  readonly device: TpmDevice
  /** Usually empty. The caller wipes it. */
  readonly ownerPassword: Uint8Array
  /** Power off and on, where that can be done from here. */
  readonly restart?: (() => Promise<void>) | undefined
  /** Only tests give it: a weaker lock. */
  readonly table?: LockTable | undefined
  /** Where the scratch card is: the folder of the cards by default. */
  readonly home?: string | undefined
}

/** Where scratch indices are, if nothing else is there: the last ones of the owner. */
const HANDLES = Array.from({ length: 16 }, (_, at) => 0x01bffff0 + at)

/** PrivateKeyInfo of a P-256 key without its public half (RFC 5208, RFC 5915), up to the scalar. */
const PKCS8 = fromHex('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420') ?? EMPTY

/** A key that everybody can compute: for scratch objects alone. */
export function scratchScalar(purpose: string): Uint8Array {
  return sha256(utf8(`Tessera, validation of TPMs: ${purpose}`))
}

/** The same as a key of P-256. */
export const scratchKey = (purpose: string): KeyObject =>
  createPrivateKey({ key: Buffer.from(concat(PKCS8, scratchScalar(purpose))), format: 'der', type: 'pkcs8' })

function burnKey(): { readonly key: KeyObject; readonly blob: Uint8Array } {
  const key = scratchKey('burned index')
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return { key, blob: verifyingKeyBlob(Uint8Array.from(spki.subarray(-64))) }
}

export class Scratch {
  readonly tpm: TpmUnderTest
  readonly device: TpmDevice
  readonly table: LockTable
  readonly #burn = burnKey()
  #parent: Srk | undefined

  constructor(tpm: TpmUnderTest) {
    this.tpm = tpm
    this.device = tpm.device
    this.table = tpm.table ?? LOCK
  }

  /** A storage key in the null hierarchy: nothing of it is kept, and no password is needed. */
  async parent(): Promise<Srk> {
    if (this.#parent !== undefined) return this.#parent
    const params = [sized(concat(EMPTY_SIZED, EMPTY_SIZED)), sized(STORAGE_TEMPLATE), EMPTY_SIZED, u32(0)]
    const create = command(CC.CreatePrimary, [RH.NULL], [NO_PASSWORD], ...params)
    const made = await this.device.keys.makingRoom(() => this.device.call(create))
    const handle = made.u32()
    const area = made.sized()
    checkSrk(area)
    this.#parent = { handle, name: objectName(area), area }
    return this.#parent
  }

  /** Turns the TPM off and on. False where that cannot be done from here. */
  async restart(): Promise<boolean> {
    if (this.tpm.restart === undefined) return false
    this.#parent = undefined
    await this.tpm.restart()
    return true
  }

  /** A written PIN index as cards have it: `auth` has 32 octets, and is wrong `tries` times before it is blocked. */
  async pinIndex(auth: Uint8Array, tries: number): Promise<PinIndex> {
    const nv = this.#public(await this.#freeHandle())
    const parent = await this.parent()
    await this.asOwner((owner) => defineIndex(this.device, parent, owner, auth, nv))
    const role = { handle: nv.handle, name: writtenName(nv), tries }
    const card = {
      cardId: new Uint8Array(16),
      pin: role,
      puk: { ...role, present: false },
      burnKey: this.#burn.blob,
      approvals: {},
    }
    const index = new PinIndex(this, nv, lockContext(this.device, parent, card, this.table))
    await this.#firstWrite(index)
    return index
  }

  asOwner<T>(work: Parameters<typeof asOwner<T>>[3]): Promise<T> {
    return this.parent().then((parent) => asOwner(this.device, parent, this.tpm.ownerPassword, work))
  }

  /** Makes room: the storage key is made again when it is needed. */
  async rest(): Promise<void> {
    const parent = this.#parent
    this.#parent = undefined
    await this.device.keys.evictAll()
    if (parent !== undefined) await this.device.flush(parent.handle)
  }

  /** Removes the scratch indices of this run and of any earlier one, and the storage key. */
  async clean(): Promise<void> {
    for (const handle of HANDLES) await this.undefine(this.#public(handle))
    await this.rest()
  }

  /** Removes one index, if it is a scratch index. */
  async undefine(nv: NvPublic): Promise<void> {
    const name = await indexName(this.device, nv.handle)
    if (name === undefined || ![nvName(nv), writtenName(nv)].some((own) => equal(own, name))) return
    const index = { handle: nv.handle, name }
    await this.asOwner((owner) => this.device.run(command(CC.NV_UndefineSpace, [RH.OWNER, index], [owner])))
  }

  #public(handle: number): NvPublic {
    return indexPublic('pin', handle, objectName(this.#burn.blob.subarray(2)), this.table)
  }

  async #freeHandle(): Promise<number> {
    for (const handle of HANDLES) if ((await indexName(this.device, handle)) === undefined) return handle
    throw new TypeError('All scratch indices are in use.')
  }

  /** As cards are made, but the key that writes is known, so the index is no lock of anything. */
  async #firstWrite({ context, nv }: PinIndex): Promise<void> {
    const { device, table } = this
    const signed = (octets: Uint8Array) =>
      Uint8Array.from(sign('sha256', octets, { key: this.#burn.key, dsaEncoding: 'ieee-p1363' }))
    const parent = await this.parent()
    await device.withSession('policy', parent, async (session) => {
      const proofs = {
        approval: (policy: Uint8Array, ref: string) => signed(concat(policy, utf8(ref))),
        signed: async (term: Parameters<typeof signedRef>[0]) => {
          const said = concat(await device.nonceTpm(session), u32(0), signedRef(term, context.facts))
          await policySigned(context, session, term, this.#burn.blob, signed(said), 0)
        },
      }
      await fulfil(context, session, table.index.pin, proofs, table.firstWrite)
      const index = { handle: nv.handle, name: nvName(nv) }
      const contents = concat(sized(pinCounter(0, context.card.pin.tries)), u16(0))
      await device.run(command(CC.NV_Write, [index, index], [bySession(session.handle)], contents))
    })
  }
}

/** A scratch index that counts wrong PINs. */
export class PinIndex {
  readonly #scratch: Scratch
  readonly nv: NvPublic
  readonly context: LockContext

  constructor(scratch: Scratch, nv: NvPublic, context: LockContext) {
    this.#scratch = scratch
    this.nv = nv
    this.context = context
  }

  /** How the TPM answers PolicySecret with this authValue: `OK`, or the name of its refusal. */
  async answer(auth: Uint8Array): Promise<string> {
    return answerOf(this.inPolicy(async (session) => void (await this.secret(session, auth))))
  }

  /** Runs `work` in a policy session of its own. */
  async inPolicy<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#scratch.device.withSession('policy', await this.#scratch.parent(), work)
  }

  /** PolicySecret in `session`. @throws TpmError */
  async secret(session: Session, auth: Uint8Array, ref = 'use', expiration = 0): Promise<Ticket> {
    const { device } = this.#scratch
    const parent = await this.#scratch.parent()
    return device.withSession('hmac', parent, (hmac) =>
      policySecret(device, session, this.context.card.pin, bySession(hmac.handle, auth), ref, expiration),
    )
  }

  /** Wrong tries so far, as the owner reads them. */
  async count(): Promise<number> {
    const { pin } = this.context.card
    const read = command(CC.NV_Read, [RH.OWNER, pin], [], u16(8), u16(0))
    const [answer = EMPTY] = await this.#scratch.asOwner((owner) =>
      this.#scratch.device.run({ ...read, auths: [owner] }),
    )
    return new WireReader(new WireReader(answer).sized()).u32()
  }

  async remove(): Promise<void> {
    await this.#scratch.undefine(this.nv)
  }
}

/** `OK`, or the name of the TPM's refusal. Other errors pass. */
export async function answerOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'OK'
  } catch (error) {
    const response = responseOf(error)
    if (response === undefined) throw error
    return response
  }
}
