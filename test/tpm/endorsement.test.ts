// takes: 12 s
// Endorsement keys, with certificates by swtpm's own CA, and credential activation: the credential is made by tpm2-tools, which
// needs no TPM for it.
import { createHash, X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodePublic, objectName, publicKeyOf } from '../../src/tpm/codec/public.ts'
import { sized } from '../../src/tpm/codec/wire.ts'
import { command, NO_PASSWORD } from '../../src/tpm/command.ts'
import { CC, RH } from '../../src/tpm/constants.ts'
import { acquireDevice, releaseDevice } from '../../src/tpm/devices.ts'
import { createTpmCard } from '../../src/tpm/open.ts'
import type { TpmVault } from '../../src/tpm/vault/vault.ts'
import { cardRequest, PIN, slot } from '../attacks/support/owner.ts'
import { makeCredential } from '../support/credential.ts'
import { endorsementCa, type Swtpm, startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'

async function withCard(certified: boolean, work: (vault: TpmVault, swtpm: Swtpm) => Promise<void>): Promise<void> {
  const swtpm = await startSwtpm({ certified })
  try {
    const vault = await createTpmCard({ home: tempDir('home'), tcti: swtpm.tcti }, cardRequest())
    await work(vault, swtpm).finally(() => vault.close())
  } finally {
    await swtpm.stop()
  }
}

const SECRET = Uint8Array.from(createHash('sha256').update('the secret of the CA').digest())

/** Whether the card decrypts what is meant for this endorsement key and the attestation key. */
async function activates({ attestor }: TpmVault, ek: Uint8Array, name?: Uint8Array): Promise<string> {
  const { public: area } = await attestor.ak()
  const { credential, secret } = await makeCredential(ek, name ?? objectName(area), SECRET)
  return attestor.activate(ek, credential, secret).then(
    (found) => (Buffer.from(found).equals(SECRET) ? 'activated' : 'another secret'),
    (error) => error.response ?? error.code,
  )
}

test('each endorsement key with a certificate in NV is found, fits its certificate, and activates', () =>
  withCard(true, async (vault, swtpm) => {
    const ca = endorsementCa(swtpm)
    const [issuer, root] = [new X509Certificate(ca.issuer), new X509Certificate(ca.root)]
    assert.ok(issuer.verify(root.publicKey))
    const found = await vault.attestor.endorsementKeys()
    assert.equal(
      found.map(({ public: area }) => decodePublic(area, 'any').type),
      ['rsa', 'ecc'],
    )
    for (const { public: area, certificate } of found) {
      assert.ok(certificate)
      const parsed = new X509Certificate(certificate)
      assert.ok(parsed.verify(issuer.publicKey))
      assert.ok(parsed.publicKey.equals(publicKeyOf(decodePublic(area, 'any'))))
      assert.is(await activates(vault, area), 'activated')
    }
  }))

test('a TPM without certificates has its P-256 endorsement key', () =>
  withCard(false, async (vault) => {
    const [only, ...others] = await vault.attestor.endorsementKeys()
    assert.ok(only)
    assert.equal([others.length, only.certificate], [0, undefined])
    assert.is(await activates(vault, only.public), 'activated')
  }))

test('there is room for both keys in a bare TPM while the card has its own loaded, and a PIN verified', () =>
  withCard(false, async (vault) => {
    for (const where of ['9a', '9c']) {
      await vault.keys.generate(slot(where), { algorithm: 'P-256', pinPolicy: where === '9a' ? 'once' : 'always' })
    }
    const signs = async (where: string) => (await vault.keys.signDigest(slot(where), SECRET)).length
    await vault.pins.verifyPin(new TextEncoder().encode(PIN))
    assert.equal([await signs('9a'), await signs('9c')], [64, 64])
    const [ek] = await vault.attestor.endorsementKeys()
    assert.ok(ek)
    assert.is(await activates(vault, ek.public), 'activated')
    assert.is(await signs('9a'), 64)
  }))

test('a credential for another key, or for the endorsement key of another TPM, is refused', () =>
  withCard(false, async (vault) => {
    const [ek] = await vault.attestor.endorsementKeys()
    assert.ok(ek)
    assert.is(await activates(vault, ek.public, objectName(ek.public)), 'INTEGRITY')
    await withCard(false, async (other) => {
      assert.is(await activates(other, ek.public), 'ERR_TPM')
    })
  }))

test('a password of the endorsement hierarchy is a refusal in words', () =>
  withCard(false, async (vault, swtpm) => {
    const device = await acquireDevice({ tcti: swtpm.tcti, stateFile: '', createState: false })
    const password = command(CC.HierarchyChangeAuth, [RH.ENDORSEMENT], [NO_PASSWORD], sized(SECRET))
    await device.exclusive(() => device.run(password))
    await releaseDevice(device)
    const code = await vault.attestor.endorsementKeys().catch((error) => error.code)
    assert.is(code, 'ERR_TPM_OWNER_AUTH')
  }))

test.run()
