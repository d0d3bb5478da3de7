// takes: 6 s
// An enrolment that goes on never ignores an option: what was begun otherwise is said, with both, and nothing is done.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { friendlyName } from '../../src/enroll/friendly-name.ts'
import { abandonEnrollment, type EnrollOptions } from '../../src/enroll/index.ts'
import { CaError } from '../../src/index.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { refused } from '../library/refusal.ts'
import { ca, card, enrolled, go, home, spki } from './support/work.ts'

const OTHERWISE: ReadonlyArray<readonly [Partial<EnrollOptions>, Partial<EnrollOptions>, begun: string, now: string]> =
  [
    [{ subject: 'CN=One' }, { subject: 'CN=Two' }, '"CN=One"', '"CN=Two"'],
    [{}, { email: 'a@lab.example' }, 'not given', '"a@lab.example"'],
    [{}, { upn: 'a@lab.example' }, 'not given', '"a@lab.example"'],
    [{}, { principal: 'a@LAB.EXAMPLE' }, 'not given', '"a@LAB.EXAMPLE"'],
    [{}, { sid: 'S-1-5-21-1-2-3-4' }, 'not given', '"S-1-5-21-1-2-3-4"'],
    [{ template: 'User' }, { template: 'Other' }, '"User"', '"Other"'],
    [{}, { purposes: ['client-authentication'] }, 'not given', 'client-authentication'],
    [{ friendlyName: 'one' }, { friendlyName: 'two' }, '"one"', '"two"'],
    [{}, { algorithm: 'P-384' }, '"P-256"', '"P-384"'],
    [{ pinPolicy: 'once' }, { pinPolicy: 'always' }, '"once"', '"always"'],
    [{}, { hash: 'SHA-384' }, '"SHA-256"', '"SHA-384"'],
    [{}, { key: 'existing' }, 'not given', '"existing"'],
    [{}, { keepOld: true }, 'not given', 'true'],
    [{}, { renew: true }, 'false', 'true'],
  ]

for (const [first, then, begun, now] of OTHERWISE) {
  const [option = ''] = Object.keys(then)
  test(`${option}, said otherwise while the CA has the request: refused, with both`, async () => {
    ca.plan = ['pending']
    assert.is((await go(first)).state, 'pending')
    const error = await refused('ERR_USAGE', 2, () => go(then))
    assert.match(error.message, `${option} ${begun}, now `)
    assert.match(error.message, now)
    assert.match(error.message, 'tessera enroll 9a --abandon')
    assert.not.match(error.message, /T\d\d:/, 'times for people')
  })
}

test('the same, and what is decided at each call, goes on; so does a call that gives none', async () => {
  for (const again of [{ subject: 'CN=One', algorithm: 'p-256', wait: 600, force: true }, { wait: 600 }]) {
    ca.plan = ['pending']
    await go({ subject: 'CN=One', key: 'new', renew: true })
    assert.is((await go(again)).state, 'enrolled', JSON.stringify(again))
  }
  assert.is(ca.submitted.length, 2)
})

/** What the CA was asked last. */
const asked = () => Buffer.from(ca.submitted.at(-1) ?? new Uint8Array(0)).toString('latin1')

test('the same hash in another spelling is the same', async () => {
  ca.plan = ['pending']
  await go({ hash: 'SHA-256' })
  assert.is((await go({ hash: 'sha-256', wait: 5 })).state, 'enrolled')
})

test('a name that was given for a request goes with it', async () => {
  await enrolled()
  ca.plan = ['refuse']
  await refused('ERR_CA_REFUSED', 10, () => go({ renew: true, key: 'new', friendlyName: 'desk' }))
  const { certificate } = await enrolled({ renew: true, key: 'new' })
  assert.is(await friendlyName(card, parseSlot('9a'), certificate), undefined)
})

test('given up, it begins anew with what is said now', async () => {
  ca.plan = ['pending']
  await go({ subject: 'CN=One' })
  await abandonEnrollment(card, '9a', { home })
  await enrolled({ subject: 'CN=Two' })
  assert.match(asked(), 'Two')
})

test('before the CA has it, it is asked for with what is said now; a key that was made in its slot stays what it is', async () => {
  const cut = { ...ca, submit: () => Promise.reject(new CaError('ERR_CA_UNAVAILABLE', 'The line was cut.')) }
  await refused('ERR_CA_UNAVAILABLE', 1, () => go({ ca: cut, subject: 'CN=One' }))
  const { message } = await refused('ERR_USAGE', 2, () => go({ subject: 'CN=Two', algorithm: 'P-384' }))
  assert.match(message, 'algorithm "P-256", now "P-384"')
  await enrolled({ subject: 'CN=Two' })
  assert.match(asked(), 'Two')
})

test('options for a new key, where the key in the slot stays: refused, and both ways out work', async () => {
  await card.generateKey('9a', { algorithm: 'P-256', pinPolicy: 'once' })
  const key = await spki('9a')
  for (const [option, says] of [
    [{ algorithm: 'P-384' }, 'already has a key: its type is P-256, not P-384. Have a new key'],
    [{ pinPolicy: 'always' }, 'already has a key: its PIN policy is once, not always. Have a new key'],
    [
      { algorithm: 'P-384', pinPolicy: 'always' },
      'already has a key: its type is P-256, not P-384, and its PIN policy is once, not always. Have',
    ],
    [{ algorithm: 'P-384', key: 'existing' }, 'its type is P-256, not P-384'],
  ] as const) {
    assert.match((await refused('ERR_USAGE', 2, () => go(option))).message, says)
  }
  await enrolled({ algorithm: 'p-256', pinPolicy: 'once' })
  assert.is(await spki('9a'), key)
  await refused('ERR_USAGE', 2, () => go({ algorithm: 'P-384', renew: true }))
  const { message } = await refused('ERR_USAGE', 2, () => go({ keepOld: true, renew: true }))
  assert.match(message, 'already has a key: it is not being replaced, so there is no old key to keep. Have a new key')
  await enrolled({ algorithm: 'P-384', renew: true, key: 'new' })
  assert.is((await card.keyInfo('9a')).algorithm, 'P-384')
})

test('a new key that waits in another slot is made anew as is said now', async () => {
  await card.generateKey('9a')
  const cut = { ...ca, submit: () => Promise.reject(new CaError('ERR_CA_UNAVAILABLE', 'The line was cut.')) }
  await refused('ERR_CA_UNAVAILABLE', 1, () => go({ ca: cut, key: 'new' }))
  await refused('ERR_USAGE', 2, () => go({ key: 'existing' }))
  await enrolled({ key: 'new', algorithm: 'P-384' })
  assert.is((await card.keyInfo('9a')).algorithm, 'P-384')
})

test.run()
