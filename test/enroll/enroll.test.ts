// takes: 60 s
// Enrolment: from nothing to a proved certificate, what goes wrong on the way, and that the card stays as it was then.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  abandonEnrollment,
  type CaAnswer,
  type Card,
  createCard,
  destroyCard,
  type EnrollOptions,
  enroll,
  openCard,
  pendingEnrollment,
  selfSign,
} from '../../src/index.ts'
import { refused } from '../library/refusal.ts'
import { tempDir } from '../support/temp.ts'
import { type TestCa, testCa } from './support/ca.ts'
import { certificate, derOf, file, openssl, write } from './support/openssl.ts'

const PIN = '135790'
const home = tempDir('home')
let card: Card
let ca: TestCa
let name = 0

test.before.each(async () => {
  name += 1
  card = await createCard({ name: `work${name}`, tcti: 'embedded:', home, pin: PIN })
  await card.verifyPin(PIN)
  ca = testCa()
})
test.after.each(() => card?.close())

const go = (options: Partial<EnrollOptions> = {}) => enroll(card, { ca, home, pin: PIN, ...options })
const spki = async (slot: string) => (await card.keyInfo(slot)).publicKey.export({ type: 'spki', format: 'pem' })

/** Everything of a card that an enrolment could change. */
async function everything(): Promise<unknown> {
  const keys = await card.keys()
  const slots = keys.map(({ slot, publicKey }) => [slot, publicKey.export({ type: 'spki', format: 'pem' })])
  const certificates = await Promise.all(['9a', '9c', '9d', '95', '94', '93'].map((slot) => card.getCertificate(slot)))
  return [slots, certificates, (await card.objects()).map(({ tag }) => tag)]
}

const placesOfKeys = async () => (await card.keys()).map(({ slot }) => slot).sort()

async function enrolled(options: Partial<EnrollOptions> = {}) {
  const result = await go(options)
  if (result.state !== 'enrolled') throw new Error(`it is ${result.state}`)
  return result
}

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
  const result = await enrolled({ renew: true, wait: 10 })
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

test('pending: it is asked for again when it is time, here or in another process', async () => {
  ca.plan = ['pending', 'pending', 'issue']
  const first = await go()
  assert.is(first.state, 'pending')
  const waits = await pendingEnrollment(card, '9a', { home })
  assert.equal([waits?.step, waits?.ca], ['pending', ca.name])
  await card.close()
  card = await openCard({ name: `work${name}`, home })
  await card.verifyPin(PIN)
  const events: string[] = []
  const result = await go({ wait: 10, onEvent: ({ step }) => events.push(step) })
  assert.is(result.state, 'enrolled')
  assert.equal(events, ['resume', 'wait', 'fetch', 'wait', 'fetch', 'check', 'test', 'store'])
  assert.is(ca.submitted.length, 1)
})

