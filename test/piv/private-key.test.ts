// takes: 2 s
// Private keys out of their parts, and the arithmetic for it: against BigInt and OpenSSL.
import { checkPrimeSync, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex, leftPad } from '../../src/bytes.ts'
import { encodeCommand } from '../../src/iso7816/command.ts'
import { tlv } from '../../src/iso7816/tlv.ts'
import type { Algorithm } from '../../src/piv/algorithms.ts'
import { CardApplication } from '../../src/piv/card/application.ts'
import { isWeakDesKey } from '../../src/piv/des.ts'
import { inverseOfF4, multiply, remainder, subtract } from '../../src/piv/numbers.ts'
import { isPrivateKey, type PrivateKeyParts, partsOf, publicKeyOf } from '../../src/piv/private-key.ts'
import { fromKeyObject } from '../../src/piv/public-key.ts'
import { newMemoryCard, openMemoryVault } from '../contract/memory-vault.ts'
import { octets } from '../support/octets.ts'
import { privateJwk } from '../support/private-jwk.ts'
import { Random } from '../support/random.ts'

const number = (value: Uint8Array): bigint => BigInt(`0x${hex(value) || '0'}`)
const random = new Random(7)
const some = (length: number): Uint8Array =>
  Uint8Array.from({ length }, () => random.pick([0, 1, 255, random.between(0, 255)]))

test('multiplication, subtraction, remainder', () => {
  for (let round = 0; round < 500; round += 1) {
    const [a, b] = [some(random.between(1, 20)), some(random.between(1, 20))]
    assert.is(number(multiply(a, b)), number(a) * number(b))
    const difference = subtract(a, b)
    assert.is(difference && number(difference), number(a) < number(b) ? undefined : number(a) - number(b))
    if (number(b) > 0n) assert.is(number(remainder(a, b)), number(a) % number(b))
  }
})

test('what undoes 65537', () => {
  for (let round = 0; round < 500; round += 1) {
    const modulus = some(random.between(3, 40))
    if (number(modulus) < 2n) continue
    const inverse = inverseOfF4(modulus)
    if (number(modulus) % 65537n === 0n) assert.is(inverse, undefined)
    else {
      assert.is(inverse?.length, modulus.length)
      assert.is((number(inverse ?? modulus) * 65537n) % number(modulus), 1n)
    }
  }
  assert.is(inverseOfF4(multiply(octets('010001'), octets('1234567890'))), undefined)
})

const field = (text: string | undefined, length: number): Uint8Array =>
  leftPad(Uint8Array.from(Buffer.from(text ?? '', 'base64url')), length)

function rsaParts(key: KeyObject, half: number) {
  const { p, q, dp, dq, qi } = privateJwk(key)
  const [P, Q, dP, dQ, qInv] = [p, q, dp, dq, qi].map((text) => field(text, half))
  return { p: P ?? some(0), q: Q ?? some(0), dP: dP ?? some(0), dQ: dQ ?? some(0), qInv: qInv ?? some(0) }
}

for (const [algorithm, bits] of [
  ['RSA-2048', 2048],
  ['RSA-3072', 3072],
] as const) {
  test(`${algorithm}: OpenSSL has the same public key, and a key's parts are those of its JWK`, async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits })
    const parts = rsaParts(privateKey, bits / 16)
    assert.ok(await isPrivateKey(algorithm, parts))
    assert.equal(publicKeyOf(algorithm, parts), fromKeyObject(publicKey))
    assert.equal(partsOf(privateKey), { algorithm, parts })
    assert.not(await isPrivateKey(algorithm, { ...parts, p: parts.q, q: parts.p }), 'only with their exponents')
    assert.not(await isPrivateKey(algorithm === 'RSA-2048' ? 'RSA-3072' : 'RSA-2048', parts))
    for (const part of ['dP', 'dQ', 'qInv'] as const) {
      const other = parts[part].map((octet, at) => (at === 5 ? octet ^ 1 : octet))
      assert.not(await isPrivateKey(algorithm, { ...parts, [part]: other }), part)
    }
  })
}

