// takes: 5 s
// Who may ask, by name and password; how many requests of one user may wait.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import { Intake, MOST_PENDING } from '../../src/lab-ca/intake.ts'
import { Refusal } from '../../src/lab-ca/notice.ts'
import { PasswordCheck, putUser } from '../../src/lab-ca/users.ts'
import { ask, base64, makeRequest, startLab } from './support.ts'

const lab = await startLab()
test.after(() => lab.close())

const PKCS10 = 'application/pkcs10'
const ENROL = '/.well-known/est/simpleenroll'

test('so many requests of one user wait, and no more; those of another do', async () => {
  const intake = await Intake.open(lab.registration, { atOnce: false })
  const [alice, bob] = await Promise.all([lab.directory.user('alice'), lab.directory.user('bob')])
  assert.ok(alice && bob)
  const submit = (user: typeof alice) => intake.submit({ user, template: 'SmartcardUser', request })
  const request = makeRequest()
  for (let count = 0; count < MOST_PENDING; count += 1) assert.is((await submit(alice)).state, 'pending')
  const error = await submit(alice).catch((reason: unknown) => reason)
  assert.instance(error, Refusal)
  assert.is((error as Refusal).status, 429)
  assert.match((error as Refusal).message, `${MOST_PENDING} requests of 'alice' wait`)
  assert.is((await submit(bob)).state, 'pending')
  await lab.registration.deny(1, 'no')
  assert.is((await submit(alice)).state, 'pending')
})

test('passwords: who asks is checked a few at a time, and a crowd is told to come back', async () => {
  const passwords = new PasswordCheck(lab.directory)
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => passwords.check('alice', 'wrong')))
  const refused = outcomes.filter((one) => one.status === 'rejected')
  assert.ok(refused.length > 0 && refused.every((one) => one.reason instanceof Refusal && one.reason.status === 503))
  assert.is((await passwords.check('alice', 'correct horse'))?.name, 'alice')
  assert.is((await passwords.check('ALICE@lab.example', 'correct horse'))?.name, 'alice')
  assert.is(await passwords.check('../users/alice', 'correct horse'), undefined)
})

test('logins that are none', async () => {
  for (const value of [
    'Basic',
    'Basic !!!',
    'Bearer x',
    `Basic ${base64(utf8('alice'))}`,
    `Basic ${'A'.repeat(3000)}`,
  ]) {
    const options = { headers: { Authorization: value, 'Content-Type': PKCS10 }, method: 'POST' }
    const reply = await ask(lab, ENROL, { body: 'x', options })
    assert.is(reply.status, 401, value.slice(0, 20))
    assert.match(String(reply.headers['www-authenticate']), 'Basic')
  }
})

test('users that cannot be', async () => {
  const password = utf8('long enough')
  const bad = [
    { name: 'Alice', password },
    { name: '../x', password },
    { name: 'carol', password: utf8('short') },
    { name: 'carol', password: new Uint8Array(200) },
    { name: 'carol', password, upn: 'no address' },
    { name: 'carol', password, email: 'a@b\n' },
    { name: 'carol', password, sid: 'S-2' },
    { name: 'carol', password, upn: 'Alice@LAB.example' },
  ]
  for (const user of bad) {
    const error = await putUser(lab.directory, user).catch((reason: unknown) => reason)
    assert.is((error as { code?: string }).code, 'ERR_USAGE', JSON.stringify({ ...user, password: '' }))
  }
  assert.equal((await lab.directory.userNames()).sort(), ['alice', 'bob'])
})

test.run()
