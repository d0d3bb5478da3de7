// takes: 8 s
// The keys themselves, loaded by somebody who has the card file: with an empty password, with the PIN, under another
// authValue, under another parent; and attested. reference/pin-lock.md, sections 5 (B6) and 6.
import { createECDH, generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { partsOf } from '../../src/piv/private-key.ts'
import { createTpmCard } from '../../src/tpm/open.ts'
import { CC } from '../support/codes.ts'
import { ALG, create, eccKey, NV, OBJECT, RH } from '../support/templates.ts'
import { ascii, concat, EMPTY, hex, Reader, tpm2b, u16, u32 } from '../support/wire.ts'
import { type Auth, password, session } from '../support/witness.ts'
import { type Attacker, digestOf, OWN, SRK } from './support/attacker.ts'
import { AUTHENTICATION, type CardOwner, cardRequest } from './support/owner.ts'
import { type Attack, battery, Nothing, onEach, type Row, refused, type Scene } from './support/rows.ts'

const OWN_KEY = OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin
const NOTHING = new Uint8Array(0)
const ECDSA = concat(u16(ALG.ecdsa), u16(ALG.sha256))

/** Who tries: somebody without the PIN, or with it, or with it and a command code on top. */
type Who = 'nobody' | 'pin' | 'pin and command'
type Kind = 'generated' | 'imported' | 'never'

const ROLE = { Certify: CC.Certify, ObjectChangeAuth: CC.ObjectChangeAuth, Duplicate: CC.Duplicate } as const
type Act = keyof typeof ROLE

async function authOf(attacker: Attacker, owner: CardOwner, who: Who, act: Act): Promise<Auth> {
  if (who === 'nobody') return password()
  const policy = await attacker.policySession()
  await attacker.secret(policy, owner.file.pin.handle, owner.auth('pin', owner.pin), 'use')
  if (who === 'pin and command') await attacker.commandCode(policy, act)
  return session(policy)
}

/** Does to the key with this handle what needs its ADMIN or DUP role. */
const ACTS: Record<Act, (attacker: Attacker, key: number, auth: Auth) => Promise<void>> = {
  async Certify(attacker, key, auth) {
    const signer = await ownKey(attacker)
    const params = [tpm2b(ascii('challenge')), ECDSA]
    await attacker.witness.must('Certify', { handles: [key, signer], params, auths: [auth, password()] })
  },
  async ObjectChangeAuth(attacker, key, auth) {
    await attacker.witness.must('ObjectChangeAuth', { handles: [key, SRK], params: tpm2b(OWN), auths: [auth] })
  },
  async Duplicate(attacker, key, auth) {
    const read = new Reader((await attacker.witness.must('ReadPublic', { handles: [key] })).tpm2b())
    const params = [EMPTY, u16(ALG.null)]
    const out = await attacker.witness.must('Duplicate', { handles: [key, RH.null], params, auths: [auth] })
    out.tpm2b()
    const sensitive = new Reader(new Reader(out.tpm2b()).tpm2b())
    sensitive.take(2)
    sensitive.tpm2b()
    sensitive.tpm2b()
    const pair = createECDH('prime256v1')
    pair.setPrivateKey(sensitive.tpm2b())
    assert.ok(hex(read.rest()).includes(pair.getPublicKey('hex').slice(2, 66)), 'the private half is in clear')
  },
}

/** A signing key of the attacker's under the SRK, loaded. `attributes`, `policy`: as a weaker card would have them. */
async function ownKey(attacker: Attacker, attributes?: number, policy?: Uint8Array): Promise<number> {
  const shape = { ...(attributes === undefined ? {} : { attributes }), ...(policy === undefined ? {} : { policy }) }
  const params = create(eccKey(shape))
  const made = await attacker.witness.must('Create', { handles: [SRK], params, auths: [password()] })
  return attacker.load({ private: made.tpm2bWhole(), public: made.tpm2bWhole() })
}

async function cardOf({ card }: Scene, kind: Kind): Promise<CardOwner> {
  const owner = await card({ keys: kind === 'imported' ? {} : { '9a': kind === 'never' ? 'never' : 'once' } })
  if (kind === 'imported') {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const found = partsOf(privateKey)
    if (found !== undefined) await owner.vault.keys.import(AUTHENTICATION, found.algorithm, found.parts, 'once')
  }
  await owner.vault.close()
  return owner
}

const onCardKey =
  (act: Act, kind: Kind, who: Who): Attack =>
  async (scene) => {
    const owner = await cardOf(scene, kind)
    const auth = await authOf(scene.attacker, owner, who, act)
    await scene.attacker.withCardKey(owner, AUTHENTICATION, (key) => ACTS[act](scene.attacker, key, auth))
  }

/** The same on a key without adminWithPolicy, or with a policy that has a branch for it. */
const onLooseKey =
  (act: Act): Attack =>
  async (scene) => {
    const { attacker } = scene
    await cardOf(scene, 'generated')
    const loose = OBJECT.userWithAuth | OBJECT.noDa | OBJECT.sign
    const code = digestOf(new Uint8Array(32), u32(CC.PolicyCommandCode), u32(CC.Duplicate))
    if (act !== 'Duplicate') return ACTS[act](attacker, await ownKey(attacker, OWN_KEY | loose), password())
    const key = await ownKey(attacker, loose | OBJECT.sensitiveDataOrigin, code)
    const policy = await attacker.policySession()
    await attacker.commandCode(policy, 'Duplicate')
    await ACTS[act](attacker, key, session(policy))
  }

// A generated key is fixed to its parent: TPM2_Duplicate looks at that after the authorisation. What anybody may do to a
// generated key, and what it is good for: attested.test.ts.
const REFUSALS: ReadonlyArray<readonly [Act, Kind, Who, string]> = [
  ['Certify', 'imported', 'nobody', 'Certify 0x124'],
  ['Certify', 'imported', 'pin', 'Certify 0x99d'],
  ['Certify', 'imported', 'pin and command', 'Certify 0x99d'],
  ['ObjectChangeAuth', 'imported', 'nobody', 'ObjectChangeAuth 0x124'],
  ['ObjectChangeAuth', 'imported', 'pin', 'ObjectChangeAuth 0x99d'],
  ['ObjectChangeAuth', 'imported', 'pin and command', 'ObjectChangeAuth 0x99d'],
  ['Duplicate', 'generated', 'nobody', 'Duplicate 0x124'],
  ['Duplicate', 'generated', 'pin', 'Duplicate 0x99d'],
  ['Duplicate', 'generated', 'pin and command', 'Duplicate 0x99d'],
  ['Duplicate', 'never', 'nobody', 'Duplicate 0x124'],
  ['Duplicate', 'imported', 'nobody', 'Duplicate 0x124'],
  ['Duplicate', 'imported', 'pin', 'Duplicate 0x99d'],
  ['Duplicate', 'imported', 'pin and command', 'Duplicate 0x99d'],
]

battery([
  ...REFUSALS.map(
    ([act, kind, who, held]): Row => ({
      id: '6',
      what: `${act} of a key (${kind}) by ${who}`,
      held,
      weak: onLooseKey(act),
      attack: onCardKey(act, kind, who),
    }),
  ),
  {
    id: '3.1',
    what: 'a key signs with an empty password',
    held: 'Sign 0x12f',
    async weak({ card, attacker }) {
      const owner = await card({ keys: { '9a': 'never' } })
      await attacker.sign(owner, password())
    },
    async attack({ card, attacker }) {
      const owner = await card()
      await owner.vault.close()
      await attacker.sign(owner, password())
    },
  },
  {
    id: '6',
    what: 'an empty PIN signs with no PIN',
    held: 'an empty secret is refused',
    async weak({ attacker }) {
      const attributes = NV.pinFail | NV.noDa | NV.ownerRead | NV.ownerWrite
      await attacker.define({ handle: 0x01800042, attributes, policy: NOTHING }, NOTHING)
      await attacker.write(0x01800042, 3, password(), RH.owner)
      await attacker.secret(await attacker.policySession(), 0x01800042, NOTHING, 'use')
    },
    async attack({ attacker, bench }) {
      for (const empty of [{ pin: ascii('') }, { puk: ascii('') }]) {
        const made = createTpmCard(bench.place, cardRequest(empty)).then(
          () => undefined,
          (error: unknown) => error,
        )
        if (!((await made) instanceof TypeError)) return
      }
      const listed = await attacker.witness.must('GetCapability', { params: [u32(1), u32(0x01000000), u32(64)] })
      listed.take(5)
      assert.is(listed.u32(), 0, 'nothing was made')
      throw new Nothing('an empty secret is refused')
    },
  },
])

onEach('B6 a generated key can be attested by what was kept of its creation, an imported one cannot', async (scene) => {
  const { attacker } = scene
  const owner = await cardOf(scene, 'generated')
  const { creation } = owner.file.keys['9a'] ?? {}
  assert.ok(creation)
  const signer = await ownKey(attacker)
  const certify = (key: number, hash: Uint8Array) =>
    attacker.witness.must('CertifyCreation', {
      handles: [signer, key],
      params: [tpm2b(ascii('challenge')), tpm2b(hash), ECDSA, creation.ticket],
      auths: [password()],
    })
  await attacker.withCardKey(owner, AUTHENTICATION, async (key) => {
    const attest = new Reader((await certify(key, creation.hash)).tpm2b())
    assert.is(attest.u32(), 0xff544347, 'TPM_GENERATED_VALUE')
    assert.is(attest.u16(), 0x801a, 'TPM_ST_ATTEST_CREATION')
    attest.tpm2b()
    assert.equal(attest.tpm2b(), ascii('challenge'))
    attest.take(17 + 8)
    assert.equal(attest.tpm2b(), await attacker.name(key))
    assert.equal(attest.tpm2b(), creation.hash)
    assert.equal(creation.hash, digestOf(creation.data.slice(2)), 'creationHash is that of the creation data')
    assert.is(await refused(certify(key, digestOf(creation.hash))), 'CertifyCreation 0x4e0')
  })
  const imported = await cardOf(scene, 'imported')
  assert.is(imported.file.keys['9a']?.creation, undefined)
})

onEach('keys have the attributes of docs/lock.md and no others', async (scene) => {
  const { attacker } = scene
  const always = OBJECT.noDa | OBJECT.sign | OBJECT.decrypt
  const expected = {
    generated: always | OWN_KEY,
    imported: always | OBJECT.adminWithPolicy,
    never: always | OWN_KEY | OBJECT.userWithAuth,
  } as const
  for (const kind of ['generated', 'imported', 'never'] as const) {
    const owner = await cardOf(scene, kind)
    await attacker.withCardKey(owner, AUTHENTICATION, async (key) => {
      const area = new Reader((await attacker.witness.must('ReadPublic', { handles: [key] })).tpm2b())
      area.take(4)
      assert.is(area.u32(), expected[kind], kind)
      assert.is(area.tpm2b().length, kind === 'never' ? 0 : 32)
    })
  }
})

test.run()
