// takes: 25 s
// The same account when things have changed: the card's name, its certificate, where it is; another service; and services
// that want a certificate before they say anything.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openCard, renameCard } from '../../src/index.ts'
import { type AccountSummary, accounts, type SignInOptions, signIn } from '../../src/signin/index.ts'
import { signInState } from '../../src/signin/state.ts'
import { seen } from '../pcsc/cards.ts'
import { startServe } from '../serve/support/process.ts'
import { startPcscd } from '../support/pcscd.ts'
import { freePorts } from '../support/ports.ts'
import { atExit, tempDir, within } from '../support/temp.ts'
import { serverIdentity } from './forged.ts'
import { ALICE, certify, makeCard, PIN, refusedWith, startLab, startRelyingParty } from './support.ts'

const home = tempDir('home')
const [lab, pcscd] = [await startLab(), await startPcscd()]
const [service, second] = [await startRelyingParty(lab), await startRelyingParty(lab)]
await (await makeCard(lab, { home, name: 'work' })).close()
test.after(async () => {
  await Promise.all([service.stop(), second.stop(), lab.close()])
  await pcscd.stop()
})

/** Signs in and out; what is remembered then. */
async function inAndOut(options: Partial<SignInOptions> = {}): Promise<Exclude<AccountSummary, { error: unknown }>> {
  const session = await signIn({ address: ALICE, pin: PIN, home, ...options })
  assert.is(session.user, 'alice')
  await session.signOut()
  const [account] = await accounts({ home })
  assert.ok(account && 'address' in account)
  return account
}

test('a card that was renamed, and one whose certificate was renewed', async () => {
  const first = await inAndOut({ service: service.url, ca: service.ca })
  await renameCard('work', 'office', { home })
  const renamed = await inAndOut()
  assert.equal([renamed.card.name, renamed.card.id], ['office', first.card.id])
  const card = await openCard({ name: 'office', home })
  await card.verifyPin(PIN)
  await card.deleteCertificate('9a')
  await card.deleteKey('9a')
  await certify(card, lab, home)
  await card.close()
  const renewed = await inAndOut()
  assert.is.not(renewed.fingerprint, first.fingerprint)
  assert.is(renewed.card.id, first.card.id)
})

test('another service: what was chosen for the first is not used there', async () => {
  await refusedWith('ERR_SERVICE_UNTRUSTED', signIn({ address: ALICE, service: second.url, pin: PIN, home }))
  assert.is((await inAndOut()).service, service.url, 'nothing has changed')
  await inAndOut({ service: second.url, ca: second.ca, method: 'challenge' })
  const there = await inAndOut()
  assert.equal([there.service, there.method], [second.url, 'challenge'])
  assert.is((await inAndOut({ service: service.url, ca: service.ca })).method, 'certificate')
})

test('a card that another process serves is used in its reader, and is the same card', async () => {
  const served = await startServe(['serve', 'office', '--vpcd', `127.0.0.1:${pcscd.ports[0]}`], {
    TESSERA_HOME: home,
  })
  assert.ok((await served.line())?.startsWith('Serving'), served.stderr())
  await seen(pcscd.readers[0], true)
  const session = await signIn({ address: ALICE, pin: PIN, home })
  assert.is(session.card.name, `reader:${pcscd.readers[0]}`)
  const ended = within(session.ended, 120_000, 'the session goes on')
  assert.is(await served.stop('SIGTERM'), 0)
  assert.is((await ended).reason, 'card-removed')
  await seen(pcscd.readers[0], false)
  const account = await inAndOut()
  assert.equal([account.card.kind, account.card.name], ['tpm', 'office'])
})

test('a card that is gone', async () => {
  const other = tempDir('home')
  await (await makeCard(lab, { home: other, name: 'spare' })).close()
  const account = await signInState(home).accounts.read(ALICE)
  assert.ok(account)
  await signInState(other).accounts.write(account)
  const error = await refusedWith('ERR_CARD_NOT_FOUND', signIn({ address: ALICE, pin: PIN, home: other }))
  assert.match(error.message, "The card 'office', which alice@lab.example signs in with, is no longer there.")
})

for (const version of ['-tls1_2', '-tls1_3']) {
  test(`a server that wants a certificate at once: ${version}`, async () => {
    const [folder, identity, port] = [tempDir('server'), serverIdentity(), await freePorts()]
    const [key, cert] = [join(folder, 'key'), join(folder, 'cert')]
    writeFileSync(key, identity.key)
    writeFileSync(cert, identity.cert)
    const trust = ['-Verify', '2', '-verify_return_error', '-CAfile', lab.certificateFile]
    const argv = ['s_server', '-accept', `127.0.0.1:${port}`, '-key', key, '-cert', cert, version, '-www', ...trust]
    const server = spawn('openssl', argv, { stdio: ['ignore', 'pipe', 'pipe'] })
    atExit(() => server.kill('SIGKILL'))
    await within(new Promise((resolve) => server.stdout.once('data', resolve)), 120_000, 's_server')
    let asked = 0
    const pin = () => {
      asked += 1
      return PIN
    }
    const there = { address: ALICE, service: `https://127.0.0.1:${port}`, ca: identity.cert, home, pin } as const
    // It lets the card in, and its page is no answer of a service that is signed in to.
    await refusedWith('ERR_SERVICE_ANSWER', within(signIn({ ...there, method: 'certificate' }), 120_000, version))
    assert.is(asked, 1)
    server.kill('SIGKILL')
  })
}

test.run()
