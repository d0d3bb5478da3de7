// takes: 5 s
// Answers to challenges: a good one once, and every way to make one that is not.
import { createHmac, createPublicKey, sign, X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Challenges } from '../../examples/relying-party/challenges.ts'
import { Refusal, type RefusalCode } from '../../examples/relying-party/refusals.ts'
import { readToken } from '../../examples/relying-party/token.ts'
import { fuzz, LONG } from '../fuzz/harness.ts'
import { answered, type Challenge, type Changes, challengeOf, derOf, handIn, jws, tokenOf } from './answer.ts'
import { issue } from './issue.ts'
import { ask, enrolled, MARIA, type Person, type Sample, startSample } from './support.ts'

let shift = 0
const sample: Sample = await startSample({ now: () => Date.now() + shift })
const { lab } = sample
const person = await enrolled(lab)
const rsa = await enrolled(lab, 'RSA-2048')
test.after(() => sample.close())
test.after.each(() => {
  shift = 0
})

const refusedFor = async (code: RefusalCode, token: string): Promise<void> => {
  const { status, json } = await handIn(sample, token)
  assert.is(json.error, code, JSON.stringify(json))
  assert.is(status, 401)
}

test('a challenge is what the contract says', async () => {
  const { nonce, audience, expires } = await challengeOf(sample)
  assert.is(Buffer.from(nonce, 'base64url').length, 32)
  assert.is(audience, sample.url)
  const left = Date.parse(expires) - Date.now()
  assert.ok(left > 0 && left <= 60_000)
  assert.is.not((await challengeOf(sample)).nonce, nonce)
})

test('nobody learns by it who is known here', async () => {
  const [known, unknown] = [await challengeOf(sample), await challengeOf(sample, 'eve@lab.example')]
  assert.equal(Object.keys(unknown), Object.keys(known))
  assert.is(unknown.nonce.length, known.nonce.length)
})

test('a good answer is taken, once; the same again is refused', async () => {
  for (const who of [person, rsa]) {
    const token = tokenOf(sample, who, await challengeOf(sample))
    const { status, json } = await handIn(sample, token)
    assert.is(status, 200, JSON.stringify(json))
    const { session = '', expires = '', ...said } = json
    assert.equal(said, { user: MARIA.user, address: MARIA.address, how: 'challenge' })
    assert.match(session, /^[\w-]{43}$/)
    assert.ok(Date.parse(expires) > Date.now())
    await refusedFor('used-challenge', token)
  }
})

test('of many that come at once, one is taken', async () => {
  const challenge = await challengeOf(sample)
  const tokens = Array.from({ length: 8 }, () => tokenOf(sample, person, challenge))
  const replies = await Promise.all(tokens.map((token) => handIn(sample, token)))
  const errors = replies.map(({ json }) => json.error).filter((error) => error !== undefined)
  assert.equal(errors, Array(7).fill('used-challenge'))
})

test('what was refused has not used the challenge up', async () => {
  const challenge = await challengeOf(sample)
  await refusedFor('wrong-channel', tokenOf(sample, person, challenge, { claims: { channel: channelOf(lab.pem) } }))
  assert.is((await handIn(sample, tokenOf(sample, person, challenge))).status, 200)
})

test('a challenge is good for a minute', async () => {
  const challenge = await challengeOf(sample)
  shift = 59_000
  assert.is((await handIn(sample, tokenOf(sample, person, challenge))).status, 200)
  const token = tokenOf(sample, person, await challengeOf(sample))
  shift += 61_000
  await refusedFor('stale-challenge', token)
})

test('a service that was started anew, and another one, know nothing of it', async () => {
  const other = await startSample({}, lab)
  const changes = { claims: { aud: sample.url } }
  await refusedFor('stale-challenge', tokenOf(sample, person, await challengeOf(other), changes))
  await other.close()
})

test('it is for one address and one name of the service', async () => {
  await refusedFor('stale-challenge', tokenOf(sample, person, await challengeOf(sample, 'eve@lab.example')))
  const aud = sample.url.replace('127.0.0.1', 'localhost')
  await refusedFor('stale-challenge', tokenOf(sample, person, await challengeOf(sample), { claims: { aud } }))
  const { host } = new URL(aud)
  const there = await challengeOf(sample, MARIA.address, { headers: { Host: host } })
  assert.is(there.audience, aud)
  assert.is((await handIn(sample, tokenOf(sample, person, there))).status, 200)
  assert.is(
    (
      await challengeOf(sample, MARIA.address, {
        headers: { Host: 'evil.example' },
        options: { checkServerIdentity: () => undefined },
      })
    ).audience,
    sample.url,
  )
})

