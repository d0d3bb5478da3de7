// takes: 10 s
// A card in a TPM gets its certificate from the laboratory CA, by EST and by web enrolment: at once, after approval,
// refused, with the CA away for a while, and renewed.
import { X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type CaProtocol, certsrvProtocol, type EnrollOptions, enroll, estProtocol } from '../../src/enroll/index.ts'
import { type CardError, createCard } from '../../src/index.ts'
import { cardAgent } from '../../src/tls/index.ts'
import { openssl, pemFile, SID, startLab } from '../lab-ca/support.ts'
import { tempDir } from '../support/temp.ts'
import { address, caError } from './protocols-support.ts'

const PIN = '135790'
const home = tempDir('home')
const lab = await startLab()
const waiting = await startLab({ pending: true })
test.after(async () => {
  await Promise.all([lab.close(), waiting.close()])
})

const PROTOCOLS = { est: estProtocol, certsrv: certsrvProtocol } as const
const everything = {
  upn: 'alice@lab.example',
  email: 'alice@lab.example',
  principal: 'alice@LAB.EXAMPLE',
  sid: SID,
  purposes: ['client-authentication', 'smart-card-logon', 'email-protection'],
  subject: 'CN=alice',
  template: 'SmartcardUser',
}
/** A CA that may be asked again after a second. */
const hurried = (ca: CaProtocol): CaProtocol => ({
  ...ca,
  async submit(request, options) {
    const answer = await ca.submit(request, options)
    return 'pending' in answer ? { pending: { ...answer.pending, retryAfter: 1 } } : answer
  },
})

for (const [name, protocol] of Object.entries(PROTOCOLS)) {
  const card = await createCard({ name, tcti: 'embedded:', home, pin: PIN })
  test.after(() => card.close())
  const go = (ca: CaProtocol, options: Partial<EnrollOptions> = {}) =>
    enroll(card, { ca, home, pin: PIN, authorize: () => card.verifyPin(PIN), ...everything, ...options })

  test(`${name}: what the user does not have is refused in the CA's words, and the card is as it was`, async () => {
    const error = await caError('ERR_CA_REFUSED', go(protocol(address(lab)), { upn: 'bob@lab.example' }))
    assert.match(error.message, 'bob@lab.example')
    assert.is(await card.getCertificate('9a'), undefined)
    const template = await caError('ERR_CA_REFUSED', go(protocol(address(lab)), { template: 'Administrator' }))
    assert.match(template.words ?? '', /Administrator|no such label/)
  })

  for (const [slot, algorithm] of [
    ['9a', 'P-256'],
    ['9d', 'RSA-2048'],
  ] as const) {
    test(`${name}: a key ${algorithm} in ${slot}, with every name and purpose that the user has`, async () => {
      const result = await go(protocol(address(lab)), { slot, algorithm })
      if (result.state !== 'enrolled') throw new Error(result.state)
      const file = pemFile(result.certificate)
      assert.match(openssl('verify', '-CAfile', lab.certificateFile, file), 'OK')
      const text = openssl('x509', '-in', file, '-noout', '-text')
      for (const words of ['UPN::alice@lab.example', 'Smartcard Login', SID]) assert.match(text, words)
      assert.equal((await card.getCertificate(slot))?.certificate, result.certificate)
      assert.equal(result.chain, [lab.registration.authority.certificate])
    })
  }

  test(`${name}: waits, and the same call later has it`, async () => {
    const first = await go(hurried(protocol(address(waiting))), { slot: '9c' })
    assert.is(first.state, 'pending')
    const [entry] = (await waiting.registration.entries()).slice(-1)
    await waiting.registration.approve(entry?.id ?? 0)
    const second = await go(hurried(protocol(address(waiting))), { slot: '9c', wait: 600 })
    assert.is(second.state, 'enrolled')
    assert.is((await waiting.registration.entries()).length, entry?.id)
  })

  test(`${name}: the CA goes away, and the same call goes on once it is back`, async () => {
    const short = await startLab()
    const ca = protocol(address(short))
    await short.close()
    await caError('ERR_CA_UNAVAILABLE', go(ca, { slot: '9e' }))
    const again = await startLab({ directory: short.directory.path, port: Number(new URL(short.url).port) })
    const result = await go(ca, { slot: '9e' })
    assert.is(result.state, 'enrolled')
    assert.is((await again.registration.entries()).length, 1)
    await again.close()
  })

  test(`${name}: renewed with another key, and the new certificate is in its place`, async () => {
    const before = await card.getCertificate('9a')
    const result = await go(protocol(address(lab)), { renew: true, key: 'new' })
    assert.is(result.state, 'enrolled')
    const { certificate = new Uint8Array(0) } = (await card.getCertificate('9a')) ?? {}
    assert.not.equal(certificate, before?.certificate)
    const now = new X509Certificate(certificate)
    assert.ok(now.verify(new X509Certificate(lab.pem).publicKey))
    assert.ok(now.publicKey.equals((await card.keyInfo('9a')).publicKey))
  })
}

test("renewed by the certificate that ends: the card's own key proves who asks, and no password does", async () => {
  const card = await createCard({ name: 'own', tcti: 'embedded:', home, pin: PIN })
  const said = { home, pin: PIN, authorize: () => card.verifyPin(PIN), ...everything }
  await enroll(card, { ...said, ca: estProtocol(address(lab)) })
  await card.lock()
  let asked = 0
  const onPin = () => {
    asked += 1
    return Promise.resolve(PIN)
  }
  const agent = await cardAgent(card, '9a', { onPin })
  const { credentials: _, ...without } = address(lab)
  const ca = estProtocol({ ...without, credentials: { agent } })
  await ca.cacerts()
  assert.is(asked, 0, 'what anybody may ask costs no PIN')
  const before = await card.getCertificate('9a')
  const result = await enroll(card, { ...said, pin: onPin, ca, renew: true, key: 'new' })
  assert.is(result.state, 'enrolled')
  assert.not.equal((await card.getCertificate('9a'))?.certificate, before?.certificate)
  assert.is((await lab.registration.entries()).at(-1)?.user, 'alice')

  // The agent shows the certificate that it was made with, and that is no longer the card's.
  const revoked = await cardAgent(card, '9a', { onPin })
  await lab.registration.revoke((await lab.registration.entries()).at(-1)?.id ?? 0)
  const again = estProtocol({ ...without, credentials: { agent: revoked } })
  await caError('ERR_CA_LOGIN', enroll(card, { ...said, ca: again, renew: true }))
  await card.lock()
  const wrong = await cardAgent(card, '9a', { onPin: '999999' })
  const late = estProtocol({ ...without, credentials: { agent: wrong } })
  assert.is(await late.csrattrs().catch((error: unknown) => (error as CardError).code), 'ERR_PIN_WRONG')
  for (const one of [agent, revoked, wrong]) one.destroy()
  await card.close()
})

test.run()
