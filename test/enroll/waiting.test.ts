// takes: 20 s
// Enrolments that take more than one call: what waits, what failed on the way, what others do meanwhile, what is given up.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { abandonedJson } from '../../src/cli/enrollment.ts'
import { abandonEnrollment, type CaProtocol, enroll, pendingEnrollment, selfSign } from '../../src/enroll/index.ts'
import { CaError, destroyCard } from '../../src/index.ts'
import { refused } from '../library/refusal.ts'
import { gate } from '../support/temp.ts'
import { testCa } from './support/ca.ts'
import { ca, card, enrolled, everything, go, home, name, openedAgain, PIN, placesOfKeys, spki } from './support/work.ts'

test('pending: it is asked for again when it is time, here or in another process', async () => {
  ca.plan = ['pending', 'pending', 'issue']
  const first = await go()
  assert.is(first.state, 'pending')
  const waits = await pendingEnrollment(card, '9a', { home })
  assert.equal([waits?.step, waits?.ca], ['pending', ca.name])
  await openedAgain()
  const events: string[] = []
  const result = await go({ wait: 600, onEvent: ({ step }) => events.push(step) })
  assert.is(result.state, 'enrolled')
  assert.equal(events, ['resume', 'wait', 'fetch', 'wait', 'fetch', 'check', 'test', 'store'])
  assert.is(ca.submitted.length, 1)
})

test('what the CA knows a request by is kept, whatever comes next: it is never handed in twice', async () => {
  const posted: string[] = []
  const numbered: CaProtocol = {
    ...ca,
    async submit(_request, options) {
      posted.push('submit')
      await options?.taken?.({ id: '25' })
      throw new CaError('ERR_CA_UNAVAILABLE', 'The line was cut.')
    },
    async fetch(pending, request) {
      posted.push(pending.id)
      return ca.fetch(pending, request)
    },
  }
  await refused('ERR_CA_UNAVAILABLE', 1, () => go({ ca: numbered }))
  assert.is((await pendingEnrollment(card, '9a', { home }))?.step, 'pending')
  await openedAgain()
  assert.is((await go({ ca: numbered, wait: 600 })).state, 'enrolled')
  assert.equal(posted, ['submit', '25'])
})

test('pending: waiting ends when the signal says so, and goes on later', async () => {
  ca.plan = ['pending', 'pending', 'pending']
  const stop = new AbortController()
  const waiting = go({ wait: 600, signal: stop.signal, onEvent: ({ step }) => step === 'wait' && stop.abort() })
  await waiting.then(
    () => assert.unreachable(),
    (error) => assert.is(error.name, 'AbortError'),
  )
  ca.plan = []
  assert.is((await go({ wait: 600 })).state, 'enrolled')
})

test('the file of an enrolment is private, versioned and holds no secret', async () => {
  ca.plan = ['pending']
  await go({ friendlyName: 'desk' })
  const folder = join(home, 'enrolments')
  const file = readdirSync(folder).find((one) => one.endsWith('.enrolment')) ?? ''
  assert.is(statSync(join(folder, file)).mode & 0o777, 0o600)
  const text = readFileSync(join(folder, file), 'utf8')
  assert.match(text, /^tessera-enrolment 1 sha256:/)
  assert.not.match(text, PIN)
  await abandonEnrollment(card, '9a', { home })
})

const FAULTS = [
  ['refused', 'ERR_CA_REFUSED', 10, 'refuse'],
  ['down', 'ERR_CA_UNAVAILABLE', 1, 'down'],
  ['answering nonsense', 'ERR_CA_ANSWER', 10, 'garbage'],
] as const

for (const [what, code, exit, plan] of FAULTS) {
  for (const key of ['existing', 'new'] as const) {
    test(`CA ${what}, ${key} key: the old certificate and key stay, and the next try goes on`, async () => {
      await enrolled()
      const [key9a, before] = [await spki('9a'), await card.getCertificate('9a')]
      ca.plan = [plan]
      const error = await refused(code, exit, () => go({ renew: true, key }))
      if (plan === 'refuse') assert.match(error.message, 'not today')
      assert.equal([await spki('9a'), await card.getCertificate('9a')], [key9a, before])
      const waiting = key === 'new' ? (await card.keys()).find(({ slot }) => slot !== '9a')?.publicKey : undefined
      await enrolled({ renew: true, key })
      assert.is((await card.keys()).length, 1)
      if (waiting !== undefined) assert.ok((await card.keyInfo('9a')).publicKey.equals(waiting), 'the key that waited')
    })
  }
}

test('a refused request is asked for otherwise with the same key', async () => {
  ca.plan = ['refuse']
  await refused('ERR_CA_REFUSED', 10, () => go({ subject: 'CN=Wrong' }))
  const key = await spki('9a')
  await enrolled({ subject: 'CN=Right' })
  assert.is(await spki('9a'), key)
})

