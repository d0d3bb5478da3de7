// takes: 20 s
// What a CA sends is proved before it is stored, and what is refused leaves the card as it was.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { abandonEnrollment, type CaAnswer } from '../../src/enroll/index.ts'
import { refused } from '../library/refusal.ts'
import { type TestCa, testCa } from './support/ca.ts'
import { certificate, derOf, file, openssl, write } from './support/openssl.ts'
import { ca, card, enrolled, everything, go, home } from './support/work.ts'

process.env.TZ = 'Asia/Tokyo'

/** What a CA may send that is not what was asked for. */
const WRONG: ReadonlyArray<readonly [string, (ca: TestCa) => void, RegExp]> = [
  ['for another key', (ca) => ca.plan.push(() => ({ certificate: ca.root, chain: [] })), /another key/],
  [
    'expired',
    (ca) => {
      ca.wanted = { to: '20210101000000Z' }
    },
    /expired at 2021-01-01 09:00:00 UTC\+09:00, and by the clock of this machine/,
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
    /not a certificate/,
  ],
  [
    'from nobody who is trusted',
    (ca) => {
      ca.cacerts = async () => [testCa().root]
    },
    /no chain leads from its issuer/,
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
  assert.match(error.message, 'no chain leads from its issuer')
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
  assert.match((await refused('ERR_CA_CERTIFICATE', 10, () => go())).message, 'no chain leads from its issuer')
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

test.run()
