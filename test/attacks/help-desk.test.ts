// takes: 6 s
// B5: what a response of the help desk is good for beyond the one unblocking it was given for. The attacker has talked
// the help desk into one response for a session of his own. reference/pin-lock.md, section 5.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ascii, contains } from '../support/wire.ts'
import { session } from '../support/witness.ts'
import { type Attacker, CHALLENGE_SECONDS, helpDeskRef, OWN, OWN_TOO, ticketOnWire } from './support/attacker.ts'
import { type CardOwner, NEW_PIN } from './support/owner.ts'
import { type Attack, battery, onEach, refused, type Scene } from './support/rows.ts'
import { HELP_DESK_SIGNS, ONE_INDEX_REF } from './support/tables.ts'

const NO_NONCE = new Uint8Array(0)

async function deskCard({ card }: Scene): Promise<CardOwner> {
  const owner = await card({ withHelpDesk: true })
  await owner.vault.close()
  return owner
}

/** PolicySigned with this signature, claiming this nonce and expiration. */
function claim(
  attacker: Attacker,
  policy: number,
  owner: CardOwner,
  signature: Uint8Array,
  nonce: Uint8Array,
  seconds = CHALLENGE_SECONDS,
) {
  const { cardId, helpDeskKey = NO_NONCE } = owner.file
  return attacker.signed(policy, helpDeskKey, signature, helpDeskRef(cardId), seconds, nonce)
}

/** Fulfilled by the help desk so far: sets the PIN of the card. */
async function setPin(attacker: Attacker, policy: number, owner: CardOwner, auth = OWN): Promise<void> {
  await attacker.commandCode(policy, 'NV_ChangeAuth')
  await attacker.approve(policy, owner, 'helpDeskPin')
  await attacker.changeAuth(policy, owner.file.pin.handle, auth)
}

/** One response, used twice in the same session. A help desk that signs no nonce signs for ever. */
const twice =
  (nonced: boolean): Attack =>
  async (scene) => {
    const { attacker } = scene
    const owner = await deskCard(scene)
    const policy = await attacker.policySession()
    const nonce = nonced ? await attacker.witness.nonce(policy) : NO_NONCE
    const response = owner.respond(nonce)
    await claim(attacker, policy, owner, response, nonce)
    await setPin(attacker, policy, owner)
    await claim(attacker, policy, owner, response, nonce)
    await setPin(attacker, policy, owner, OWN_TOO)
    await attacker.signWith(owner, OWN_TOO)
  }

/** A response for one session, used in another. `honest`: claims the nonce that was signed. */
const elsewhere =
  (nonced: boolean, honest: boolean): Attack =>
  async (scene) => {
    const { attacker } = scene
    const owner = await deskCard(scene)
    const nonce = nonced ? await attacker.witness.nonce(await attacker.policySession()) : NO_NONCE
    const response = owner.respond(nonce)
    const policy = await attacker.policySession()
    await claim(attacker, policy, owner, response, honest ? nonce : await attacker.witness.nonce(policy))
    await setPin(attacker, policy, owner)
    await attacker.signWith(owner, OWN)
  }

/** A response for 15 minutes, used for so many seconds. */
const forSeconds =
  (seconds: number): Attack =>
  async (scene) => {
    const { attacker } = scene
    const owner = await deskCard(scene)
    const policy = await attacker.policySession()
    const nonce = await attacker.witness.nonce(policy)
    await claim(attacker, policy, owner, owner.respond(nonce), nonce, seconds)
    await setPin(attacker, policy, owner)
    await attacker.signWith(owner, OWN)
  }

/** The ticket of an honest unblocking, off the wire, in a session of the recorder's own. */
const recordedTicket =
  (until: (scene: Scene) => Promise<void>): Attack =>
  async (scene) => {
    const { attacker, bench, card } = scene
    const owner = await card({ withHelpDesk: true })
    await owner.unblockByHelpDesk()
    const { cardId, helpDeskKey = NO_NONCE } = owner.file
    await owner.vault.close()
    const by = await attacker.withKey(helpDeskKey, async (_, name) => name)
    const ticket = ticketOnWire(bench.proxy.wire, 'PolicySigned', by)
    await until(scene)
    const policy = await attacker.policySession()
    await attacker.ticket(policy, helpDeskRef(cardId), ticket)
    await setPin(attacker, policy, owner)
    await attacker.signWith(owner, OWN)
  }