test('two at once into one slot: one wins, the other is told; into two slots both win', async () => {
  ca.plan = ['pending']
  const waiting = gate()
  const first = go({ wait: 600, onEvent: ({ step }) => step === 'wait' && waiting.open() })
  await waiting.promise
  const second = await refused('ERR_CARD_BUSY', 1, () => go())
  assert.match(second.message, 'is enrolling into slot 9a')
  const [one, other] = await Promise.all([first, go({ slot: '9c' })])
  assert.equal([one.state, other.state], ['enrolled', 'enrolled'])
})

test('two new keys that wait at once have two slots', async () => {
  for (const slot of ['9a', '9c']) await enrolled({ slot })
  ca.plan = ['pending', 'pending']
  for (const slot of ['9a', '9c']) assert.is((await go({ slot, renew: true, key: 'new' })).state, 'pending')
  assert.is((await card.keys()).length, 4)
  for (const slot of ['9a', '9c']) assert.is((await go({ slot, renew: true, wait: 600 })).state, 'enrolled')
  assert.equal(await placesOfKeys(), ['9a', '9c'])
})

test('given up: the new key goes, and the card is as it was before', async () => {
  await enrolled()
  const before = await everything()
  ca.plan = ['pending']
  await go({ renew: true, key: 'new' })
  assert.is((await card.keys()).length, 2)
  assert.is((await abandonEnrollment(card, '9a', { home }))?.step, 'pending')
  assert.equal(await everything(), before)
  assert.is(await abandonEnrollment(card, '9a', { home }), undefined)
})

test('given up, where the new key was made in its slot from the beginning: it goes as well', async () => {
  const before = await everything()
  ca.plan = ['pending']
  await go()
  assert.equal(await placesOfKeys(), ['9a'])
  const found = await abandonEnrollment(card, '9a', { home })
  assert.equal([found?.finished, found?.keyLeft], [false, false])
  assert.equal(await everything(), before)
})

test('given up, after it was asked for otherwise: the new key goes all the same', async () => {
  const before = await everything()
  ca.plan = ['down', 'down']
  await refused('ERR_CA_UNAVAILABLE', 1, () => go())
  const made = await spki('9a')
  await refused('ERR_CA_UNAVAILABLE', 1, () => go({ subject: 'CN=Another' }))
  assert.is(await spki('9a'), made)
  await abandonEnrollment(card, '9a', { home })
  assert.equal(await everything(), before)
})

test('given up: a key that was there before stays, and so does one that somebody uses by now', async () => {
  await card.generateKey('9a')
  const old = await everything()
  ca.plan = ['pending', 'pending', 'pending']
  await go()
  assert.is((await abandonEnrollment(card, '9a', { home }))?.keyLeft, false)
  assert.equal(await everything(), old)
  await go({ slot: '9c' })
  await selfSign(card, '9c', { pin: PIN })
  const used = await everything()
  const left = await abandonEnrollment(card, '9c', { home })
  assert.equal(abandonedJson('9c', left), { abandoned: '9c', finished: false, keyLeft: true, id: '2' })
  assert.equal(await everything(), used)
  await go({ slot: '9d' })
  await card.generateKey('9d')
  const others = await everything()
  await abandonEnrollment(card, '9d', { home })
  assert.equal(await everything(), others)
})

test('what somebody puts meanwhile into the slots that an enrolment has chosen stays', async () => {
  ca.wanted = { extensions: ['keyUsage=keyAgreement'] }
  const renew = { slot: '9d', renew: true, key: 'new' } as const
  const fill = async (slot: string) => {
    await card.generateKey(slot)
    await selfSign(card, slot)
  }
  await enrolled({ slot: '9d' })
  ca.plan = ['pending']
  await go(renew)
  assert.equal(await placesOfKeys(), ['95', '9d'])
  await fill('94')
  const before = await everything()
  await refused('ERR_NOT_SUPPORTED', 8, () => go({ ...renew, wait: 600 }))
  assert.equal(await everything(), before)
  await card.deleteKey('95')
  await fill('95')
  const [oldKey, first, second] = [await spki('9d'), await spki('94'), await spki('95')]
  await abandonEnrollment(card, '9d', { home })
  assert.equal([await spki('9d'), await spki('94'), await spki('95')], [oldKey, first, second])
  assert.ok((await card.getCertificate('94')) !== undefined)
})

test('an enrolment that waits at one CA is not taken to another', async () => {
  ca.plan = ['pending']
  await go()
  await refused('ERR_USAGE', 2, () => enroll(card, { ca: testCa(), home, pin: PIN }))
})

test('what a card had begun goes with it', async () => {
  ca.plan = ['pending']
  await go()
  const before = readdirSync(join(home, 'enrolments')).filter((one) => one.endsWith('.enrolment')).length
  await card.close()
  await destroyCard(name(), { home })
  assert.is(readdirSync(join(home, 'enrolments')).filter((one) => one.endsWith('.enrolment')).length, before - 1)
})

test.run()