test('numbers that are coherent, and not prime, are no key', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const parts = rsaParts(privateKey, 128)
  const one = [2, 4, 8, 16, 32]
    .map((bit) => parts.p.map((octet, at) => (at === 127 ? octet ^ bit : octet)))
    .find((near) => !checkPrimeSync(near)) as Uint8Array
  // Coherent with the rest, as far as that goes without its factors.
  const dP = inverseOfF4(subtract(one, Uint8Array.of(1)) ?? one) ?? one
  const inverse = (a: bigint, m: bigint): bigint => {
    let [r, next, s, after] = [m, a % m, 0n, 1n]
    while (next > 0n) [r, next, s, after] = [next, r % next, after, s - (r / next) * after]
    return r === 1n ? (s + m) % m : 0n
  }
  const qInv = leftPad(octets(inverse(number(parts.q), number(one)).toString(16).padStart(256, '0')), 128)
  assert.not(await isPrivateKey('RSA-2048', { ...parts, p: one, dP, qInv }))
})

const ORDERS = {
  'P-256': 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
  'P-384': 'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
}

for (const algorithm of ['P-256', 'P-384'] as const satisfies readonly Algorithm[]) {
  test(`${algorithm}: OpenSSL has the same public key`, async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: algorithm })
    const scalar = field(privateJwk(privateKey).d, algorithm === 'P-256' ? 32 : 48)
    const kept = scalar.slice()
    assert.ok(await isPrivateKey(algorithm, { scalar }))
    assert.equal(publicKeyOf(algorithm, { scalar }), fromKeyObject(publicKey))
    assert.equal(scalar, kept, "what the caller handed in stays the caller's to wipe")
    assert.equal(partsOf(privateKey), { algorithm, parts: { scalar } })
    for (const other of ['RSA-2048', algorithm === 'P-256' ? 'P-384' : 'P-256'] as const) {
      assert.not(await isPrivateKey(other, { scalar }), other)
    }
    const order = octets(ORDERS[algorithm])
    assert.not(await isPrivateKey(algorithm, { scalar: order }), 'the order of the curve')
    assert.not(await isPrivateKey(algorithm, { scalar: new Uint8Array(order.length) }), 'zero')
    assert.ok(await isPrivateKey(algorithm, { scalar: subtract(order, Uint8Array.of(1)) ?? order }), 'one less')
  })
}

test('what IMPORT KEY leaves in memory of ours is overwritten, also where it is refused', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const parts = Object.values(rsaParts(privateKey, 128)).map((part, index) => tlv(index + 1, part))
  const secrets = { pin: octets('313233343536'), puk: undefined, pinTries: 5, pukTries: 5, adminKey: undefined }
  const card = newMemoryCard({ ...secrets, name: 'wiped', unlockSeconds: 60, mustChangePin: false })
  const vault = openMemoryVault(card)
  const seen: PrivateKeyParts[] = []
  const real = vault.keys.import.bind(vault.keys)
  const importKey: typeof real = async (slot, algorithm, parts, policy) => {
    seen.push(parts)
    return real(slot, algorithm, parts, policy)
  }
  Object.assign(vault.keys, { import: importKey })
  const application = new CardApplication({
    vault,
    identity: () => ({ ...vault.card, created: new Date(vault.card.created) }),
    mustChangePin: () => false,
    defaults: () => [],
  })
  const bring = async (): Promise<string> => {
    const command = { cla: 0, ins: 0xfe, p1: 0x07, p2: 0x9a, data: concat(...parts), le: undefined, extended: true }
    const apdu = encodeCommand(command)
    const answer = await application.transmit(apdu)
    assert.ok(!hex(apdu).includes(hex(parts[0] ?? some(9)).slice(6)), 'the parts in the command itself')
    return hex(answer)
  }
  assert.is(await bring(), '6982')
  application.security.grantAdmin()
  assert.is(await bring(), '9000')
  assert.is(seen.length, 1)
  const octetsSeen = Object.values(seen[0] ?? {})
  assert.equal(
    octetsSeen.map(({ length }) => length),
    Array(5).fill(128),
  )
  assert.ok(octetsSeen.every((part) => part.every((octet: number) => octet === 0)))
})

test('weak DES keys are found in any place and with any parity', () => {
  const good = '0123456789abcdef'
  for (const weak of [
    '0101010101010101',
    '0001000100010001',
    'fefefefefefefefe',
    '1fe01fe00ef10ef1',
    'e0fee0fef1fef1fe',
  ]) {
    for (const key of [weak + good + good, good + weak + good, good + good + weak]) assert.ok(isWeakDesKey(octets(key)))
  }
  assert.not(isWeakDesKey(octets(good.repeat(3))))
  assert.not(isWeakDesKey(octets('010203040506070801020304050607080102030405060708')))
})

test.run()
