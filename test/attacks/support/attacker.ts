// The other side: owner authorisation, every file of the card, and plain ESAPI. Each act throws `Refused` where the TPM
// says no, so that an attack is a straight list of acts, and where it stops is its result.
import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import type { Slot } from '../../../src/piv/slots.ts'
import type { LockTable } from '../../../src/tpm/lock/table.ts'
import type { Approval, ApprovalName, CardFileKey } from '../../../src/tpm/store/card-file.ts'
import { CC, type CommandName } from '../../support/codes.ts'
import type { Exchange } from '../../support/proxy.ts'
import { ALG, NV, nvPublic, nvWrite, pinCounter, RH, signDigest } from '../../support/templates.ts'
import {
  answerCode,
  answerOutput,
  ascii,
  command,
  concat,
  EMPTY,
  fromHex,
  hex,
  i32,
  Reader,
  tpm2b,
  u8,
  u16,
  u32,
} from '../../support/wire.ts'
import { type Auth, password, Refused, session, type Witness } from '../../support/witness.ts'
import { AUTHENTICATION, type CardOwner } from './owner.ts'

export const SRK = 0x81000001
/** authValues of the attacker's own making. */
export const OWN = fromHex('a77ac4e5'.repeat(8))
export const OWN_TOO = fromHex('0badc0de'.repeat(8))
export const MESSAGE = ascii('pay 1000 to the attacker')
export const DIGEST = digestOf(MESSAGE)

export interface IndexArea {
  readonly handle: number
  /** As defined: without TPMA_NV_WRITTEN. */
  readonly attributes: number
  readonly policy: Uint8Array
}

/** A ticket as it stands on the wire: TPM2B_TIMEOUT, TPMT_TK_AUTH, and the Name it speaks of. */
export interface TicketOnWire {
  readonly timeout: Uint8Array
  readonly ticket: Uint8Array
  readonly by: Uint8Array
}

export function digestOf(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(
    createHash('sha256')
      .update(concat(...parts))
      .digest(),
  )
}

/** TPMT_SIGNATURE, ECDSA with SHA-256, from r || s of P-256. */
export function ecdsa(signature: Uint8Array): Uint8Array {
  return concat(u16(ALG.ecdsa), u16(ALG.sha256), tpm2b(signature.slice(0, 32)), tpm2b(signature.slice(32)))
}

/** The ticket in the answer to the last command of this name on a wire, and the Name it speaks of. */
export function ticketOnWire(wire: readonly Exchange[], name: CommandName, by: Uint8Array): TicketOnWire {
  const said = wire.findLast((exchange) => exchange.name === name && exchange.side === 'product')
  if (said?.answer === undefined) throw new Error(`no ${name} on this wire`)
  const reader = new Reader(answerOutput(said.code, said.answer))
  return { timeout: reader.tpm2bWhole(), ticket: reader.rest(), by }
}

/** r || s from the TPMT_SIGNATURE that TPM2_Sign answers. */
export function pointsOf(signature: Uint8Array): Uint8Array {
  const reader = new Reader(signature)
  reader.take(4)
  const half = () => Uint8Array.from(Buffer.from(hex(reader.tpm2b()).padStart(64, '0'), 'hex'))
  return concat(half(), half())
}

/** cpHash of NV_Write(P, P, {0, tries}, 0) on the card's own index. */
const resetCpHash = ({ file }: CardOwner): Uint8Array =>
  digestOf(u32(CC.NV_Write), file.pin.name, file.pin.name, nvWrite(pinCounter(0, file.pin.tries)))

/** policyRef of the help desk for a card. */
export const helpDeskRef = (cardId: Uint8Array): Uint8Array => concat(ascii('unblock'), cardId)
/** How long a response of the help desk serves. */
export const CHALLENGE_SECONDS = 900

/** What an attacker can prove: authValues by role, and a signature of the help desk. */
export interface Proofs {
  readonly pin?: Uint8Array
  readonly puk?: Uint8Array
  readonly signed?: (policy: number) => Promise<unknown>
}

const owner: Auth = password()

export class Attacker {
  readonly witness: Witness
  constructor(witness: Witness) {
    this.witness = witness
  }

  // --- NV indices, as the owner of the TPM ----------------------------------------------------------------------

  async area(handle: number): Promise<IndexArea> {
    const area = new Reader((await this.witness.must('NV_ReadPublic', { handles: [handle] })).tpm2b())
    area.take(6)
    return { handle, attributes: (area.u32() & ~NV.written) >>> 0, policy: area.tpm2b() }
  }