test('what is remembered of answers is bounded, and forgotten when they have expired', () => {
  let now = Date.now()
  const challenges = new Challenges(60_000, () => now)
  const use = () => challenges.use(challenges.make('a', 'b').nonce, 'a', 'b')
  for (let count = 0; count < 10_000; count += 1) use()
  assert.throws(use, (error: unknown) => error instanceof Refusal && error.code === 'busy')
  now += 60_000
  use()
})

function channelOf(pem: string): { readonly type: string; readonly value: string } {
  const value = Buffer.from(new X509Certificate(pem).fingerprint256.replaceAll(':', ''), 'hex').toString('base64url')
  return { type: 'tls-server-end-point', value }
}
const seconds = (): number => Math.floor(Date.now() / 1000)
const spki = (): Buffer => createPublicKey(person.cert).export({ type: 'spki', format: 'der' })

/** What is wrong with an answer that is good otherwise. */
const ATTACKS: Readonly<Record<string, readonly [code: RefusalCode, changes: (challenge: Challenge) => Changes]>> = {
  'for another service': ['wrong-audience', () => ({ claims: { aud: 'https://evil.example' } })],
  'for two services': ['bad-signature', () => ({ claims: { aud: [sample.url, 'https://evil.example'] } })],
  'signed over another connection': ['wrong-channel', () => ({ claims: { channel: channelOf(lab.pem) } })],
  'of a channel of another type': [
    'bad-signature',
    () => ({ claims: { channel: { ...channelOf(sample.pem), type: 'tls-unique' } } }),
  ],
  'of no channel': ['bad-signature', () => ({ claims: { channel: undefined } })],
  'for somebody else': ['unknown-user', () => ({ claims: { sub: 'eve@lab.example' } })],
  'of a nonce that nobody made': [
    'stale-challenge',
    () => ({ claims: { nonce: Buffer.alloc(32, 7).toString('base64url') } }),
  ],
  'of a nonce that lives longer': [
    'stale-challenge',
    ({ nonce }) => {
      const octets = Buffer.from(nonce, 'base64url')
      octets.writeBigUInt64BE(octets.readBigUInt64BE() + 60_000n)
      return { claims: { nonce: octets.toString('base64url') } }
    },
  ],
  'of a nonce that is spelled otherwise': ['stale-challenge', ({ nonce }) => ({ claims: { nonce: `${nonce}=` } })],
  'made tomorrow': ['stale-challenge', () => ({ claims: { iat: seconds() + 86_400, exp: seconds() + 86_460 } })],
  'made yesterday': ['stale-challenge', () => ({ claims: { iat: seconds() - 86_400, exp: seconds() - 86_340 } })],
  'good for a year': ['stale-challenge', () => ({ claims: { exp: seconds() + 31_536_000 } })],
  'over before it is made': ['stale-challenge', () => ({ claims: { exp: seconds() - 1 } })],
  'of a time that is none': ['bad-signature', () => ({ claims: { exp: '1e9' } })],
  'of more claims': ['bad-signature', () => ({ claims: { admin: true } })],
  'signed by nobody': ['bad-signature', () => ({ header: { alg: 'none' }, signature: () => new Uint8Array(0) })],
  'signed by nobody, who says ES256': ['bad-signature', () => ({ signature: () => new Uint8Array(0) })],
  'signed by zeros': ['bad-signature', () => ({ signature: () => new Uint8Array(64) })],
  'signed with the public key as a secret': [
    'bad-signature',
    () => ({ header: { alg: 'HS256' }, signature: (text) => createHmac('sha256', spki()).update(text).digest() }),
  ],
  'signed so, who says ES256': [
    'bad-signature',
    () => ({ signature: (text) => createHmac('sha256', spki()).update(text).digest() }),
  ],
  'of the algorithm of another key': ['bad-signature', () => ({ header: { alg: 'RS256' } })],
  'of a longer hash': ['bad-signature', () => ({ header: { alg: 'ES384' } })],
  'signed in DER': ['bad-signature', () => ({ signature: (text) => sign('sha256', Buffer.from(text), person.key) })],
  'of the certificate of another key': ['bad-signature', () => ({ header: { x5c: [derOf(other.cert)] } })],
  'of a certificate and garbage': [
    'untrusted',
    () => ({
      header: { x5c: [Buffer.concat([new X509Certificate(person.cert).raw, Buffer.of(0)]).toString('base64')] },
    }),
  ],
  'of a certificate in PEM': ['untrusted', () => ({ header: { x5c: [Buffer.from(person.cert).toString('base64')] } })],
  'of no certificate': ['bad-signature', () => ({ header: { x5c: [] } })],
  'of five certificates': ['bad-signature', () => ({ header: { x5c: Array(5).fill(derOf(person.cert)) } })],
  'of a certificate in base64url': [
    'bad-signature',
    () => ({ header: { x5c: [new X509Certificate(person.cert).raw.toString('base64url')] } }),
  ],
  'that brings its key': [
    'bad-signature',
    () => ({ header: { jwk: createPublicKey(person.key).export({ format: 'jwk' }) } }),
  ],
  'that says where its key is': ['bad-signature', () => ({ header: { x5u: 'https://evil.example/key' } })],
  'that wants something understood': ['bad-signature', () => ({ header: { crit: ['b64'], b64: false } })],
  'of another type': ['bad-signature', () => ({ header: { typ: 'JWT' } })],
}
const other: Person = issue({ certificate: lab.certificateFile, key: lab.directory.keyFile }, lab.crl)

