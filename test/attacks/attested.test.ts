// takes: 6 s
// Keys that can be certified have no adminWithPolicy: anybody who has the blob may certify them, and change their authValue.
// Neither is a way to use them. docs/lock.md, "Attested".
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { CardFileKey } from '../../src/tpm/store/card-file.ts'
import { CC } from '../support/codes.ts'
import { ALG, create, eccKey, OBJECT, signDigest } from '../support/templates.ts'
import { ascii, concat, hex, Reader, tpm2b, u16, u32 } from '../support/wire.ts'
import { type Auth, password, session } from '../support/witness.ts'
import { type Attacker, DIGEST, digestOf, MESSAGE, OWN, pointsOf, SRK } from './support/attacker.ts'
import { AUTHENTICATION, type CardOwner } from './support/owner.ts'
import { battery, onEach, type Scene } from './support/rows.ts'

type Blob = Pick<CardFileKey, 'public' | 'private'>

const blobOf = (owner: CardOwner): Blob => {
  const key = owner.file.keys[AUTHENTICATION]
  if (key === undefined) throw new Error('the card has no key')
  return key
}

async function withBlob<T>(attacker: Attacker, blob: Blob, work: (key: number) => Promise<T>): Promise<T> {
  const handle = await attacker.load(blob)
  try {
    return await work(handle)
  } finally {
    await attacker.witness.flush(handle)
  }
}

/** The same key with an authValue of the attacker's. */
const changed = (attacker: Attacker, owner: CardOwner): Promise<Blob> =>
  withBlob(attacker, blobOf(owner), async (key) => {
    const order = { handles: [key, SRK], params: tpm2b(OWN), auths: [password()] }
    const out = await attacker.witness.must('ObjectChangeAuth', order)
    return { public: blobOf(owner).public, private: out.tpm2bWhole() }
  })

const sign = ({ witness }: Attacker, key: number, auth: Auth): Promise<Uint8Array> =>
  witness.must('Sign', { handles: [key], params: signDigest(DIGEST), auths: [auth] }).then((answer) => answer.rest())

async function signsAs(attacker: Attacker, owner: CardOwner, blob: Blob, auth: Auth): Promise<void> {
  const signature = await withBlob(attacker, blob, (key) => sign(attacker, key, auth))
  assert.ok(owner.verifies(MESSAGE, pointsOf(signature), AUTHENTICATION), 'the signature verifies')
}

async function cardOf({ card }: Scene, policy: 'once' | 'never' = 'once'): Promise<CardOwner> {
  const owner = await card({ keys: { '9a': policy } })
  await owner.vault.close()
  return owner
}

async function byAuthValue(attacker: Attacker): Promise<Auth> {
  const policy = await attacker.policySession()
  await attacker.step('PolicyAuthValue', policy)
  return session(policy, { auth: OWN })
}

/** The attacker's own key, whose policy is its authValue. */
async function keyByAuthValue(attacker: Attacker): Promise<Blob> {
  const policy = digestOf(new Uint8Array(32), u32(CC.PolicyAuthValue))
  const own = OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.noDa | OBJECT.sign
  const params = create(eccKey({ attributes: own, policy }), OWN)
  const made = await attacker.witness.must('Create', { handles: [SRK], params, auths: [password()] })
  return { private: made.tpm2bWhole(), public: made.tpm2bWhole() }
}

battery([
  {
    id: '6',
    what: 'a key signs with an authValue that somebody gave it',
    held: 'Sign 0x12f',
    async weak(scene) {
      const owner = await cardOf(scene, 'never')
      await signsAs(scene.attacker, owner, await changed(scene.attacker, owner), password(OWN))
    },
    async attack(scene) {
      const owner = await cardOf(scene)
      await signsAs(scene.attacker, owner, await changed(scene.attacker, owner), password(OWN))
    },
  },
  {
    id: '6',
    what: 'a key signs with such an authValue by a policy',
    held: 'Sign 0x99d',
    async weak(scene) {
      const { attacker } = scene
      await cardOf(scene) // makes the storage key
      const blob = await keyByAuthValue(attacker)
      await withBlob(attacker, blob, async (key) => sign(attacker, key, await byAuthValue(attacker)))
    },
    async attack(scene) {
      const owner = await cardOf(scene)
      const blob = await changed(scene.attacker, owner)
      await signsAs(scene.attacker, owner, blob, await byAuthValue(scene.attacker))
    },
  },
])

onEach(
  'anybody attests a key; an authValue of somebody else is another blob of it, and the PIN signs with both',
  async (scene) => {
    const { attacker } = scene
    const owner = await cardOf(scene)
    const signer = await attacker.load(await ownSigner(attacker))
    const name = await withBlob(attacker, blobOf(owner), (key) => attacker.name(key))
    const certified = (blob: Blob, auth: Auth) =>
      withBlob(attacker, blob, async (key) => {
        const params = [tpm2b(ascii('challenge')), concat(u16(ALG.ecdsa), u16(ALG.sha256))]
        const answer = await attacker.witness.must('Certify', {
          handles: [key, signer],
          params,
          auths: [auth, password()],
        })
        return new Reader(answer.tpm2b())
      })
    const other = await changed(attacker, owner)
    for (const [blob, auth] of [
      [blobOf(owner), password()],
      [other, password(OWN)],
    ] as const) {
      const attest = await certified(blob, auth)
      assert.is(attest.u32(), 0xff544347, 'TPM_GENERATED_VALUE')
      assert.is(attest.u16(), 0x8017, 'TPM_ST_ATTEST_CERTIFY')
      attest.tpm2b()
      assert.equal(attest.tpm2b(), ascii('challenge'))
      attest.take(17 + 8)
      assert.is(hex(attest.tpm2b()), hex(name), 'the Name does not depend on the authValue')
    }
    for (const blob of [blobOf(owner), other]) {
      const policy = await attacker.policySession()
      await attacker.secret(policy, owner.file.pin.handle, owner.auth('pin', owner.pin), 'use')
      await signsAs(attacker, owner, blob, session(policy))
      await attacker.witness.flush(policy)
    }
    assert.is(owner.file.keys[AUTHENTICATION]?.certifiable, true)
  },
)

/** A signing key of the attacker's. */
async function ownSigner(attacker: Attacker): Promise<Blob> {
  const made = await attacker.witness.must('Create', { handles: [SRK], params: create(eccKey()), auths: [password()] })
  return { private: made.tpm2bWhole(), public: made.tpm2bWhole() }
}

test.run()
