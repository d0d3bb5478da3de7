// takes: 6 s
// K writes the indices and approves policies, and is gone afterwards. Somebody on the wire records everything that is said while the
// card is made, and wants to have K again: at once, after a TPM reset, or by having it made elsewhere. docs/lock.md, "Burned".
import { randomBytes } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTpmCard } from '../../src/tpm/open.ts'
import { CC } from '../support/codes.ts'
import { ALG, create, eccKey, OBJECT, RH, signDigest } from '../support/templates.ts'
import { answerOutput, concat, hex, parseCommand, Reader, tpm2b, u16, u32 } from '../support/wire.ts'
import { password } from '../support/witness.ts'
import { type Attacker, DIGEST, SRK } from './support/attacker.ts'
import { cardRequest } from './support/owner.ts'
import { type Attack, battery, onEach, refused, type Scene } from './support/rows.ts'

const SIGNS = OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.userWithAuth | OBJECT.noDa
const KEY = SIGNS | OBJECT.sign

/** What crossed the wire when the card was made. */
interface Recorded {
  /** Parameters of the TPM2_CreatePrimary in the NULL hierarchy. */
  readonly parent: Uint8Array
  /** The blob of K: TPM2B_PRIVATE, TPM2B_PUBLIC. */
  readonly key: Uint8Array
}

function recorded({ bench }: Scene, burnKey: Uint8Array): Recorded {
  const said = bench.proxy.wire.filter(({ side }) => side === 'product')
  const parent = said.find(
    ({ name, command }) => name === 'CreatePrimary' && parseCommand(command).handles[0] === RH.null,
  )
  const made = said.find(
    ({ name, answer = new Uint8Array(0) }) => name === 'Create' && hex(answer).includes(hex(burnKey)),
  )
  assert.ok(parent && made?.answer, 'K crossed the wire')
  const answer = new Reader(answerOutput(CC.Create, made.answer))
  return { parent: parseCommand(parent.command).params, key: concat(answer.tpm2bWhole(), answer.tpm2bWhole()) }
}

/** The parent of K made again, and K loaded under it. */
async function loadAgain({ witness }: Attacker, { parent, key }: Recorded, hierarchy: number = RH.null) {
  const made = await witness.must('CreatePrimary', { handles: [hierarchy], params: parent, auths: [password()] })
  return (await witness.must('Load', { handles: [made.u32()], params: key, auths: [password()] })).u32()
}

const signs = ({ witness }: Attacker, key: number) =>
  witness.must('Sign', { handles: [key], params: signDigest(DIGEST), auths: [password()] })

const recordedCard = async (scene: Scene): Promise<Recorded> => {
  const owner = await scene.card({ keys: {} })
  await owner.vault.close()
  return recorded(scene, owner.file.burnKey)
}

/** A primary key whose template has random octets in `unique`, as K could be. */
const primaryKey = (): Uint8Array =>
  create(
    tpm2b(
      ...[u16(ALG.ecc), u16(ALG.sha256), u32(KEY), tpm2b(new Uint8Array(0))],
      ...[ALG.null, ALG.null, 3, ALG.null].map(u16),
      ...[tpm2b(randomBytes(32)), tpm2b(randomBytes(32))],
    ),
  )

const madeTwice: Attack = async ({ attacker: { witness } }) => {
  const params = primaryKey()
  const make = async () => {
    const made = await witness.must('CreatePrimary', { handles: [RH.null], params, auths: [password()] })
    return { handle: made.u32(), area: made.tpm2b() }
  }
  const first = await make()
  await witness.flush(first.handle)
  const again = await make()
  assert.equal(again.area, first.area, 'the same key')
  await witness.must('Sign', { handles: [again.handle], params: signDigest(DIGEST), auths: [password()] })
}

/** A key whose blob outlives a reset, since its parent does. */
const underStorageKey: Attack = async ({ attacker, bench, card }) => {
  await card({ keys: {} })
  const params = create(eccKey({ attributes: KEY }))
  const made = await attacker.witness.must('Create', { handles: [SRK], params, auths: [password()] })
  const blob = { private: made.tpm2bWhole(), public: made.tpm2bWhole() }
  await bench.reset()
  await signs(attacker, await attacker.load(blob))
}

battery([
  {
    id: 'K1',
    what: 'K is made again from what crossed the wire, before the next TPM reset',
    held: 'Sign 0x9a2',
    weak: madeTwice,
    async attack(scene) {
      await signs(scene.attacker, await loadAgain(scene.attacker, await recordedCard(scene)))
    },
  },
  {
    id: 'K2',
    what: 'K is loaded again after a TPM reset',
    held: 'Load 0x1df',
    weak: underStorageKey,
    async attack(scene) {
      const said = await recordedCard(scene)
      await scene.bench.reset()
      await loadAgain(scene.attacker, said)
    },
  },
])

onEach('K3 a parent of another hierarchy is noticed, and nothing is left', async ({ bench, attacker }) => {
  const { proxy } = bench
  proxy.hooks.onCommand = ({ name, command }) => {
    if (name !== 'CreatePrimary' || parseCommand(command).handles[0] !== RH.null) return undefined
    const elsewhere = Uint8Array.from(command)
    elsewhere.set(u32(RH.owner), 10)
    return elsewhere
  }
  assert.is(await refused(createTpmCard(bench.place, cardRequest())), 'ERR_TPM_TAMPERED')
  proxy.hooks = {}
  const listed = await attacker.witness.must('GetCapability', { params: [u32(1), u32(0x01000000), u32(64)] })
  listed.take(5)
  assert.is(listed.u32(), 0, 'no NV index')
})

onEach('K4 nothing of K is left in the TPM when the card is made', async (scene) => {
  const owner = await scene.card({ keys: {} })
  const listed = await scene.attacker.witness.must('GetCapability', { params: [u32(1), u32(0x80000000), u32(64)] })
  listed.take(5)
  const handles = Array.from({ length: listed.u32() }, () => listed.u32())
  for (const handle of handles) {
    const area = (await scene.attacker.witness.must('ReadPublic', { handles: [handle] })).tpm2bWhole()
    assert.not.equal(area, owner.file.burnKey)
  }
})

test.run()