for (const [name, [code, changes]] of Object.entries(ATTACKS)) {
  test(`an answer ${name}: ${code}`, async () => {
    const challenge = await challengeOf(sample)
    await refusedFor(code, tokenOf(sample, person, challenge, changes(challenge)))
  })
}

test('a clock that is wrong is said to be', async () => {
  const claims = { iat: seconds() + 200, exp: seconds() + 260 }
  const { json } = await handIn(sample, tokenOf(sample, person, await challengeOf(sample), { claims }))
  assert.match(json.message ?? '', 'Check the clock')
})

test('a token that is changed in one place is refused, wherever that is', async () => {
  const token = tokenOf(sample, person, await challengeOf(sample))
  const key = createPublicKey(person.cert)
  assert.is(readToken(token).claims(key).sub, MARIA.address)
  for (let at = 0; at < token.length; at += 1) {
    const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
    assert.throws(
      () => readToken(changed).claims(key),
      (error: unknown) => error instanceof Refusal,
      `at ${at}`,
    )
  }
})

test('what is no token', async () => {
  const token = tokenOf(sample, person, await challengeOf(sample))
  const [header = '', payload = '', signature = ''] = token.split('.')
  const twice = jws('{"alg":"none","alg":"ES256"}', '{}')
  const garbage = [
    '',
    '.',
    '..',
    'a.b.c',
    header,
    `${header}.${payload}`,
    `${token}.${signature}`,
    `${token}=`,
    ` ${token}`,
  ]
  for (const text of [...garbage, `${twice}.${signature}`, `${jws('[]', 'null')}.AAAA`, `${jws('\xff', '{}')}.AAAA`]) {
    await refusedFor('bad-signature', text)
  }
  for (const json of [{}, { token: 1 }, { token, more: 1 }, [], null, 'x', { token: 'x'.repeat(25_000) }]) {
    assert.equal((await ask(sample, '/session', { json })).json.error, 'bad-request')
  }
})

test('fuzz: damaged tokens are refused, and nothing else', async () => {
  const key = createPublicKey(person.cert)
  const octets = (text: string) => Uint8Array.from(Buffer.from(text))
  const tokens = [person, rsa].map((who) => tokenOf(sample, who, { nonce: 'n', audience: 'a', expires: '' }))
  const headers = tokens.map((token) => Uint8Array.from(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url')))
  const inside = [...headers, ...['{"x5c":[{}]}', '{"alg":{}}'].map(octets)]
  const target = (text: string) => void readToken(text).claims(key)
  const options = { refusals: [Refusal] }
  await fuzz(
    'token',
    tokens.map(octets),
    LONG ? 120 : 1,
    (input) => target(Buffer.from(input).toString('latin1')),
    options,
  )
  await fuzz(
    'header',
    inside,
    LONG ? 120 : 1,
    (input) => {
      const token = readToken(`${Buffer.from(input).toString('base64url')}.e30.AAAA`)
      // Its signature is none, whatever the header says.
      assert.throws(
        () => token.claims(key),
        (error: unknown) => error instanceof Refusal,
      )
    },
    options,
  )
})

test('an answer that nobody may give is not looked at further: bodies are bounded', async () => {
  const long = await ask(sample, '/session', { body: `{"token":"${'x'.repeat(40_000)}"}`, headers: JSON_TYPE })
  assert.equal([long.status, long.json.error], [413, 'too-large'])
  assert.is((await answered(sample, person)).status, 200)
})

const JSON_TYPE = { 'Content-Type': 'application/json' }

test.run()