test('pending: waiting ends when the signal says so, and goes on later', async () => {
  ca.plan = ['pending', 'pending', 'pending']
  const stop = new AbortController()
  const waiting = go({ wait: 60, signal: stop.signal, onEvent: ({ step }) => step === 'wait' && stop.abort() })
  await waiting.then(
    () => assert.unreachable(),
    (error) => assert.is(error.name, 'AbortError'),
  )
  ca.plan = []
  assert.is((await go({ wait: 10 })).state, 'enrolled')
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

/** What a CA may send that is not what was asked for. */
const WRONG: ReadonlyArray<readonly [string, (ca: TestCa) => void, RegExp]> = [
  ['for another key', (ca) => ca.plan.push(() => ({ certificate: ca.root, chain: [] })), /another key/],
  [
    'expired',
    (ca) => {
      ca.wanted = { to: '20210101000000Z' }
    },
    /expired at 2021-01-01T00:00:00.000Z, and by the clock of this machine/,
  ],
  [
    'of next year',
    (ca) => {
      ca.wanted = { from: '20480101000000Z' }
    },
    /not valid before 2048-01-01/,
  ],
  [
    'for other uses',
    (ca) => {
      ca.wanted = { extensions: ['keyUsage=keyAgreement'] }
    },
    /little use in slot 9a: its key may be used for keyAgreement/,
  ],
  [
    'signed with SHA-1',
    (ca) => {
      ca.wanted = { hash: 'sha1' }
    },
    /broken/,
  ],
  [
    'no certificate',
    (ca) => ca.plan.push(() => ({ certificate: Uint8Array.of(0x30, 0x00), chain: [] })),
    /no certificate/,
  ],
  [
    'from nobody who is trusted',
    (ca) => {
      ca.cacerts = async () => [testCa().root]
    },
    /no way leads from its issuer/,
  ],
]

for (const [what, arrange, says] of WRONG) {
  test(`a certificate that is ${what} is not taken, and the card stays as it was`, async () => {
    await enrolled()
    const before = await everything()
    const { cacerts } = ca
    arrange(ca)
    const error = await refused('ERR_CA_CERTIFICATE', 10, () => go({ renew: true }))
    assert.match(error.message, says)
    assert.equal(await everything(), before)
    // The file remembers what came: it is refused again until it is given up.
    await refused('ERR_CA_CERTIFICATE', 10, () => go({ renew: true }))
    ca.cacerts = cacerts
    await abandonEnrollment(card, '9a', { home })
    ca.wanted = {}
    await enrolled({ renew: true })
  })
}

test('who is trusted can be said: the CA is not asked then', async () => {
  const other = testCa()
  await refused('ERR_CA_CERTIFICATE', 10, () => go({ trust: [other.root] }))
  ca.cacerts = async () => {
    throw new Error('asked')
  }
  await enrolled({ trust: [ca.root] })
})

test('a way through CAs in between is found, however they come; one that lies is not', async () => {
  const middle = certificate('between', {
    by: ca.name.split(' ')[1] ?? '',
    extensions: ['basicConstraints=critical,CA:TRUE'],
  })
  const noCa = certificate('pretender', { by: ca.name.split(' ')[1] ?? '' })
  const by = (name: string, chain: Uint8Array[]) => (request: Uint8Array) => ({
    certificate: certificate('deep', { by: name, request, extensions: ['keyUsage=digitalSignature'] }),
    chain,
  })
  ca.plan = [by('pretender', [noCa])]
  await refused('ERR_CA_CERTIFICATE', 10, () => go())
  await abandonEnrollment(card, '9a', { home })
  ca.plan = [by('between', [ca.root, middle])]
  const { chain } = await enrolled()
  assert.equal(chain, [middle, ca.root])
})

/** Certificates of one CA for itself: of one key and name, with as many numbers. */
function again(name: string, times: number): Uint8Array[] {
  const extensions = ['-addext', 'keyUsage=keyCertSign']
  return Array.from({ length: times }, () => {
    const made = ['req', '-x509', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', 'again.pem', ...extensions]
    openssl(...made)
    return derOf('again.pem')
  })
}

test('CAs without end that certify each other come to an end', async () => {
  const name = ca.name.split(' ')[1] ?? ''
  const chain = again(name, 16)
  ca.plan = [(request) => ({ certificate: certificate('lost', { by: name, request }), chain })]
  const error = await refused('ERR_CA_CERTIFICATE', 10, () => go({ trust: [testCa().root] }))
  assert.match(error.message, 'no way leads from its issuer')
})

test('of two certificates of one CA the one that has not expired serves', async () => {
  const name = ca.name.split(' ')[1] ?? ''
  openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-outform', 'der', '-out', 'own.req')
  const expired = certificate(name, {
    request: file('own.req'),
    extensions: ['basicConstraints=critical,CA:TRUE'],
    to: '20210101000000Z',
  })
  write(`${name}.pem`, ca.pem)
  const { chain } = await enrolled({ trust: [expired, ca.root] })
  assert.equal(chain, [ca.root])
})

test('a CA that is allowed none below it vouches for none', async () => {
  const [root, CA] = [ca.name.split(' ')[1] ?? '', 'basicConstraints=critical,CA:TRUE']
  for (const [name, by, constraints] of [
    ['lowest', root, `${CA},pathlen:0`],
    ['below', 'lowest', CA],
    ['twin', root, `${CA},pathlen:1`],
    ['below-twin', 'twin', CA],
  ] as const) {
    certificate(name, { by, extensions: [constraints] })
  }
  const through = (one: string, other: string) => (request: Uint8Array) => ({
    certificate: certificate('deep', { by: other, request, extensions: ['keyUsage=digitalSignature'] }),
    chain: [derOf(`${one}.pem`), derOf(`${other}.pem`)],
  })
  ca.plan = [through('lowest', 'below')]
  assert.match((await refused('ERR_CA_CERTIFICATE', 10, () => go())).message, 'no way leads from its issuer')
  await abandonEnrollment(card, '9a', { home })
  ca.plan = [through('twin', 'below-twin')]
  assert.is((await enrolled()).chain.length, 3)
})

test('a CA without a name is no name, and no fault of ours', async () => {
  const nameless = certificate('nameless', { subject: '/', extensions: ['basicConstraints=critical,CA:TRUE'] })
  ca.plan = [
    (request) => ({
      certificate: certificate('by-nameless', { by: 'nameless', request, extensions: ['keyUsage=digitalSignature'] }),
      chain: [],
    }),
  ]
  assert.is((await enrolled({ trust: [nameless] })).description.issuer, '')
})

test('what would be of little use is stored when the caller means it', async () => {
  ca.wanted = { extensions: ['keyUsage=keyAgreement'] }
  await refused('ERR_CA_CERTIFICATE', 10, () => go())
  await enrolled({ force: true })
})

test('two at once into one slot: one wins, the other is told; into two slots both win', async () => {
  ca.plan = ['pending']
  const first = go({ wait: 10 })
  const second = await refused('ERR_CARD_BUSY', 1, async () => {
    await new Promise((resolve) => setTimeout(resolve, 300))
    return go()
  })
  assert.match(second.message, 'is enrolling into slot 9a')
  const [one, other] = await Promise.all([first, go({ slot: '9c' })])
  assert.equal([one.state, other.state], ['enrolled', 'enrolled'])
})

test('two new keys that wait at once have two slots', async () => {
  for (const slot of ['9a', '9c']) await enrolled({ slot })
  ca.plan = ['pending', 'pending']
  for (const slot of ['9a', '9c']) assert.is((await go({ slot, renew: true, key: 'new' })).state, 'pending')
  assert.is((await card.keys()).length, 4)
  for (const slot of ['9a', '9c']) assert.is((await go({ slot, renew: true, wait: 5 })).state, 'enrolled')
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
  await refused('ERR_NOT_SUPPORTED', 8, () => go({ ...renew, wait: 5 }))
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

test('an answer that is more than can be kept is refused, and the request can be made again', async () => {
  const huge = new Uint8Array(40_000)
  const answers: readonly CaAnswer[] = [
    { certificate: huge, chain: [] },
    { certificate: ca.root, chain: [huge] },
    { certificate: ca.root, chain: Array.from({ length: 17 }, () => ca.root) },
    { certificate: new Uint8Array(0), chain: [] },
    { pending: { id: '' } },
    { pending: { id: 'x'.repeat(1025) } },
    { pending: { id: '1', retryAfter: -1 } },
    { pending: { id: '1', retryAfter: 0.5 } },
  ]
  for (const answer of answers) {
    ca.plan = [() => answer]
    await refused('ERR_CA_ANSWER', 10, () => go())
  }
  await enrolled()
})

test('what a card had begun goes with it', async () => {
  ca.plan = ['pending']
  await go()
  const before = readdirSync(join(home, 'enrolments')).filter((one) => one.endsWith('.enrolment')).length
  await card.close()
  await destroyCard(`work${name}`, { home })
  assert.is(readdirSync(join(home, 'enrolments')).filter((one) => one.endsWith('.enrolment')).length, before - 1)
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
