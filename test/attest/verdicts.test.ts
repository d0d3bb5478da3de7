// What evidence proves: tiers, PIN rules, the burned counter, keys of before; and what it leaves open.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Gap, Verdict } from '../../src/attest/verdict.ts'
import { concat, sha256 } from '../../src/bytes.ts'
import { u16, u32 } from '../../src/tpm/codec/wire.ts'
import { OBJECT, RH } from '../../src/tpm/constants.ts'
import { LOCK, withoutSeal } from '../../src/tpm/lock/table.ts'
import { AT, akCertificate, revocationList } from './support/authorities.ts'
import { creationDataOf, creationOf, KEY_ATTRIBUTES, NONCE, NULL_PRIMARY } from './support/software-tpm.ts'
import { ca, card, changed, evidence, made, maker, options, root, signed, verify } from './support/world.ts'

const claims = ({ proofs }: Verdict) =>
  proofs.map(({ claim, by, name }) => [claim, by, ...(name ? [name] : [])].join(' '))

test('everything at once: the verdict says what is proved, and by whom', async () => {
  const revocations = [await revocationList(ca, []), await revocationList(root, []), await revocationList(maker, [])]
  const verdict = verify(evidence, { revocations, tier: 'maker' })
  assert.is(verdict.refusal, undefined)
  assert.ok(verdict.accepted)
  assert.equal(claims(verdict), [
    'key-made-in-tpm tpm',
    'fresh tpm',
    'pin-for-a-while tpm',
    'pin-limit tpm',
    'counter-burned tpm',
    'attestation-key-certified ca CN=root',
    'attestation-key-in-named-tpm ca CN=root',
    'tpm-by-maker ca CN=maker of TPMs',
  ])
  assert.equal(verdict.notProved, ['approvals'])
  assert.equal(verdict.pin, { policy: 'once', limit: 5, wrong: 1, burned: 'proved', resets: 1 })
  assert.equal(verdict.device, {
    ...{ kind: 'tpm', tier: 'maker', manufacturer: 'IBM', model: 'swtpm', version: 'id:20191023', serial: undefined },
  })
  const spki = card.card.publicKey.export({ type: 'spki', format: 'der' })
  assert.equal(verdict.key, { publicKey: Uint8Array.from(spki), algorithm: 'P-256', slot: '9a' })
  assert.is(verdict.format, 'tessera')
})

test('tiers', async () => {
  const alone = { ak: { certificates: [await akCertificate(ca, card.ak), ca.certificate] } }
  const rows = [
    ['self', made({ akCertificates: [] }), ['genuine-tpm', 'which-tpm', 'tpm-by-maker']],
    ['local', changed(alone), ['which-tpm', 'tpm-by-maker', 'revocation']],
    ['activated', made({ ek: [] }), ['tpm-by-maker', 'revocation']],
    ['maker', evidence, ['revocation']],
  ] as const
  for (const [tier, given, gaps] of rows) {
    const verdict = verify(given, { tier: 'self' })
    assert.is(verdict.device?.tier, tier)
    assert.equal(verdict.notProved, ['approvals', ...gaps], tier)
  }
})

test('the certificate of an attestation key may itself be what is trusted', () => {
  const [own = new Uint8Array(0)] = evidence.ak.certificates
  assert.is(verify(made({ ek: [] }), { roots: [own] }).device?.tier, 'activated')
})

test('roots as PEM, several in one text', () => {
  const pem = [root, maker].map(
    ({ certificate }) =>
      `-----BEGIN CERTIFICATE-----\n${Buffer.from(certificate).toString('base64')}\n-----END CERTIFICATE-----\n`,
  )
  assert.ok(verify(evidence, { roots: [Buffer.from(pem.join('text between\n'))] }).accepted)
})

test('a root that cannot be read is a mistake of the caller', () => {
  assert.throws(() => verify(evidence, { roots: [Uint8Array.of(0x30, 1, 2)] }), /cannot be read/)
})

test('PIN rules', () => {
  const never = made({ policy: 'never', keyAttributes: KEY_ATTRIBUTES | OBJECT.userWithAuth })
  assert.is(verify(made({ policy: 'always' })).pin?.policy, 'always')
  assert.ok(claims(verify(made({ policy: 'always' }))).includes('pin-for-each-use tpm'))
  assert.is(verify(never).pin?.policy, 'never')
  assert.ok(claims(verify(never)).includes('no-pin tpm'))
  const { pin: _, ...unknown } = evidence
  assert.is(verify(unknown).pin, undefined)
  assert.ok(verify(unknown).notProved.includes('pin'))
  assert.is(verify(made({ table: withoutSeal(LOCK) })).pin?.policy, 'once', 'a card of Tessera 0.1.0')
})

test('a limit that the owner of the TPM does not let read is not proved', () => {
  const verdict = verify(changed({ pin: { counter: undefined } }))
  assert.equal(verdict.pin, { policy: 'once', limit: undefined, wrong: undefined, burned: 'proved', resets: 1 })
  assert.ok(verdict.notProved.includes('pin-limit'))
})

test('burned: proved after a reset of the TPM, and not before', () => {
  const primary = concat(u16(0x000b), sha256('primary'))
  const child = creationDataOf(primary, concat(u16(0x000b), sha256(u32(RH.NULL), primary)))
  const rows: ReadonlyArray<readonly [Parameters<typeof made>[0], string, Gap | undefined]> = [
    [{ resets: 0 }, 'until-reset', 'counter-burned-until-reset'],
    [{ resets: 1 }, 'proved', undefined],
    [{ resets: 700 }, 'proved', undefined],
    [{ kCreation: child }, 'proved', undefined],
    [{ resets: -1 }, 'claimed', 'counter-burned'],
  ]
  for (const [change, burned, gap] of rows) {
    const verdict = verify(made(change))
    assert.is(verdict.pin?.burned, burned)
    assert.is(
      verdict.notProved.find((one) => one.startsWith('counter')),
      gap,
    )
  }
  assert.is(verify(changed({ pin: { burn: undefined } })).pin?.burned, 'claimed')
})

test('a key of before is attested by its creation', () => {
  const attest = creationOf(evidence.key.public, NULL_PRIMARY, { extraData: NONCE, resetCount: 0xffff_ffff })
  const creation = { kind: 'creation', creationData: NULL_PRIMARY, ...signed(attest) }
  assert.ok(verify(changed({ key: creation })).accepted)
})

test('the time is what the caller says', () => {
  assert.ok(verify(evidence, { at: AT }).accepted)
  assert.is(verify(evidence, { at: new Date(0) }).refusal?.code, 'not-yet-valid')
  assert.ok(options.at instanceof Date)
})

test.run()
