// takes: 10 s
// Evidence about keys of cards, from `card.attest` and the command line to the verdict: old keys and new ones, every PIN policy,
// a certificate request, and what evidence does not contain.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { verifyAttestation } from '../../src/attest/verify.ts'
import { requestCertificate } from '../../src/enroll/index.ts'
import { type Card, createCard, openCard } from '../../src/index.ts'
import { writePem } from '../../src/x509/pem.ts'
import { tessera, tesseraProcess } from '../cli/cli.ts'
import { refused } from '../contract/clauses/clause.ts'
import { tempDir } from '../support/temp.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'
const PIN = '135790'
const NONCE = Uint8Array.from(Buffer.from('00112233445566778899aabbccddeeff', 'hex'))
const SELF = { roots: [], nonce: NONCE, tier: 'self' } as const

test.before(async () => {
  const card = await createCard({ name: 'work', pin: PIN, puk: '12345679', pinTries: 4 })
  await card.verifyPin(PIN)
  await card.generateKey('9a')
  await card.generateKey('9c')
  await card.generateKey('9e', { algorithm: 'RSA-2048' })
  await card.close()
})

async function withCard(work: (card: Card) => Promise<void>): Promise<void> {
  const card = await openCard('work')
  try {
    await work(card)
  } finally {
    await card.close()
  }
}

test('each key, without a PIN: the verdict names its rule and its limit', () =>
  withCard(async (card) => {
    for (const [slot, policy, algorithm] of [
      ['9a', 'once', 'P-256'],
      ['9c', 'always', 'P-256'],
      ['9e', 'never', 'RSA-2048'],
    ] as const) {
      const verdict = verifyAttestation(await card.attest(slot, { format: 'tessera', nonce: NONCE }), SELF)
      assert.is(verdict.refusal, undefined, slot)
      assert.is(verdict.pin?.policy, policy)
      assert.is(verdict.pin?.limit, policy === 'never' ? undefined : 4)
      assert.is(verdict.key?.algorithm, algorithm)
      const { publicKey } = await card.keyInfo(slot)
      assert.ok(publicKey.export({ type: 'spki', format: 'der' }).equals(verdict.key?.publicKey ?? new Uint8Array(0)))
    }
  }))

test('a certificate request with evidence', () =>
  withCard(async (card) => {
    const request = await requestCertificate(card, '9a', { nonce: NONCE, pin: PIN })
    const verdict = verifyAttestation(writePem('CERTIFICATE REQUEST', request), SELF)
    assert.is(verdict.refusal, undefined)
    assert.is(verdict.format, 'csr')
  }))

test('no evidence about what is not there, and none without a proper nonce', () =>
  withCard(async (card) => {
    await refused('ERR_KEY_ABSENT', () => card.attest('9d', { format: 'tessera', nonce: NONCE }))
    await refused('ERR_USAGE', () => card.attest('9a', { format: 'tessera', nonce: NONCE.subarray(0, 7) }))
    await refused('ERR_USAGE', () => card.attest('9a', { format: 'tessera', nonce: new Uint8Array(33) }))
    await refused('ERR_USAGE', () => card.attest('9a', { format: 'webauthn-tpm', nonce: NONCE }))
    const options = { format: 'webauthn-tpm', nonce: NONCE, rpId: 'lab.example' } as const
    await refused('ERR_NOT_SUPPORTED', () => card.attest('9a', options))
  }))

test('the command line: from one to the other', async () => {
  const nonce = Buffer.from(NONCE).toString('hex')
  const { code, stdout, stderr } = await tessera(['attest', '9a', '--nonce', nonce])
  assert.is(code, 0, stderr)
  const path = join(home, 'evidence.json')
  writeFileSync(path, stdout)
  const verify = ['attest', 'verify', path, '--nonce', nonce]
  const page = (await tessera([...verify, '--tier', 'self'])).stdout
  for (const line of [
    /^Accepted\.$/m,
    /^Key: +P-256, slot 9a/m,
    /^Tier: +self/m,
    /^PIN: +once.*blocked after 4 wrong PINs/m,
  ])
    assert.match(page, line)
  const piped = await tesseraProcess(['attest', 'verify', '-', '--nonce', nonce, '--tier', 'self'], { input: stdout })
  assert.is(piped.stdout, page)
  assert.is((await tessera(verify)).code, 2)
  assert.is((await tessera(['attest', '9a'])).code, 2)
  const yubico = await tessera(['attest', '9a', '--format', 'yubico'])
  assert.is(yubico.stdout.match(/BEGIN CERTIFICATE/g)?.length, 2)
})

test('it says nothing of PIN, PUK or of the folder of the card', async () => {
  const { stdout } = await tessera(['attest', '9a', '--nonce', '0011223344556677'])
  for (const secret of [PIN, '12345679', home, 'work']) assert.not(stdout.includes(secret), secret)
})

test.run()
