// takes: 10 s
// What the TPM states about a card: its keys, its PIN counter, its attestation key. Read by the verifier, which knows
// nothing of how it was made.
import { createHash, generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeEvidence } from '../../src/attest/evidence.ts'
import { verifyAttestation } from '../../src/attest/index.ts'
import { partsOf } from '../../src/piv/private-key.ts'
import type { PinPolicy } from '../../src/piv/slots.ts'
import { keyTemplate } from '../../src/tpm/codec/public.ts'
import { EMPTY_SIZED, sized, u32 } from '../../src/tpm/codec/wire.ts'
import { command } from '../../src/tpm/command.ts'
import { CC as COMMANDS } from '../../src/tpm/constants.ts'
import { acquireDevice, releaseDevice } from '../../src/tpm/devices.ts'
import { asSrk, keyAttributes, keyPolicy } from '../../src/tpm/keys/create.ts'
import { policyFacts } from '../../src/tpm/lock/context.ts'
import { LOCK } from '../../src/tpm/lock/table.ts'
import { openTpmCard } from '../../src/tpm/open.ts'
import type { CardFileKey } from '../../src/tpm/store/card-file.ts'
import type { TpmVault } from '../../src/tpm/vault/vault.ts'
import { Attacker } from '../attacks/support/attacker.ts'
import { BACKENDS, type BackendName, type Bench, startBench } from '../attacks/support/bench.ts'
import { resealFile } from '../attacks/support/card-file.ts'
import { AUTHENTICATION, type CardOptions, type CardOwner, issueCard, slot } from '../attacks/support/owner.ts'
import { create, eccKey, RH } from '../support/templates.ts'
import { password } from '../support/witness.ts'

const NONCE = Uint8Array.from(createHash('sha256').update('nonce').digest())

function onEach(
  name: string,
  options: CardOptions,
  work: (owner: CardOwner, bench: Bench) => Promise<void>,
  backends: readonly BackendName[] = BACKENDS,
) {
  for (const backend of backends) {
    test(`${name} (${backend})`, async () => {
      const bench = await startBench(backend)
      try {
        const owner = await issueCard(bench, LOCK, options)
        await work(owner, bench).finally(() => owner.vault.close())
      } finally {
        await bench.stop()
      }
    })
  }
}

/** The verdict about the key in 9a. */
async function verdict({ attestor, card }: TpmVault, nonce = NONCE) {
  const needsPin = card.keys['9a']?.pinPolicy !== 'never'
  const evidence = writeEvidence({
    tesseraEvidence: 1,
    lock: attestor.lock,
    slot: '9a',
    key: await attestor.certifyKey(AUTHENTICATION, nonce),
    ak: { ...(await attestor.ak()), certificates: [] },
    ...(needsPin && { pin: await attestor.certifyPin(nonce) }),
    ek: [],
  })
  return verifyAttestation(evidence, { roots: [], nonce: NONCE, tier: 'self' })
}

for (const pinPolicy of ['once', 'always', 'never'] as const) {
  onEach(
    `a key that is ${pinPolicy} is certified, with its PIN rule`,
    { keys: { '9a': pinPolicy } },
    async ({ vault }) => {
      const { accepted, refusal, pin, key } = await verdict(vault)
      assert.is(accepted, true, refusal?.message)
      assert.equal(key?.publicKey, vault.keys.find(AUTHENTICATION)?.spki)
      assert.is(pin?.policy, pinPolicy)
      assert.equal([pin?.limit, pin?.wrong], pinPolicy === 'never' ? [undefined, undefined] : [3, 0])
    },
  )
}

onEach('K is proved to be dead once the TPM was reset', {}, async ({ vault }, bench) => {
  assert.equal(await burned(vault), ['until-reset', 0])
  await bench.reset()
  assert.equal(await burned(vault), ['proved', 1])
  await bench.reset()
  assert.equal(await burned(vault), ['proved', 2])
})

async function burned(vault: TpmVault) {
  const { pin } = await verdict(vault)
  return [pin?.burned, pin?.resets]
}

onEach('the nonce is in each statement', {}, async ({ vault }) => {
  assert.is(
    (
      await verdict(
        vault,
        NONCE.map((octet) => octet ^ 1),
      )
    ).refusal?.code,
    'nonce',
  )
})

onEach('wrong PINs are counted in the evidence', {}, async (owner) => {
  await owner.verifyPin('999999').catch(() => undefined)
  assert.is((await verdict(owner.vault)).pin?.wrong, 1)
})

onEach("the owner's password hides the counter, and the rest is proved", {}, async ({ vault }, bench) => {
  await new Attacker(bench.witness).setOwnerPassword(Uint8Array.of(1, 2, 3))
  const { accepted, pin } = await verdict(vault)
  assert.equal([accepted, pin?.policy, pin?.limit], [true, 'once', undefined])
})

onEach(
  'the attestation key is made once, is kept in the card file, and lives through a TPM reset',
  {},
  async (owner, bench) => {
    const { vault, file } = owner
    const { public: area } = await vault.attestor.ak()
    await verdict(vault)
    await bench.reset()
    assert.is((await verdict(vault)).accepted, true)
    assert.equal((await vault.attestor.ak()).public, area)
    assert.equal(owner.file.ak?.key.public.subarray(2), area)
    assert.equal(owner.file.keys, file.keys)
    const again = await openTpmCard(owner.place, owner.name)
    assert.equal((await again.attestor.ak()).public, area)
    await again.close()
  },
)

