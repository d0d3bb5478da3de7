// The native half: what is no argument, what is no answer, and what is no key.
// takes: 4 s
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, utf8 } from '../../src/bytes.ts'
import { pkcs8 } from '../../src/keys/pkcs8.ts'
import { type NativeKeyRequest, type NativeProviderKey, native } from '../../src/native.ts'
import { done } from '../support/done.ts'
import { Random, seeded } from '../support/random.ts'
import { MESSAGE, rejected, signAsync } from './support/node.ts'

const { ProviderKey, registerProvider } = native()
registerProvider()

const KINDS = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
  'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey,
  'RSA-2048': generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey,
}
const spkiOf = (key: KeyObject) => Uint8Array.from(key.export({ type: 'spki', format: 'der' }))
const read = (der: Uint8Array) => createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })

/** A key whose requests `asked` answers. */
function keyOf(publicKey: KeyObject, asked: (request: NativeKeyRequest, key: NativeProviderKey) => void) {
  const key: NativeProviderKey = new ProviderKey(spkiOf(publicKey), (request) => asked(request, key))
  const der = pkcs8(spkiOf(publicKey), key.token)
  return { key, der, privateKey: read(der) }
}

test('what is no argument is a TypeError', () => {
  const isTypeError = (error: unknown) => error instanceof TypeError
  const spki = spkiOf(KINDS['P-256'])
  const ed = spkiOf(generateKeyPairSync('ed25519').publicKey)
  const wrong = [
    [],
    [1, () => {}],
    [spki, 2],
    [ed, () => {}],
    [new Uint8Array(9), () => {}],
    [concat(spki, spki), () => {}],
  ]
  for (const given of wrong) assert.throws(() => Reflect.construct(ProviderKey, given), isTypeError)
  const key = new ProviderKey(spki, () => {})
  for (const given of [[], ['1', spki], [1, 'x'], [-1, spki], [2 ** 60, spki]]) {
    assert.throws(() => Reflect.apply(key.answer, key, given), isTypeError)
  }
  for (const given of [[1], [1, 2], [1, ''], ['1', 'x']]) {
    assert.throws(() => Reflect.apply(key.refuse, key, given), isTypeError)
  }
  assert.is(key.answer(1, new Uint8Array(1)), false)
  key.close()
  key.close()
  assert.is(key.refuse(1, 'ERR_DATA'), false)
})

for (const [kind, publicKey] of Object.entries(KINDS)) {
  test(`${kind}: no answer of whatever length does harm, and none is taken twice`, async () => {
    const random = new Random(1)
    let answer = new Uint8Array(0)
    const { key, privateKey } = keyOf(publicKey, ({ id }, own) => {
      assert.is(own.answer(id, answer), true)
      assert.is(own.answer(id, answer), false)
    })
    for (const length of [0, 1, 8, 70, 71, 72, 73, 103, 104, 105, 255, 256, 257, 4000]) {
      answer = Uint8Array.from({ length }, () => random.between(0, 255))
      const signature = await signAsync('sha256', privateKey).catch(() => undefined)
      if (signature) assert.is(verify('sha256', MESSAGE, publicKey, signature), false)
    }
    key.close()
  })
}

test('what is asked: a digest of the hash, and how it is to be padded', async () => {
  const asked: NativeKeyRequest[] = []
  const { key, privateKey } = keyOf(KINDS['RSA-2048'], (request, own) => {
    asked.push(request)
    own.refuse(request.id, 'ERR_DATA')
  })
  await rejected(signAsync('sha384', { key: privateKey, padding: 6, saltLength: 11 }))
  await rejected(signAsync('sha512', privateKey))
  const facts = asked.map(({ use, hash, padding, saltLength, octets }) => [
    use,
    hash,
    padding,
    saltLength,
    octets.length,
  ])
  assert.equal(facts, [
    ['sign', 'SHA-384', 'pss', 11, 48],
    ['sign', 'SHA-512', 'pkcs1', 0, 64],
  ])
  key.close()
})

test('octets that are changed: another key, or none, and the process lives', () => {
  const random = seeded('PKCS#8')
  const { key, der } = keyOf(KINDS['P-256'], () => assert.unreachable())
  const count = process.env.TESSERA_TEST_LONG === '1' ? 100_000 : 4_000
  let ours = 0
  for (let i = 0; i < count; i += 1) {
    const changed = mutated(der, random)
    try {
      if (read(changed).asymmetricKeyType === 'ec') ours += 1
    } catch {
      // Most are no key.
    }
  }
  assert.ok(ours < count)
  done(count, 'cases')
  assert.is(read(der).asymmetricKeyType, 'ec')
  key.close()
  assert.throws(() => read(der))
})

function mutated(octets: Uint8Array, random: Random): Uint8Array {
  const copy = octets.slice()
  const at = random.between(0, copy.length - 1)
  switch (random.between(0, 4)) {
    case 0:
      copy[at] = random.between(0, 255)
      return copy
    case 1:
      return copy.subarray(0, at)
    case 2:
      return concat(
        copy.subarray(0, at),
        Uint8Array.from({ length: random.between(1, 300) }, () => random.between(0, 255)),
        copy.subarray(at),
      )
    case 3:
      return concat(copy, copy.subarray(at))
    default:
      copy[at] = random.between(0, 255)
      copy[random.between(0, copy.length - 1)] = random.between(0, 255)
      return copy
  }
}

test('a token of nobody, one that is too long, one that ends early: no key', () => {
  const spki = spkiOf(KINDS['P-256'])
  const { key } = keyOf(KINDS['P-256'], () => {})
  for (const token of [
    '',
    '0'.repeat(32),
    `${key.token}0`,
    key.token.slice(0, 31),
    `${key.token.toUpperCase()} `,
    '\0'.repeat(32),
    'x'.repeat(4000),
  ]) {
    assert.throws(() => read(pkcs8(spki, token)), undefined, token)
  }
  // The algorithm beside it is not that of the key.
  assert.throws(() => read(pkcs8(spkiOf(KINDS['RSA-2048']), key.token)))
  assert.ok(utf8(key.token).length === 32)
  key.close()
})

test('100 signatures at once, each with its own answer', async () => {
  const { privateKey: software, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { key, privateKey } = keyOf(publicKey, ({ id, octets }, own) => {
    // Answered out of turn. The digest of a digest is what Node can sign here.
    setImmediate(() => own.answer(id, Uint8Array.from(sign('sha256', octets, software))))
  })
  const all = await Promise.all(Array.from({ length: 100 }, () => signAsync('sha256', privateKey)))
  assert.is(all.length, 100)
  key.close()
})

test.run()
