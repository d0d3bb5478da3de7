// takes: 60 s
// Enrolment at the laboratory CA, over TLS, by both of its protocols: at once and after approval, a renewal, what it
// refuses; for a card in the TPM, and for a card in a reader through PC/SC.
import { X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Card,
  certsrvProtocol,
  createCard,
  describeCertificate,
  type EnrollOptions,
  enroll,
  estProtocol,
  openCard,
} from '../../src/index.ts'
import { openDesk } from '../../src/lab-ca/desk.ts'
import { type Lab, PASSWORDS, SID, startLab, type UserName } from '../lab-ca/support.ts'
import { refused } from '../library/refusal.ts'
import { ADMIN_KEY, memoryCard, PIN as READER_PIN, seen } from '../pcsc/cards.ts'
import { startPcscd } from '../support/pcscd.ts'
import { tempDir } from '../support/temp.ts'
import { insertCard } from '../support/vpcd.ts'
import { openssl, write } from './support/openssl.ts'

const PIN = '135790'
const home = tempDir('home')
let lab: Lab
let slow: Lab
let number = 0

test.before(async () => {
  lab = await startLab()
  slow = await startLab({ pending: true })
})
test.after(async () => {
  await lab?.close()
  await slow?.close()
})

const PROTOCOLS = { est: estProtocol, certsrv: certsrvProtocol } as const
type Protocol = keyof typeof PROTOCOLS
const TEMPLATES = { est: 'smartcard-user', certsrv: 'SmartcardUser' } as const

function ca(which: Protocol, where = lab, user: UserName = 'alice', password: string = PASSWORDS[user]) {
  return PROTOCOLS[which]({ url: where.url, ca: where.pem, credentials: { user, password: Buffer.from(password) } })
}

async function withCard<T>(work: (card: Card) => Promise<T>): Promise<T> {
  number += 1
  const card = await createCard({ name: `work${number}`, home, tcti: 'embedded:', pin: PIN })
  try {
    await card.verifyPin(PIN)
    return await work(card)
  } finally {
    await card.close()
  }
}

const go = (card: Card, which: Protocol, options: Partial<EnrollOptions> = {}) =>
  enroll(card, { ca: ca(which), home, pin: PIN, template: TEMPLATES[which], trust: [derOf(lab)], ...options })
const derOf = ({ pem }: Lab): Uint8Array => Uint8Array.from(new X509Certificate(pem).raw)

for (const which of ['est', 'certsrv'] as const) {
  test(`${which}: enrolled at once, verified by openssl, renewed with a new key`, () =>
    withCard(async (card) => {
      const wanted = { upn: 'alice@lab.example', algorithm: 'RSA-2048' } as const
      const first = await go(card, which, wanted)
      assert.is(first.state, 'enrolled')
      const { certificate = new Uint8Array(0), chain = [] } = (await card.getCertificate('9a')) ?? {}
      assert.equal(chain, [derOf(lab)])
      assert.is(describeCertificate(certificate).sid, SID)
      write('leaf.pem', new X509Certificate(certificate).toString())
      write('ca.pem', lab.pem)
      for (const purpose of ['sslclient', 'smimesign']) {
        assert.match(openssl('verify', '-purpose', purpose, '-x509_strict', '-CAfile', 'ca.pem', 'leaf.pem'), 'OK')
      }
      const old = (await card.keyInfo('9a')).publicKey
      const second = await go(card, which, { renew: true, key: 'new', algorithm: 'P-256' })
      assert.is(second.state, 'enrolled')
      assert.not.ok((await card.keyInfo('9a')).publicKey.equals(old))
      assert.is(
        describeCertificate((await card.getCertificate('9a'))?.certificate ?? certificate).upn[0],
        'alice@lab.example',
      )
    }))

  test(`${which}: it waits for approval, and is fetched then`, () =>
    withCard(async (card) => {
      const options = { ca: ca(which, slow), trust: [derOf(slow)] }
      const first = await go(card, which, options)
      if (first.state !== 'pending') throw new Error(first.state)
      assert.is((await go(card, which, options)).state, 'pending')
      const desk = await openDesk(slow.directory.path)
      const [waiting, ...others] = (await desk.entries()).filter(({ state }) => state === 'pending')
      assert.equal([others.length, waiting?.user], [0, 'alice'])
      await desk.approve(waiting?.id ?? 0)
      const done = await go(card, which, { ...options, wait: 90 })
      assert.is(done.state, 'enrolled')
    }))

  test(`${which}: denied, in the CA's words; asked for again with the same key`, () =>
    withCard(async (card) => {
      const options = { ca: ca(which, slow), trust: [derOf(slow)] }
      await go(card, which, options)
      const key = (await card.keyInfo('9a')).publicKey
      const desk = await openDesk(slow.directory.path)
      const [waiting] = (await desk.entries()).filter(({ state }) => state === 'pending')
      await desk.deny(waiting?.id ?? 0, 'not this one')
      const error = await refused('ERR_CA_REFUSED', 10, () => go(card, which, { ...options, wait: 90 }))
      assert.match(error.message, 'not this one')
      assert.is((await go(card, which)).state, 'enrolled')
      assert.ok((await card.keyInfo('9a')).publicKey.equals(key))
    }))

  test(`${which}: wrong password, unknown template, the CA of somebody else`, () =>
    withCard(async (card) => {
      await refused('ERR_CA_LOGIN', 10, () => go(card, which, { ca: ca(which, lab, 'alice', 'wrong password') }))
      await refused('ERR_CA_REFUSED', 10, () => go(card, which, { template: 'Administrator' }))
      const { url } = lab
      const credentials = { user: 'alice', password: Buffer.from(PASSWORDS.alice) }
      const strange = PROTOCOLS[which]({ url, ca: slow.pem, credentials })
      await refused('ERR_CA_UNTRUSTED', 10, () => go(card, which, { ca: strange }))
      await refused('ERR_CA_CERTIFICATE', 10, () => go(card, which, { trust: [derOf(slow)] }))
      assert.is(await card.getCertificate('9a'), undefined)
      assert.is((await go(card, which)).state, 'enrolled')
    }))
}

test('a card in a reader, through PC/SC: a key is made, certified, replaced', async () => {
  const pcscd = await startPcscd()
  const inserted = await insertCard(pcscd.ports[0], memoryCard().channel)
  await seen(pcscd.readers[0], true)
  const card = await openCard({ reader: pcscd.readers[0] })
  try {
    const authorize = () => card.authenticateAdmin(ADMIN_KEY)
    for (const slot of ['9a', '9c']) {
      const options = { slot, pin: () => READER_PIN, authorize, template: 'smartcard-user' }
      assert.is((await go(card, 'est', options)).state, 'enrolled')
      const key = (await card.keyInfo(slot)).publicKey
      assert.is((await go(card, 'est', { ...options, renew: true, key: 'new' })).state, 'enrolled')
      const now = await card.keyInfo(slot)
      assert.not.ok(now.publicKey.equals(key))
      assert.is(now.pinPolicy, slot === '9c' ? 'always' : 'once')
    }
    assert.equal(
      (await card.keys()).map(({ slot }) => slot),
      ['9a', '9c'],
    )
  } finally {
    await card.close()
    await inserted.pull()
    await pcscd.stop()
  }
})

test.run()