onEach('signatures go on between statements, with the ticket that they had', {}, async (owner) => {
  await owner.verifyPin()
  for (let round = 0; round < 3; round += 1) {
    await owner.sign(NONCE)
    assert.is((await verdict(owner.vault)).accepted, true)
  }
  assert.is((await owner.sign(NONCE)).length, 64)
})

onEach('an imported key and an empty slot have no evidence', { keys: {} }, async ({ vault }) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const found = partsOf(privateKey)
  assert.ok(found)
  await vault.keys.import(AUTHENTICATION, found.algorithm, found.parts, 'once')
  const code = (where: string) =>
    vault.attestor.certifyKey(slot(where), NONCE).then(
      () => 'certified',
      ({ code }) => code,
    )
  assert.equal([await code('9a'), await code('9c')], ['ERR_NOT_SUPPORTED', 'ERR_KEY_ABSENT'])
})

/** A key as earlier versions made it. */
async function earlierKey(owner: CardOwner, bench: Bench, pinPolicy: PinPolicy): Promise<CardFileKey> {
  const { file } = owner
  const policy = keyPolicy({ table: LOCK, facts: policyFacts(file) }, pinPolicy)
  const template = keyTemplate('P-256', keyAttributes({ pinPolicy, origin: 'generated' }), policy)
  const device = await acquireDevice({ tcti: bench.proxy.tcti, stateFile: '', createState: false })
  try {
    const srk = await device.srk(file.srk.name)
    const parameters = [sized(new Uint8Array(4)), sized(template), EMPTY_SIZED, u32(0)]
    const made = await device.exclusive(() =>
      asSrk(device, srk, (auth) => command(COMMANDS.Create, [srk], [auth], ...parameters)),
    )
    const [privateArea, publicArea] = [sized(made.sized()), sized(made.sized())]
    const creation = { data: sized(made.sized()), hash: made.sized(), ticket: made.rest() }
    return { algorithm: 'P-256', pinPolicy, origin: 'generated', public: publicArea, private: privateArea, creation }
  } finally {
    await releaseDevice(device)
  }
}

onEach('a key of an earlier version is used, and its creation is certified', {}, async (owner, bench) => {
  const key = await earlierKey(owner, bench, 'once')
  await owner.vault.close()
  await resealFile(owner.place, owner.name, (card) => ({ ...card, keys: { ...card.keys, '9a': key } }))
  const vault = await openTpmCard(owner.place, owner.name)
  try {
    assert.is((await vault.attestor.certifyKey(AUTHENTICATION, NONCE)).kind, 'creation')
    const { accepted, pin } = await verdict(vault)
    assert.equal([accepted, pin?.policy, pin?.limit], [true, 'once', 3])
    await vault.pins.verifyPin(new TextEncoder().encode(owner.pin))
    assert.is((await vault.keys.signDigest(AUTHENTICATION, NONCE)).length, 64)
  } finally {
    await vault.close()
  }
})

onEach(
  'a card of an earlier version gets its attestation key at first use, and says of K what it can',
  {},
  async (owner) => {
    await owner.vault.close()
    await resealFile(owner.place, owner.name, ({ ak: _, burn: __, ...card }) => card)
    const vault = await openTpmCard(owner.place, owner.name)
    try {
      assert.equal(await burned(vault), ['claimed', undefined])
      assert.equal((await vault.attestor.ak()).public, owner.file.ak?.key.public.subarray(2))
    } finally {
      await vault.close()
    }
  },
)

onEach('only a certificate of the attestation key is kept', {}, async ({ vault }) => {
  for (const wrong of [[], [NONCE]]) {
    const code = await vault.attestor.keepCertificates(wrong).then(
      () => 'kept',
      ({ code }) => code,
    )
    assert.is(code, 'ERR_CERTIFICATE_KEY')
  }
  assert.equal((await vault.attestor.ak()).certificates, [])
})

onEach(
  'other programs leave too little room in a bare TPM: the error says so, and the card serves afterwards',
  {},
  async (owner, bench) => {
    const foreign: number[] = []
    for (let made = 0; made < 2; made += 1) {
      const params = create(eccKey())
      const answer = await bench.witness.must('CreatePrimary', { handles: [RH.owner], params, auths: [password()] })
      foreign.push(answer.u32())
    }
    const code = await verdict(owner.vault).then(
      () => 'certified',
      ({ code }) => code,
    )
    assert.is(code, 'ERR_TPM_MEMORY')
    for (const handle of foreign) await bench.witness.flush(handle)
    assert.is((await verdict(owner.vault)).accepted, true)
  },
)

onEach('the creation of the attestation key is certified by itself', {}, async ({ vault }) => {
  const { attest, creationData } = await vault.attestor.certifyAk(NONCE)
  const hash = createHash('sha256').update(creationData).digest('hex')
  assert.ok(Buffer.from(attest).toString('hex').endsWith(hash))
})

test.run()
