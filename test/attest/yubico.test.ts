// Attestations of Yubico's cards: real ones (of docker/tuf, ceremony of 2024-06-04; published there under the Apache License
// 2.0), and others of the same form. Both of Yubico's roots, and a card of firmware 5.7.4, whose chain has four steps.
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { YUBICO_INTERMEDIATES, YUBICO_ROOTS } from '../../src/attest/makers/yubico.ts'
import { verifyAttestation } from '../../src/attest/verify.ts'
import { equal, hex } from '../../src/bytes.ts'
import { integer } from '../../src/iso7816/der.ts'
import { ATTESTED } from '../../src/piv/yubico.ts'
import type { Extension } from '../../src/x509/extensions.ts'
import { writeName } from '../../src/x509/name.ts'
import { issued } from '../../src/x509/path.ts'
import { pemOf } from '../../src/x509/pem.ts'
import { root as repository } from '../runner/jobs.ts'
import { AT, authority, issue, NO_CA, revocationList } from './support/authorities.ts'
import { pair } from './support/software-tpm.ts'

const at = AT
const vector = (serial: string) => readFileSync(join(repository, `test/attest/vectors/yubikey-${serial}.pem`))
const verify = (text: Uint8Array | string, roots = YUBICO_ROOTS, more = {}) =>
  verifyAttestation(text, { roots, at, ...more })

test('the roots are the octets that Yubico publishes', () => {
  assert.equal(
    YUBICO_ROOTS.map((der) => hex(createHash('sha256').update(der).digest())),
    [
      '63ece914e54dd87915f34033c85af4c0696ba1512f8add66ced738331207b546',
      '62760c6a6ef91679f454c8902b80fd009825b3f25da90f1fbace2ec6586cd5a8',
    ],
  )
  const [, second = new Uint8Array(0)] = YUBICO_ROOTS
  const all = [second, ...YUBICO_INTERMEDIATES].map((der) => new X509Certificate(der))
  for (const one of all)
    assert.ok(
      all.some((issuer) => issued(one, issuer)),
      one.subject,
    )
  assert.is(YUBICO_INTERMEDIATES.length, 5)
})

test('cards that exist', () => {
  for (const [serial, version] of [
    ['25515003', undefined],
    ['28751288', undefined],
  ] as const) {
    const verdict = verify(vector(serial))
    assert.is(verdict.refusal, undefined)
    assert.is(verdict.format, 'yubico')
    assert.is(verdict.device?.serial, serial)
    assert.match(verdict.device?.version ?? '', /^5\.\d\.\d$/)
    assert.is(verdict.key?.slot, '9c')
    assert.is(verdict.key?.algorithm, 'P-384')
    assert.is(verdict.device?.tier, version)
    assert.ok(verdict.proofs.some(({ claim, name }) => claim === 'card-by-maker' && name?.includes('263751')))
    assert.ok(verdict.notProved.includes('fresh'))
  }
})

test('no octet of a real one can be changed', () => {
  const ders = [
    ...vector('25515003')
      .toString()
      .matchAll(/-----BEGIN[^-]*-----([^-]*)-----END/g),
  ].map(([, body = '']) => Uint8Array.from(Buffer.from(body, 'base64')))
  for (const [which, der] of ders.entries()) {
    for (let place = 0; place < der.length; place += 7) {
      const flipped = ders.map((one, index) =>
        index === which ? one.map((octet, octetAt) => (octetAt === place ? octet ^ 1 : octet)) : one,
      )
      assert.not(verify(flipped.map(pemOf).join('')).accepted, `${which}, octet ${place}`)
    }
  }
})

const own = (id: string, value: Uint8Array): Extension => ({ id, critical: false, value })
const extensions = (policies: readonly number[]): readonly Extension[] => [
  own(ATTESTED.firmware, Uint8Array.of(5, 7, 4)),
  own(ATTESTED.serial, integer(Uint8Array.of(0x02, 0x2a, 0x96, 0x7f))),
  own(ATTESTED.policies, Uint8Array.from(policies)),
]