  async define({ handle, attributes, policy }: IndexArea, auth: Uint8Array): Promise<void> {
    const params = [tpm2b(auth), nvPublic(handle, attributes, policy)]
    await this.witness.must('NV_DefineSpace', { handles: [RH.owner], params, auths: [owner] })
  }

  async undefine(handle: number): Promise<void> {
    await this.witness.must('NV_UndefineSpace', { handles: [RH.owner, handle], auths: [owner] })
  }

  /** Deletes an index and defines it anew with the same public area, or more attributes, and an authValue of choice. */
  async recreate(handle: number, auth: Uint8Array, moreAttributes = 0): Promise<void> {
    const area = await this.area(handle)
    await this.undefine(handle)
    await this.define({ ...area, attributes: (area.attributes | moreAttributes) >>> 0 }, auth)
  }

  /** NV_Write of {0, limit}; `by` is the index itself unless said otherwise. */
  async write(handle: number, limit: number, auth: Auth, by = handle): Promise<void> {
    const params = nvWrite(pinCounter(0, limit))
    await this.witness.must('NV_Write', { handles: [by, handle], params, auths: [auth] })
  }

  /** NV_Write of {0, limit} by the policy of the index. */
  async writeAs(policy: number, handle: number, limit: number): Promise<void> {
    await this.write(handle, limit, session(policy))
  }

  /** pinCount and pinLimit, read as the owner. */
  async counter(handle: number): Promise<readonly [number, number]> {
    const read = { handles: [RH.owner, handle], params: [u16(8), u16(0)], auths: [owner] }
    const value = new Reader((await this.witness.must('NV_Read', read)).tpm2b())
    return [value.u32(), value.u32()]
  }

  async setOwnerPassword(value: Uint8Array): Promise<void> {
    await this.witness.must('HierarchyChangeAuth', { handles: [RH.owner], params: tpm2b(value), auths: [owner] })
  }

  // --- Policies -------------------------------------------------------------------------------------------------

  async policySession(): Promise<number> {
    return (await this.witness.start('policy', { nonce: new Uint8Array(16).fill(1) })).handle
  }

  async step(name: CommandName, policy: number, ...params: Uint8Array[]): Promise<Reader> {
    return this.witness.must(name, { handles: [policy], params })
  }

  async commandCode(policy: number, name: CommandName): Promise<void> {
    await this.step('PolicyCommandCode', policy, u32(CC[name]))
  }

  /** PolicySecret of an index by its authValue. `seconds`: asks for a ticket that lives as long. */
  async secret(policy: number, handle: number, auth: Uint8Array, ref: string, seconds = 0): Promise<TicketOnWire> {
    const nonce = tpm2b(await this.witness.nonce(policy))
    const params = [nonce, EMPTY, tpm2b(ascii(ref)), i32(-seconds)]
    const by = await this.name(handle)
    const made = await this.witness.must('PolicySecret', { handles: [handle, policy], params, auths: [password(auth)] })
    return { timeout: made.tpm2bWhole(), ticket: made.rest(), by }
  }

  async ticket(policy: number, ref: Uint8Array, { timeout, ticket, by }: TicketOnWire): Promise<void> {
    await this.step('PolicyTicket', policy, timeout, EMPTY, tpm2b(ref), tpm2b(by), ticket)
  }

  /** PolicySigned by the public key in a TPM2B_PUBLIC. `signature` is r || s. */
  async signed(
    policy: number,
    key: Uint8Array,
    signature: Uint8Array,
    ref: Uint8Array,
    seconds = 0,
    nonce?: Uint8Array,
  ): Promise<TicketOnWire> {
    const params = [tpm2b(nonce ?? (await this.witness.nonce(policy))), EMPTY, tpm2b(ref), i32(-seconds)]
    return this.withKey(key, async (handle, by) => {
      const made = await this.witness.must('PolicySigned', {
        handles: [handle, policy],
        params: [...params, ecdsa(signature)],
      })
      return { timeout: made.tpm2bWhole(), ticket: made.rest(), by }
    })
  }

  /** PolicySigned with a response that the help desk gives to the challenge of this very session. */
  async answered(policy: number, owner: CardOwner): Promise<TicketOnWire> {
    const { cardId, helpDeskKey = new Uint8Array(0) } = owner.file
    const signature = owner.respond(await this.witness.nonce(policy))
    return this.signed(policy, helpDeskKey, signature, helpDeskRef(cardId), CHALLENGE_SECONDS)
  }

