// takes: 6 s
// What goes wrong while somebody signs in: a typed error each, one try of the PIN at most, and nothing is remembered.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ErrorCode, openCard, type PinError } from '../../src/index.ts'
import { accounts, forget, type SignInOptions, signIn } from '../../src/signin/index.ts'
import { meanwhile } from '../support/meanwhile.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir, within } from '../support/temp.ts'
import { certificateSaying, forgedService, silentServer } from './forged.ts'
import { ALICE, makeCard, PIN, refusedWith, startLab, startRelyingParty, WRONG_PIN } from './support.ts'

const home = tempDir('home')
const [lab, otherLab] = [await startLab(), await startLab()]
const [service, foreign] = [await startRelyingParty(lab), await startRelyingParty(otherLab)]
await (await makeCard(lab, { home, name: 'work' })).close()
test.after(async () => {
  await Promise.all([service.stop(), foreign.stop(), lab.close(), otherLab.close()])
})

const METHODS = ['certificate', 'challenge'] as const

interface Try {
  readonly asked: number
  readonly error: unknown
}

/** Signs in to no good end; what was asked of the person, and that nothing is left of it. */
async function failing(code: ErrorCode, options: Partial<SignInOptions>, pin = PIN): Promise<Try> {
  let asked = 0
  const ask = () => {
    asked += 1
    return pin
  }
  const place = { address: ALICE, service: service.url, ca: service.ca, home, pin: ask, timeout: 60_000 }
  const error = await refusedWith(code, within(signIn({ ...place, ...options }), 120_000, code))
  assert.equal(await accounts({ home }), [], code)
  assert.equal(
    readdirSync(join(home, 'run')).filter((name) => name !== 'creation.lock'),
    [],
    code,
  )
  return { asked, error }
}

async function triesLeft(): Promise<number | undefined> {
  const card = await openCard({ name: 'work', home })
  try {
    return (await card.pinStatus()).triesLeft
  } finally {
    await card.close()
  }
}

for (const method of METHODS) {
  test(`${method}: service down, not believed, silent: nobody is asked for a PIN`, async () => {
    const [silent, stalled] = [await silentServer(), await forgedService(() => undefined)]
    const cases: ReadonlyArray<readonly [ErrorCode, Partial<SignInOptions>]> = [
      ['ERR_SERVICE_UNAVAILABLE', { service: 'https://127.0.0.1:1' }],
      ['ERR_SERVICE_UNAVAILABLE', { service: 'https://nowhere.invalid' }],
      ['ERR_SERVICE_UNTRUSTED', { ca: foreign.ca }],
      ['ERR_SERVICE_UNAVAILABLE', { service: silent.url, timeout: 300 }],
    ]
    for (const [code, options] of cases) assert.is((await failing(code, { ...options, method })).asked, 0, code)
    // Nothing in Node's own list signs it; and nothing that was chosen for another service is used.
    const { ca: _, ...own } = { ca: undefined }
    const error = await refusedWith(
      'ERR_SERVICE_UNTRUSTED',
      signIn({ ...own, address: ALICE, service: service.url, pin: PIN, home, method }),
    )
    assert.match(error.message, '--ca-file')
    // TLS stands, and then no answer comes.
    const there = { service: stalled.url, ca: stalled.ca, method }
    let asked = 0
    // On a busy machine TLS takes its time as well.
    for (let timeout = 500; asked === 0 && timeout < 60_000; timeout *= 4)
      ({ asked } = await failing('ERR_SERVICE_UNAVAILABLE', { ...there, timeout }))
    assert.is(asked, 1)
    // Half of one does.
    const half = await forgedService((_call, _message, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 100 }).write('{"user":')
    })
    await failing('ERR_SERVICE_UNAVAILABLE', { service: half.url, ca: half.ca, timeout: 500, method })
    await Promise.all([silent.close(), stalled.close(), half.close()])
    assert.is(await triesLeft(), 5)
  })

  test(`${method}: it wants a certificate of another CA`, async () => {
    const { error } = await failing('ERR_SIGN_IN_REFUSED', { service: foreign.url, ca: foreign.ca, method })
    assert.equal(Reflect.get(error as object, 'reason'), 'untrusted')
  })

  test(`${method}: a wrong PIN costs one try; the last one is kept where somebody says so`, async () => {
    const { asked, error } = await failing('ERR_PIN_WRONG', { method }, WRONG_PIN)
    assert.equal([asked, (error as PinError).triesLeft, await triesLeft()], [1, 4, 4])
    assert.is((await failing('ERR_PIN_LAST_TRY', { method, minTriesLeft: 5 })).asked, 0)
    assert.is((await failing('ERR_PIN_FORMAT', { method }, '12')).asked, 1)
    assert.is(await triesLeft(), 4)
    const session = await signIn({ address: ALICE, service: service.url, ca: service.ca, method, pin: PIN, home })
    await session.signOut()
    await forget(ALICE, { home })
    assert.is(await triesLeft(), 5)
  })

  test(`${method}: given up while the person is asked`, async () => {
    const stop = new AbortController()
    const asking = signIn({
      ...{ address: ALICE, service: service.url, ca: service.ca, method, home, signal: stop.signal },
      pin: () => {
        setTimeout(() => stop.abort(new Error('changed my mind')), 10)
        return new Promise(() => undefined)
      },
    })
    await within(
      asking.then(
        () => assert.unreachable(),
        (error: Error) => assert.is(error.message, 'changed my mind'),
      ),
      120_000,
      'giving up',
    )
    assert.equal(await accounts({ home }), [])
    assert.is(await triesLeft(), 5)
  })

  test(`${method}: two at once: one is signed in, and the other says who`, async () => {
    const both = await Promise.allSettled(
      [1, 2].map(() => signIn({ address: ALICE, service: service.url, ca: service.ca, method, pin: PIN, home })),
    )
    const sessions = both.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const refusals = both.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
    assert.equal([sessions.length, refusals], [1, ['ERR_SIGNED_IN']])
    await sessions[0]?.signOut()
    await forget(ALICE, { home })
  })
}