/** As cards of firmware 5.7.4: root, intermediate, intermediate for PIV, F9, the key. */
async function newCard(policies: readonly number[] = [2, 1], days = 365) {
  const root = await authority('Attestation Root')
  const above = await authority('Attestation Intermediate B', root)
  const piv = await authority('PIV Attestation B', above)
  const f9 = await authority('YubiKey PIV Attestation', piv)
  const key = pair()
  const subject = writeName(['CN', 'YubiKey PIV Attestation 9a'])
  const serialNumber = Uint8Array.of(0x41, 9)
  const attestation = await issue(f9, key.publicKey, {
    subject,
    extensions: [...extensions(policies)],
    days,
    serialNumber,
  })
  return {
    root,
    piv,
    f9,
    key,
    serialNumber,
    attestation,
    all: [attestation, f9.certificate, piv.certificate, above.certificate],
  }
}

test('a card of firmware 5.7.4: its chain has two more steps, and the certificates may be in any order', async () => {
  const { root, key, all } = await newCard()
  for (const order of [all, [...all].reverse()]) {
    const verdict = verify(order.map(pemOf).join(''), [root.certificate])
    assert.is(verdict.refusal, undefined)
    assert.is(verdict.device?.version, '5.7.4')
    assert.is(verdict.device?.serial, '36345471')
    assert.is(verdict.pin?.policy, 'once')
    const spki = key.publicKey.export({ type: 'spki', format: 'der' })
    assert.ok(equal(verdict.key?.publicKey ?? new Uint8Array(0), spki))
  }
})

test('policies', async () => {
  for (const [id, policy] of [
    [1, 'never'],
    [2, 'once'],
    [3, 'always'],
    [4, 'other'],
  ] as const) {
    const { root, all } = await newCard([id, 1])
    assert.is(verify(all.map(pemOf).join(''), [root.certificate]).pin?.policy, policy)
  }
})

test('the certificate of F9 may itself be what is trusted; then its maker is nobody', async () => {
  const { f9, attestation } = await newCard()
  const verdict = verify(pemOf(attestation) + pemOf(f9.certificate), [f9.certificate])
  assert.ok(verdict.accepted)
  assert.ok(verdict.notProved.includes('card-by-maker'))
  assert.not(verdict.proofs.some(({ claim }) => claim === 'card-by-maker'))
})

test('refusals', async () => {
  const [card, other] = [await newCard(), await newCard()]
  const text = (...ders: readonly Uint8Array[]) => ders.map(pemOf).join('')
  const roots = [card.root.certificate]
  const plain = await issue(card.f9, pair().publicKey, { extensions: [NO_CA] })
  const expired = await newCard([2, 1], 20)
  const rows = [
    ['no attestation', verify(text(plain, ...card.all.slice(1)), roots), 'not-attestation'],
    ['the F9 of another card', verify(text(card.attestation, other.f9.certificate), roots), 'wrong-issuer'],
    ['without F9', verify(text(card.attestation), roots), 'wrong-issuer'],
    ['a chain that is not whole', verify(text(card.attestation, card.f9.certificate), roots), 'untrusted'],
    ['another maker', verify(text(...card.all)), 'untrusted'],
    ['a real card under another root', verify(vector('25515003'), roots), 'untrusted'],
    ['expired', verify(text(...expired.all), [expired.root.certificate]), 'expired'],
    ['cut off', verify(vector('25515003').subarray(0, 700)), 'not-attestation'],
    ['damaged', verify(vector('25515003').toString().replace('MII', '!II')), 'malformed'],
    [
      'revoked',
      verify(text(...card.all), roots, { revocations: [await revocationList(card.f9, [card.serialNumber])] }),
      'revoked',
    ],
    ['eleven certificates', verify(text(...Array(11).fill(plain)), roots), 'too-large'],
  ] as const
  for (const [what, verdict, code] of rows) assert.is(verdict.refusal?.code, code, what)
})

test.run()