battery([
  { id: 'B5', what: 'the same response again', held: 'PolicySigned 0x1cf', weak: twice(false), attack: twice(true) },
  {
    id: 'B5',
    what: 'a response in another session, with the nonce it is for',
    held: 'PolicySigned 0x1cf',
    weak: elsewhere(false, true),
    attack: elsewhere(true, true),
  },
  {
    id: 'B5',
    what: 'a response in another session, with its nonce',
    held: 'PolicySigned 0x5db',
    weak: elsewhere(false, true),
    attack: elsewhere(true, false),
  },
  {
    id: 'B5',
    what: 'a response with a longer life',
    held: 'PolicySigned 0x5db',
    weak: forSeconds(CHALLENGE_SECONDS),
    attack: forSeconds(365 * 24 * 3600),
  },
  {
    id: 'B5',
    what: 'a response sets the PUK',
    held: 'NV_ChangeAuth 0x99d',
    weak: ONE_INDEX_REF,
    async attack(scene) {
      const { attacker } = scene
      const owner = await deskCard(scene)
      const policy = await attacker.policySession()
      await attacker.answered(policy, owner)
      await attacker.commandCode(policy, 'NV_ChangeAuth')
      await attacker.approve(policy, owner, 'helpDeskPin')
      await attacker.changeAuth(policy, owner.file.puk.handle, OWN)
      await attacker.secret(policy, owner.file.puk.handle, OWN, 'reset')
    },
  },
  {
    id: 'B5',
    what: 'a response signs',
    held: 'Sign 0x99d',
    weak: HELP_DESK_SIGNS,
    async attack(scene) {
      const owner = await deskCard(scene)
      const policy = await scene.attacker.policySession()
      await scene.attacker.answered(policy, owner)
      await scene.attacker.sign(owner, session(policy))
    },
  },
  {
    // Not promised: until then, and until it expires, who reads the wire can use it. The lock leaves it nowhere else.
    id: 'B5',
    what: 'the ticket of an unblocking, off the wire, after a reset of the TPM',
    held: 'PolicyTicket 0x5e0',
    weak: recordedTicket(async () => {}),
    attack: recordedTicket(({ bench }) => bench.reset()),
  },
])

/** Every octet of every file below a folder. */
function filesBelow(folder: string): Buffer {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path))
  return Buffer.concat(paths.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path)))
}

onEach('B5 the product keeps neither ticket nor session', async ({ attacker, bench, card }) => {
  const owner = await card({ withHelpDesk: true })
  const response = await owner.unblockByHelpDesk()
  const loaded = await attacker.witness.must('GetCapability', {
    params: Uint8Array.of(0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 16),
  })
  loaded.take(5)
  assert.is(loaded.u32(), 0, 'no session is left in the TPM')
  assert.is(bench.proxy.counts().PolicyTicket, 1, 'used once: for the tries')
  const { ticket } = ticketOnWire(bench.proxy.wire, 'PolicySigned', NO_NONCE)
  const disk = filesBelow(bench.place.home)
  for (const octets of [Buffer.from(ticket), Buffer.from(ticket.slice(-32))]) {
    assert.not.ok(disk.includes(octets) || disk.includes(octets.toString('base64').slice(4, -8)))
  }
  assert.ok(contains(disk, ascii(owner.name)), 'the files were read')

  const again = (pin: string) => owner.vault.pins.unblockWithResponse(response, ascii(pin))
  assert.is(await refused(again('11223344')), 'ERR_HELP_DESK_REFUSED', 'no challenge is pending')
  await owner.vault.pins.challenge()
  assert.is(await refused(again('11223344')), 'ERR_HELP_DESK_REFUSED', 'another challenge is')
  await owner.verifyPin(NEW_PIN)
})

test.run()
