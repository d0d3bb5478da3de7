// takes: 5 s
// Two cards in one TPM, made with the same parameters: nothing of one serves the other. The second run of each row is
// the same attack with a card's own things, which must work. reference/pin-lock.md, sections 5 (B5) and 6.
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { helpDeskKeyBlob } from '../../src/tpm/help-desk.ts'
import { CC } from '../support/codes.ts'
import { NV, RH } from '../support/templates.ts'
import { ascii, concat, i32, u32 } from '../support/wire.ts'
import { password, session } from '../support/witness.ts'
import { CHALLENGE_SECONDS, digestOf, helpDeskRef, OWN, ticketOnWire } from './support/attacker.ts'
import type { CardOwner } from './support/owner.ts'
import { type Attack, battery, type Row, type Scene } from './support/rows.ts'

type Theft = (scene: Scene, of: CardOwner, by: CardOwner) => Promise<void>

/** The attacker knows everything of `by`, a card of his own, and wants to use `of`. */
const theft = (id: string, what: string, held: string, act: Theft): Row => {
  const run =
    (own: boolean): Attack =>
    async (scene) => {
      const { privateKey: helpDesk } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const of = await scene.card({ helpDesk })
      const by = own ? of : await scene.card({ helpDesk })
      await by.verifyPin()
      for (const owner of [of, by]) await owner.vault.close()
      await act(scene, of, by)
    }
  return { id, what, held, attack: run(false), weak: run(true) }
}

/** A response to the challenge of card `by`; claimed for `ref`. */
const response =
  (refOf: (of: CardOwner, by: CardOwner) => CardOwner): Theft =>
  async ({ attacker }, of, by) => {
    const policy = await attacker.policySession()
    const nonce = await attacker.witness.nonce(policy)
    const signature = by.respond(nonce)
    const { helpDeskKey = new Uint8Array(0) } = of.file
    const ref = helpDeskRef(refOf(of, by).file.cardId)
    await attacker.signed(policy, helpDeskKey, signature, ref, CHALLENGE_SECONDS, nonce)
    await attacker.commandCode(policy, 'NV_ChangeAuth')
    await attacker.approve(policy, of, 'helpDeskPin')
    await attacker.changeAuth(policy, of.file.pin.handle, OWN)
    await attacker.signWith(of, OWN)
  }

/** Two indices whose help desk signs without a card id: a response for the one opens the other. */
const noCardId: Attack = async ({ attacker }) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = helpDeskKeyBlob(publicKey)
  const name = await attacker.withKey(key, async (_, by) => by)
  const signed = digestOf(digestOf(new Uint8Array(32), u32(CC.PolicySigned), name))
  const policyDigest = digestOf(signed, u32(CC.PolicyCommandCode), u32(CC.NV_ChangeAuth))
  const attributes = NV.pinFail | NV.noDa | NV.ownerRead | NV.ownerWrite | NV.policyWrite
  const [asked, other] = [0x01800051, 0x01800052]
  for (const handle of [asked, other]) {
    await attacker.define({ handle, attributes, policy: policyDigest }, digestOf(u32(handle)))
    await attacker.write(handle, 3, password(), RH.owner)
  }
  const policy = await attacker.policySession()
  const nonce = await attacker.witness.nonce(policy)
  const said = concat(nonce, i32(-CHALLENGE_SECONDS))
  const signature = sign('sha256', said, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  await attacker.signed(policy, key, signature, new Uint8Array(0), CHALLENGE_SECONDS, nonce)
  await attacker.commandCode(policy, 'NV_ChangeAuth')
  await attacker.changeAuth(policy, other, OWN)
  await attacker.secret(policy, other, OWN, 'use')
}

battery([
  theft('6', "another card's PIN signs", 'Sign 0x99d', async ({ attacker }, of, by) => {
    const policy = await attacker.policySession()
    await attacker.secret(policy, by.file.pin.handle, by.auth('pin', by.pin), 'use')
    await attacker.sign(of, session(policy))
  }),
  theft(
    '6',
    'the same PIN on another card is another authValue',
    'PolicySecret 0x9a2',
    async ({ attacker }, of, by) => {
      await attacker.signWith(of, by.auth('pin', by.pin))
    },
  ),
  theft('6', "another card's ticket", 'PolicyTicket 0x5e0', async ({ attacker, bench }, of, by) => {
    const policy = await attacker.policySession()
    await attacker.ticket(policy, ascii('use'), ticketOnWire(bench.proxy.wire, 'PolicySecret', of.file.pin.name))
    await attacker.sign(of, session(policy))
    assert.ok(by)
  }),
  theft('6', "another card's PUK and approval", 'NV_ChangeAuth 0x99d', async ({ attacker, table }, of, by) => {
    const policy = await attacker.policySession()
    await attacker.fulfil(policy, by, 'unblockPin', table, { puk: by.auth('puk', by.puk) })
    await attacker.changeAuth(policy, of.file.pin.handle, OWN)
    await attacker.signWith(of, OWN)
  }),
  theft('6', "another card's PUK, this card's approval", 'PolicyAuthorize 0x1c4', async ({ attacker }, of, by) => {
    const policy = await attacker.policySession()
    await attacker.secret(policy, by.file.puk.handle, by.auth('puk', by.puk), 'reset')
    await attacker.commandCode(policy, 'NV_ChangeAuth')
    await attacker.approve(policy, of, 'unblockPin')
    await attacker.changeAuth(policy, of.file.pin.handle, OWN)
    await attacker.signWith(of, OWN)
  }),
  theft('6', "another card's K approves", 'VerifySignature 0x2db', async ({ attacker }, of, by) => {
    const policy = await attacker.policySession()
    await attacker.secret(policy, by.file.puk.handle, by.auth('puk', by.puk), 'reset')
    await attacker.commandCode(policy, 'NV_ChangeAuth')
    const none = { policy: new Uint8Array(32), signature: new Uint8Array(64) }
    await attacker.approve(policy, of, by.file.approvals.unblockPin ?? none)
    await attacker.changeAuth(policy, of.file.pin.handle, OWN)
    await attacker.signWith(of, OWN)
  }),
  {
    ...theft(
      'B5',
      "a response for another card, with this card's id",
      'PolicySigned 0x5db',
      response((of) => of),
    ),
    weak: noCardId,
  },
  theft(
    'B5',
    'a response for another card, with its id',
    'PolicyAuthorize 0x1c4',
    response((_, by) => by),
  ),
])

test.run()