// On cards of their own.
meanwhile("the time that a person takes to type is nobody's", async () => {
  const [swtpm, maker] = [await startSwtpm(), tempDir('home')]
  const pin = () => delay(4600, PIN)
  await Promise.all(
    METHODS.map(async (method) => {
      const card = await makeCard(lab, { home: maker, name: method, tcti: swtpm.tcti })
      const there = { address: ALICE, service: service.url, ca: service.ca, home: tempDir('home'), card, method }
      await (await signIn({ ...there, pin, timeout: 4000 })).signOut()
      await card.close()
    }),
  )
  await swtpm.stop()
})

test('certificates that do not sign in: none, expired, for something else, two cards, of another key', async () => {
  const nobody = { address: 'carol@lab.example' }
  const absent = await failing('ERR_CERTIFICATE_ABSENT', nobody)
  assert.match((absent.error as Error).message, 'work 9a (alice@lab.example)')
  const card = await openCard({ name: 'work', home })
  await card.verifyPin(PIN)
  const key = await card.generateKey('9e', { pinPolicy: 'never' })
  const put = async (says: Parameters<typeof certificateSaying>[1], slot = '9e') => {
    await card.putCertificate(slot, { certificate: await certificateSaying(key, { upn: nobody.address, ...says }) })
  }
  const unfit: ReadonlyArray<readonly [Parameters<typeof certificateSaying>[1], RegExp]> = [
    [{ from: -9, until: -2 }, /work 9e is expired on/],
    [{ from: 2 }, /not valid before/],
    [{ purposes: ['email-protection'] }, /for email-protection, and not for client authentication/],
  ]
  for (const [says, words] of unfit) {
    await put(says)
    const { asked, error } = await failing('ERR_CERTIFICATE_UNFIT', nobody)
    assert.is(asked, 0)
    assert.match((error as Error).message, words)
    assert.match((error as Error).message, 'Renew it: tessera enroll 9e --renew (and')
  }
  await put({})
  await put({}, '9c')
  const { error } = await failing('ERR_KEY_ABSENT', { ...nobody, slot: '9c' })
  assert.match((error as Error).message, '9c')
  await card.generateKey('9c')
  for (const method of METHODS) {
    assert.is((await failing('ERR_CERTIFICATE_KEY', { ...nobody, slot: '9c', method })).asked, 0, method)
  }
  await card.deleteCertificate('9e')
  await card.deleteCertificate('9c')
  await card.close()
  const twin = await makeCard(lab, { home, name: 'spare' })
  await twin.close()
  const { error: two } = await failing('ERR_CARD_AMBIGUOUS', {})
  assert.match((two as Error).message, /spare 9a; work 9a/)
  await failing('ERR_CARD_NOT_FOUND', { card: 'nothing' })
  await failing('ERR_CERTIFICATE_ABSENT', { card: 'work', slot: '9d' })
})

test('the service takes the certificate for somebody else: signed out again, and not remembered', async () => {
  const { error } = await failing('ERR_SIGN_IN_REFUSED', { address: 'bob@lab.example', card: 'work', slot: '9a' })
  assert.match((error as Error).message, 'takes the certificate in slot 9a for alice@lab.example')
})

test('the last try is used, and blocked nobody is asked', async () => {
  const card = await openCard({ name: 'spare', home })
  const wrong = async (times: number) => {
    for (let left = times; left > 0; left -= 1) await card.verifyPin(WRONG_PIN).catch(() => undefined)
  }
  const there = { address: ALICE, service: service.url, ca: service.ca, home, card, pin: PIN }
  for (const method of METHODS) {
    await wrong(4)
    await failing('ERR_PIN_LAST_TRY', { card, method, minTriesLeft: 2 })
    // Who says nothing, or says so, may use the last try.
    await (await signIn({ ...there, method })).signOut()
    await forget(ALICE, { home })
  }
  await wrong(5)
  await card.close()
  for (const method of METHODS) {
    assert.is((await failing('ERR_PIN_BLOCKED', { card: 'spare', method })).asked, 0, method)
  }
})

test('a folder for sockets whose path is too long is told before a PIN is asked for', async () => {
  const { signInShared } = await import('../../src/signin/shared-session.ts')
  const far = join(tempDir('home'), 'x'.repeat(100))
  const pin = () => {
    throw new Error('a PIN was asked for')
  }
  await refusedWith('ERR_USAGE', signInShared({ address: ALICE, service: service.url, pin, home: far }, false))
  assert.not(existsSync(far))
})

test.run()
