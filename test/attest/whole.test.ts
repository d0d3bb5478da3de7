// takes: 8 s
// The whole way: a TPM whose maker certified its endorsement keys (swtpm_setup), a CA that activates the attestation key of the
// card, and evidence that proves all of it.
import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { collectEvidence } from '../../src/attest/collect.ts'
import { writeEvidence } from '../../src/attest/evidence.ts'
import { verdictPage } from '../../src/attest/page.ts'
import { endorsementKeyName } from '../../src/attest/tpm-certificates.ts'
import { verifyAttestation } from '../../src/attest/verify.ts'
import { equal } from '../../src/bytes.ts'
import { objectName, spkiOf } from '../../src/tpm/codec/public.ts'
import { createTpmCard, openTpmCard } from '../../src/tpm/open.ts'
import type { TpmVault } from '../../src/tpm/vault/vault.ts'
import { readCertificate } from '../../src/x509/certificate.ts'
import { cardRequest, PIN, slot } from '../attacks/support/owner.ts'
import { makeCredential } from '../support/credential.ts'
import { endorsementCa, startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { ascii } from '../support/wire.ts'
import { AK_PURPOSE, type Authority, authority, issue, NO_CA, tpmNames } from './support/authorities.ts'
import { NONCE } from './support/software-tpm.ts'

/** What swtpm says of itself. */
const NAMES = { '2.23.133.2.1': 'id:00001014', '2.23.133.2.2': 'swtpm', '2.23.133.2.3': 'id:20191023' }
const LONG = { days: 27_000 }
const SECRET = Uint8Array.from(createHash('sha256').update('the secret of the CA').digest())

/** The certificate of the card's attestation key, by a CA that activates a credential first. */
async function certify({ attestor }: TpmVault, ca: Authority): Promise<void> {
  const { public: area } = await attestor.ak()
  const [ek] = await attestor.endorsementKeys()
  assert.ok(ek?.certificate)
  const { credential, secret } = await makeCredential(ek.public, objectName(area), SECRET)
  assert.ok(equal(await attestor.activate(ek.public, credential, secret), SECRET))
  const publicKey = createPublicKey({ key: Buffer.from(spkiOf(area, 'any')), format: 'der', type: 'spki' })
  const names = tpmNames(NAMES, [endorsementKeyName(readCertificate(ek.certificate).spki)])
  const extensions = [NO_CA, AK_PURPOSE, names]
  await attestor.keepCertificates([await issue(ca, publicKey, { extensions, ...LONG }), ca.certificate])
}

test('a TPM with endorsement certificates, a card, an attestation CA, a verdict', async () => {
  const swtpm = await startSwtpm({ certified: true })
  try {
    const vault = await createTpmCard({ home: tempDir('home'), tcti: swtpm.tcti }, cardRequest())
    await vault.keys.generate(slot('9a'), { algorithm: 'P-256', pinPolicy: 'once' })
    const [ca, stranger] = [
      await authority('attestation CA', undefined, LONG),
      await authority('maker', undefined, LONG),
    ]
    await certify(vault, ca)
    await vault.pins.verifyPin(ascii(PIN))
    const evidence = await collectEvidence(vault.attestor, { slot: slot('9a'), pinPolicy: 'once' }, NONCE)
    await vault.close()
    const { issuer } = endorsementCa(swtpm)
    const maker = new X509Certificate(issuer)
    // The moment in which the last of the maker's certificates was made.
    const made = [
      maker,
      ...evidence.ek.flatMap(({ certificates }) => certificates.map((der) => new X509Certificate(der))),
    ]
    const at = new Date(Math.max(...made.map(({ validFrom }) => Date.parse(validFrom))))
    const options = { nonce: NONCE, at, tier: 'maker' } as const
    const text = writeEvidence(evidence)
    const verdict = verifyAttestation(text, { ...options, roots: [ca.certificate, Uint8Array.from(maker.raw)] })
    assert.is(verdict.refusal, undefined)
    assert.is(verdict.device?.tier, 'maker')
    assert.equal([verdict.device?.model, verdict.pin?.policy, verdict.pin?.limit], ['swtpm', 'once', 3])
    assert.match(verdictPage(verdict), /^Tier: +maker/m)
    const others = verifyAttestation(text, { ...options, roots: [ca.certificate, stranger.certificate] })
    assert.is(others.refusal?.code, 'untrusted')
  } finally {
    await swtpm.stop()
  }
})

test('the key that wrote the PIN counter: alive until the TPM is reset, and dead from then on', async () => {
  const swtpm = await startSwtpm()
  try {
    const place = { home: tempDir('home'), tcti: swtpm.tcti }
    const request = cardRequest()
    const vault = await createTpmCard(place, request)
    await vault.keys.generate(slot('9a'), { algorithm: 'P-256', pinPolicy: 'always' })
    const pinOf = async ({ attestor }: TpmVault) => {
      const evidence = await collectEvidence(attestor, { slot: slot('9a'), pinPolicy: 'always' }, NONCE)
      return verifyAttestation(writeEvidence(evidence), { nonce: NONCE, roots: [], tier: 'self' }).pin
    }
    const rule = { policy: 'always', limit: 3, wrong: 0 }
    assert.equal(await pinOf(vault), { ...rule, burned: 'until-reset', resets: 0 })
    await vault.close()
    for (const resets of [1, 2]) {
      await swtpm.restart()
      const again = await openTpmCard(place, request.name)
      assert.equal(await pinOf(again), { ...rule, burned: 'proved', resets })
      await again.close()
    }
  } finally {
    await swtpm.stop()
  }
})

test.run()
