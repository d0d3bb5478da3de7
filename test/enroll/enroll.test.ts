// takes: 20 s
// Enrolment: from nothing to a proved certificate, with a key that is there or a new one.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { enroll, pendingEnrollment, selfSign } from '../../src/enroll/index.ts'
import { refused } from '../library/refusal.ts'
import { openssl, write } from './support/openssl.ts'
import { ca, card, enrolled, everything, go, home, PIN, placesOfKeys, spki } from './support/work.ts'

test('an empty slot: a key is made in it, and the certificate is there with its chain', async () => {
  const steps: string[] = []
  const result = await enrolled({
    subject: 'CN=Maria',
    friendlyName: 'My desk',
    onEvent: ({ step }) => steps.push(step),
  })
  assert.equal(steps, ['key', 'request', 'submit', 'check', 'test', 'store'])
  assert.equal(result.slot, '9a')
  assert.equal(await card.getCertificate('9a'), { certificate: result.certificate, chain: [ca.root] })
  assert.equal(await placesOfKeys(), ['9a'])
  assert.ok(result.programs.find(({ program }) => program.startsWith('ssh'))?.because.length === 0)
  write('request.der', ca.submitted[0] ?? '')
  const text = openssl('req', '-inform', 'der', '-in', 'request.der', '-noout', '-text', '-verify')
  assert.match(text, 'CN = Maria')
  assert.is(readdirSync(join(home, 'enrolments')).filter((one) => one.endsWith('.enrolment')).length, 0)
  assert.match(Buffer.from((await card.getObject('5ffd9a')) ?? []).toString(), 'My desk')
})

test('a key that waits in the slot for its certificate is taken', async () => {
  await card.generateKey('9a', { algorithm: 'P-384' })
  const before = await spki('9a')
  await enrolled()
  assert.is(await spki('9a'), before)
})

test('a slot with a certificate wants to be told that it is to be renewed', async () => {
  await enrolled()
  await refused('ERR_USAGE', 2, () => go())
  assert.is((await pendingEnrollment(card, '9a', { home }))?.step, undefined)
})

test('renewal keeps the key, and asks for what the old certificate says', async () => {
  ca.wanted = {
    extensions: ['keyUsage=digitalSignature', 'subjectAltName=email:m@example.com'],
    subject: '/O=Ex/CN=Maria',
  }
  const first = await enrolled({ subject: 'CN=other' })
  const before = await spki('9a')
  const second = await enrolled({ renew: true })
  assert.is(await spki('9a'), before)
  assert.not.equal(second.certificate, first.certificate)
  write('renewal.der', ca.submitted[1] ?? '')
  const text = openssl('req', '-inform', 'der', '-in', 'renewal.der', '-noout', '-text', '-nameopt', 'RFC2253')
  assert.match(text, 'Subject: CN=Maria,O=Ex\n')
  assert.match(text, 'email:m@example.com')
})

test('renewal with a new key: it waits in a retired slot until its certificate is proved', async () => {
  await enrolled()
  const [oldKey, old] = [await spki('9a'), await card.getCertificate('9a')]
  ca.plan = ['pending']
  await go({ renew: true, key: 'new', algorithm: 'RSA-2048' })
  assert.equal([await spki('9a'), await card.getCertificate('9a')], [oldKey, old])
  assert.equal(await placesOfKeys(), ['95', '9a'])
  const result = await enrolled({ renew: true, wait: 600 })
  assert.not.equal(await spki('9a'), oldKey)
  assert.not.equal(result.certificate, old?.certificate)
  assert.equal(
    (await card.keys()).map(({ slot, algorithm, pinPolicy }) => [slot, algorithm, pinPolicy]),
    [['9a', 'RSA-2048', 'once']],
  )
})

test('the old key of 9d is kept in a retired slot, with its certificate: old mail is still read', async () => {
  ca.wanted = { extensions: ['keyUsage=keyAgreement'] }
  await enrolled({ slot: '9d' })
  const [oldKey, old] = [await spki('9d'), await card.getCertificate('9d')]
  await enrolled({ slot: '9d', renew: true, key: 'new' })
  assert.equal(await placesOfKeys(), ['94', '9d'])
  assert.is(await spki('94'), oldKey)
  assert.equal(await card.getCertificate('94'), old)
  await enrolled({ slot: '9d', renew: true, key: 'new', keepOld: false })
  assert.equal(await placesOfKeys(), ['94', '9d'])
})

test('the place for the old key is used for something else meanwhile: that stays, and the message names all slots', async () => {
  ca.wanted = { extensions: ['keyUsage=keyAgreement'] }
  await enrolled({ slot: '9d' })
  const before = await spki('9d')
  ca.plan = ['pending']
  const options = { slot: '9d', renew: true, key: 'new' } as const
  assert.is((await go(options)).state, 'pending')
  await card.generateKey('94')
  const other = await spki('94')
  const { message } = await refused('ERR_NOT_SUPPORTED', 8, () => go({ ...options, wait: 1 }))
  assert.match(message, 'Slot 94 was reserved for the key being replaced, but has been used for something else since.')
  assert.match(message, 'tessera enroll 9d --abandon.')
  assert.equal([await spki('9d'), await spki('94')], [before, other])
})

test('a key of policy always: the PIN comes with each of its two signatures', async () => {
  let asked = 0
  const pin = () => {
    asked += 1
    return PIN
  }
  ca.wanted = { extensions: ['keyUsage=digitalSignature,nonRepudiation'] }
  await enrolled({ slot: '9c', pin })
  assert.is(asked, 2)
  assert.is((await card.keyInfo('9c')).pinPolicy, 'always')
})

test('SHA-1 and what else is wrong is refused before anything is made', async () => {
  const before = await everything()
  await refused('ERR_ALGORITHM', 2, () => go({ hash: 'SHA-1' }))
  await refused('ERR_ALGORITHM', 2, () => go({ algorithm: 'RSA-1024' }))
  await refused('ERR_SLOT', 2, () => go({ slot: '9b' }))
  await refused('ERR_USAGE', 2, () => go({ subject: 'Maria' }))
  await refused('ERR_USAGE', 2, () => go({ friendlyName: '' }))
  await refused('ERR_KEY_ABSENT', 8, () => go({ key: 'existing' }))
  assert.equal(await everything(), before)
})

test('without the PIN nothing happens; with a wrong one in the middle it goes on later', async () => {
  await card.lock()
  await refused('ERR_PIN_REQUIRED', 4, () => enroll(card, { ca, home }))
  await card.verifyPin(PIN)
  await refused('ERR_PIN_WRONG', 4, () => go({ pin: '000000' }))
  assert.is(ca.submitted.length, 0)
  await card.verifyPin(PIN)
  await enrolled()
})

test('when all retired slots are taken there is no place for a new key', async () => {
  await enrolled()
  for (let slot = 0x82; slot <= 0x95; slot += 1) await card.generateKey(slot.toString(16))
  await refused('ERR_NOT_SUPPORTED', 8, () => go({ renew: true, key: 'new' }))
  await enrolled({ renew: true })
})

test('a self-signed certificate gives way to a CA’s', async () => {
  await card.generateKey('9a')
  await selfSign(card, '9a', { subject: 'CN=Maria,O=Ex' })
  await enrolled({ renew: true })
})

test.run()