  /** PolicyAuthorize with a stored approval. `ref`: that of the index it was made for, unless said otherwise. */
  async approve(policy: number, owner: CardOwner, approval: ApprovalName | Approval, ref = 'P sealed'): Promise<void> {
    const { file } = owner
    const found = typeof approval === 'string' ? file.approvals[approval] : approval
    if (found === undefined) throw new Error(`the card has no approval ${approval}`)
    await this.withKey(file.burnKey, async (handle, by) => {
      const digest = tpm2b(digestOf(found.policy, ascii(ref)))
      const checked = await this.witness.must('VerifySignature', {
        handles: [handle],
        params: [digest, ecdsa(found.signature)],
      })
      await this.step('PolicyAuthorize', policy, tpm2b(found.policy), tpm2b(ascii(ref)), tpm2b(by), checked.rest())
    })
  }

  /** Fulfils a stored approval of the card as this table has it, for `ref`. */
  async fulfil(policy: number, owner: CardOwner, approval: ApprovalName, table: LockTable, proofs: Proofs) {
    const { file } = owner
    for (const term of table.approvals[approval].policy) {
      if (term.term === 'secret') await this.secret(policy, file[term.of].handle, proofs[term.of] ?? OWN, term.ref)
      if (term.term === 'signed') await proofs.signed?.(policy)
      if (term.term === 'command') await this.commandCode(policy, term.code)
      if (term.term === 'written') await this.step('PolicyNvWritten', policy, u8(1))
      if (term.term === 'counterReset') await this.step('PolicyCpHash', policy, tpm2b(resetCpHash(owner)))
    }
    await this.approve(policy, owner, approval)
  }

  async changeAuth(policy: number, handle: number, newAuth: Uint8Array): Promise<void> {
    await this.witness.must('NV_ChangeAuth', { handles: [handle], params: tpm2b(newAuth), auths: [session(policy)] })
  }

  /** Uses a session of somebody else by its handle, without its HMAC key: TPM2_Sign of DIGEST. r || s. */
  async signIn(policy: number, key: number): Promise<Uint8Array> {
    const area = concat(u32(policy), tpm2b(new Uint8Array(16)), u8(1), EMPTY)
    const answer = await this.witness.raw(command(CC.Sign, [key], signDigest(DIGEST), [area]))
    if (answerCode(answer) !== 0) throw new Refused('Sign', answerCode(answer))
    return pointsOf(answerOutput(CC.Sign, answer))
  }

  // --- Keys -----------------------------------------------------------------------------------------------------

  /** Name of an NV index or object, from the TPM. */
  async name(handle: number): Promise<Uint8Array> {
    const index = handle >>> 24 === 1
    const read = await this.witness.must(index ? 'NV_ReadPublic' : 'ReadPublic', { handles: [handle] })
    read.tpm2b()
    return read.tpm2b()
  }

  async load(key: Pick<CardFileKey, 'public' | 'private'>): Promise<number> {
    const params = [key.private, key.public]
    return (await this.witness.must('Load', { handles: [SRK], params, auths: [password()] })).u32()
  }

  /** Runs `work` with a key blob of the card file loaded. */
  async withCardKey<T>(owner: CardOwner, where: Slot, work: (key: number) => Promise<T>): Promise<T> {
    const key = owner.file.keys[where]
    if (key === undefined) throw new Error(`no key in ${where}`)
    const handle = await this.load(key)
    try {
      return await work(handle)
    } finally {
      await this.witness.flush(handle)
    }
  }

  /** Signs MESSAGE with a key of the card: what most attacks are after. The signature is verified. */
  async sign(owner: CardOwner, auth: Auth, where: Slot = AUTHENTICATION): Promise<void> {
    await this.withCardKey(owner, where, async (key) => {
      const sign = { handles: [key], params: signDigest(DIGEST), auths: [auth] }
      const signature = (await this.witness.must('Sign', sign)).rest()
      assert.ok(owner.verifies(MESSAGE, pointsOf(signature), where), 'the signature verifies')
    })
  }

  /** Proves an authValue of P under `ref` and signs with a key of the card. */
  async signWith(owner: CardOwner, auth: Uint8Array, ref = 'use', where: Slot = AUTHENTICATION): Promise<void> {
    const policy = await this.policySession()
    await this.secret(policy, owner.file.pin.handle, auth, ref)
    await this.sign(owner, session(policy), where)
    await this.witness.flush(policy)
  }

  /** Loads a public key into the owner hierarchy for the time of `work`. */
  async withKey<T>(key: Uint8Array, work: (handle: number, name: Uint8Array) => Promise<T>): Promise<T> {
    const loaded = await this.witness.must('LoadExternal', { params: [EMPTY, key, u32(RH.owner)] })
    const [handle, name] = [loaded.u32(), loaded.tpm2b()]
    try {
      return await work(handle, name)
    } finally {
      await this.witness.flush(handle)
    }
  }
}
