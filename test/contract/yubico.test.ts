// takes: 6 s
// Yubico's instructions at the edge of a card (piv.md 3): versions, facts and keys; admin keys are in admin-key.test.ts.
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../src/bytes.ts'
import { tlv, unwrap } from '../../src/iso7816/tlv.ts'
import { ALGORITHMS, type Algorithm } from '../../src/piv/algorithms.ts'
import { readChuid } from '../../src/piv/contents.ts'
import { DEFAULT_ADMIN_KEY } from '../../src/piv/pin.ts'
import { fromKeyObject, writePublicKeyFields } from '../../src/piv/public-key.ts'
import { readMetadata } from '../../src/piv/yubico.ts'
import { getData, VERIFY } from '../../src/validate/card/assertions/assertion.ts'
import { type Answer, type Edge, octets, two } from '../../src/validate/card/assertions/edge.ts'
import { assertSigned, signWith } from '../../src/validate/card/assertions/use.ts'
import { generate, keyIn } from '../../src/validate/card/assertions/writes.ts'
import { privateJwk } from '../support/private-jwk.ts'
import { answers, atEdge, is, runAtEdge } from './on-edge.ts'

const metadata = (edge: Edge, reference: number) => answers(edge, `00 F7 00 ${two(reference)}`, 0x9000)
const absent = (edge: Edge, reference: number) => answers(edge, `00 F7 00 ${two(reference)}`, 0x6a88)

/** What a client reads out of a key: each number as long as the card wants it. */
function partsOf(key: KeyObject): Uint8Array[] {
  const jwk = privateJwk(key)
  const field = (text: string | undefined, length: number) => {
    const number = Buffer.from(text ?? '', 'base64url')
    return concat(new Uint8Array(length - number.length), number)
  }
  if (jwk.kty === 'EC') return [tlv(0x06, field(jwk.d, jwk.crv === 'P-256' ? 32 : 48))]
  const half = Buffer.from(jwk.n ?? '', 'base64url').length / 2
  return [jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi].map((text, index) => tlv(index + 1, field(text, half)))
}

const KEYS: Readonly<Record<Algorithm, KeyObject>> = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  'RSA-2048': generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  'RSA-3072': generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey,
}
const importKey = (edge: Edge, id: number, slot: number, ...parts: readonly Uint8Array[]): Promise<Answer> =>
  edge.chain(`00 FE ${two(id)} ${two(slot)}`, concat(...parts), '')

/** VERIFY, a signature by the key in `slot`, and a look at it with the public key. */
async function signs(edge: Edge, slot: number, key: KeyObject): Promise<void> {
  await answers(edge, VERIFY, 0x9000)
  const answer = await signWith(edge, slot, key)
  is(answer, 0x9000, 'a signature')
  assertSigned(key, answer)
}

atEdge('GET VERSION and GET SERIAL: no authentication, always the same', async ({ edge }) => {
  const { guid = octets('') } = readChuid(unwrap(await answers(edge, getData('5FC102'), 0x9000), 0x53))
  for (let round = 0; round < 2; round += 1) {
    assert.is(hex(await answers(edge, '00 FD 00 00', 0x9000)), '050403')
    assert.is(hex(await answers(edge, '00 FD 00 00 00', 0x9000)), '050403')
    assert.is(hex(await answers(edge, '00 FD 00 00 03', 0x9000)), '050403')
    await edge.reset()
  }
  const serial = await answers(edge, '00 F8 00 00', 0x9000)
  assert.is(serial.length, 4)
  assert.ok((serial[0] ?? 0) >= 0x40 && (serial[0] ?? 0) < 0x80)
  assert.equal(serial.slice(1), guid.slice(1, 4), 'it is the begin of the GUID')
  await edge.reset()
  assert.equal(await answers(edge, '00 F8 00 00 00', 0x9000), serial)
  for (const ins of ['FD', 'F8']) {
    await answers(edge, `00 ${ins} 01 00`, 0x6a86)
    await answers(edge, `00 ${ins} 00 01`, 0x6a86)
    await answers(edge, `00 ${ins} 00 00 01 00`, 0x6a80)
    await answers(edge, `10 ${ins} 00 00`, 0x6884)
  }
})

atEdge('GET METADATA of PIN and PUK: tries, and whether they are the default', async ({ edge }) => {
  assert.is(hex(await metadata(edge, 0x80)), '0101ff05010006020505')
  assert.is(hex(await metadata(edge, 0x81)), '0101ff05010006020505')
  await answers(edge, '00 20 00 80 08 {wrong}', 0x63c4)
  await answers(edge, '00 2C 00 80 10 {wrongPuk} {pin}', 0x63c4)
  assert.is(hex(await metadata(edge, 0x80)), '0101ff05010006020504')
  assert.is(hex(await metadata(edge, 0x81)), '0101ff05010006020504')
})

atEdge(
  'GET METADATA: defaults are told until they are changed',
  async ({ edge }) => {
    for (const [reference, told] of [
      [0x80, '0101ff05010106020505'],
      [0x81, '0101ff05010106020505'],
      [0x9b, '01010a02020001050101'],
    ] as const) {
      assert.is(hex(await metadata(edge, reference)), told)
    }
    await answers(edge, `00 24 00 80 10 ${'3132333435363738'} {newPin}`, 0x9000)
    assert.is(hex(await metadata(edge, 0x80)), '0101ff05010006020505')
    await answers(edge, '00 24 00 81 10 {puk} 4142434445464748', 0x9000)
    assert.is(hex(await metadata(edge, 0x81)), '0101ff05010006020505')
    await edge.authenticateAdmin(octets(DEFAULT_ADMIN_KEY))
    await answers(edge, `00 FF FF FF 13 08 9B 10 ${'5a'.repeat(16)}`, 0x9000)
    assert.is(hex(await metadata(edge, 0x9b)), '01010802020001050100')
    await answers(edge, `00 FF FF FF 1B 0A 9B 18 ${DEFAULT_ADMIN_KEY}`, 0x9000)
    assert.is(hex(await metadata(edge, 0x9b)), '01010a02020001050101')
  },
  { pin: '12345678', adminKey: octets(DEFAULT_ADMIN_KEY), defaults: ['pin', 'puk', 'adminKey'] },
)

atEdge(
  'GET METADATA of what a card does not have: no PUK is one without tries, no admin key is one that nobody knows',
  async ({ edge }) => {
    assert.is(hex(await metadata(edge, 0x81)), '0101ff05010006020000')
    assert.is(hex(await metadata(edge, 0x9b)), '01010c02020001050100')
    await answers(edge, '00 87 0C 9B 04 7C 02 80 00 00', 0x6a88)
  },
  { noPuk: true, adminKey: 'none' },
)

atEdge(
  'GET METADATA of keys: algorithm, policies, origin, public key; 6A88 for whatever is not there',
  async ({ edge }) => {
    for (const reference of [0x00, 0x04, 0x7f, 0x82, 0x95, 0x96, 0x98, 0x9a, 0x9c, 0xff]) await absent(edge, reference)
    await answers(edge, '00 F7 01 9A', 0x6a86)
    await answers(edge, '00 F7 00 9A 01 00', 0x6a80)
    await edge.authenticateAdmin()
    for (const [slot, id, policy] of [
      [0x9a, 0x11, '0201'],
      [0x9c, 0x14, '0301'],
      [0x9e, 0x07, '0101'],
    ] as const) {
      const made = await generate(edge, slot, id)
      is(made, 0x9000, 'a key')
      const { algorithm, policies, origin, publicKey, ...others } = readMetadata(await metadata(edge, slot))
      assert.equal(
        [hex(algorithm ?? octets('')), hex(policies ?? octets('')), hex(origin ?? octets(''))],
        [two(id), policy, '01'],
      )
      assert.equal(publicKey, writePublicKeyFields(fromKeyObject(keyIn(made))))
      assert.equal(others, {})
    }
  },
)

atEdge('IMPORT KEY: keys of every algorithm sign, and say that they were imported', async ({ edge }) => {
  await edge.authenticateAdmin()
  for (const [name, key] of Object.entries(KEYS) as [Algorithm, KeyObject][]) {
    const { id } = ALGORITHMS[name]
    is(await importKey(edge, id, 0x9a, ...partsOf(key)), 0x9000, name)
    const told = readMetadata(await metadata(edge, 0x9a))
    assert.equal([told.algorithm, told.origin], [Uint8Array.of(id), Uint8Array.of(0x02)])
    assert.equal(told.publicKey, writePublicKeyFields(fromKeyObject(createPublicKey(key))))
    await signs(edge, 0x9a, createPublicKey(key))
  }
})

atEdge('IMPORT KEY: policies as GENERATE has them, touch is refused', async ({ edge }) => {
  await edge.authenticateAdmin()
  const parts = partsOf(KEYS['P-256'])
  const policy = async (slot: number) => hex(readMetadata(await metadata(edge, slot)).policies ?? octets(''))
  for (const [slot, told] of [
    [0x9a, '0201'],
    [0x9c, '0301'],
    [0x9e, '0101'],
  ] as const) {
    is(await importKey(edge, 0x11, slot, ...parts), 0x9000, 'no policy')
    assert.is(await policy(slot), told)
    for (const [id, then] of [
      ['00', told],
      ['01', '0101'],
      ['02', '0201'],
      ['03', '0301'],
    ] as const) {
      is(await importKey(edge, 0x11, slot, octets(`AA01${id}`), octets('AB0101'), ...parts), 0x9000, id)
      assert.is(await policy(slot), then)
    }
  }
  for (const wrong of ['AA0104', 'AA0105', 'AA01FF', 'AA00', 'AA020101', 'AB0102', 'AB0103', 'AB0104', 'AB00']) {
    is(await importKey(edge, 0x11, 0x9a, ...parts, octets(wrong)), 0x6a80, wrong)
  }
})

/** A key that is wrong in one of its numbers. */
function damaged(parts: readonly Uint8Array[], which: number, change: (part: Uint8Array) => Uint8Array): Uint8Array[] {
  return parts.map((part, index) => {
    if (index !== which) return part
    const header = part.length > 0x82 ? 3 : 2
    return tlv(part[0] ?? 0, change(part.slice(header)))
  })
}
const turned = (part: Uint8Array) => part.map((octet, at) => (at === part.length - 1 ? octet ^ 2 : octet))

atEdge(
  'IMPORT KEY: numbers that are no key, and lengths that are not the right ones, are refused',
  async ({ edge }) => {
    const [ec, rsa] = [partsOf(KEYS['P-256']), partsOf(KEYS['RSA-2048'])]
    is(await importKey(edge, 0x11, 0x9a, ...ec), 0x6982, 'without the admin key')
    await edge.authenticateAdmin()
    for (let which = 0; which < 5; which += 1) {
      const cases = {
        turned,
        none: (part: Uint8Array) => part.map(() => 0),
        ones: (part: Uint8Array) => part.fill(0xff),
      }
      for (const [name, change] of Object.entries(cases)) {
        is(await importKey(edge, 0x07, 0x9a, ...damaged(rsa, which, change)), 0x6a80, `${name} ${which}`)
      }
      for (const change of [
        (part: Uint8Array) => part.slice(1),
        (part: Uint8Array) => concat(new Uint8Array(1), part),
        () => new Uint8Array(0),
      ]) {
        is(await importKey(edge, 0x07, 0x9a, ...damaged(rsa, which, change)), 0x6a80, `length ${which}`)
      }
      is(await importKey(edge, 0x07, 0x9a, ...rsa.toSpliced(which, 1)), 0x6a80, `without ${which}`)
      is(await importKey(edge, 0x07, 0x9a, ...rsa, rsa[which] ?? octets('')), 0x6a80, `${which} twice`)
    }
    const [p, , dP] = rsa
    const twice = [p, p, dP, dP, rsa[4]].map((part, index) => tlv(index + 1, (part ?? octets('')).slice(3)))
    is(await importKey(edge, 0x07, 0x9a, ...twice), 0x6a80, 'one prime twice')
    is(await importKey(edge, 0x05, 0x9a, ...rsa), 0x6a80, 'RSA-2048 as RSA-3072')
    is(await importKey(edge, 0x07, 0x9a, ...partsOf(KEYS['RSA-3072'])), 0x6a80, 'RSA-3072 as RSA-2048')
    const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'
    for (const scalar of ['', '00'.repeat(32), order, 'ff'.repeat(32), '01'.repeat(31), '01'.repeat(33)]) {
      is(await importKey(edge, 0x11, 0x9a, tlv(0x06, octets(scalar))), 0x6a80, scalar)
    }
    is(await importKey(edge, 0x11, 0x9a, tlv(0x06, octets(`${order.slice(0, -1)}0`))), 0x9000, 'the greatest scalar')
    is(await importKey(edge, 0x14, 0x9a, ...ec), 0x6a80, 'P-256 as P-384')
    is(await importKey(edge, 0x11, 0x9a, ...rsa), 0x6a80, 'RSA as P-256')
    is(await importKey(edge, 0x11, 0x9a, octets('')), 0x6a80, 'nothing')
    is(await importKey(edge, 0x11, 0x9a, ...ec, octets('07 00')), 0x6a80, 'something else besides')
    for (const id of [0x00, 0x03, 0x06, 0x16, 0x22, 0xe0, 0xe1]) {
      is(await importKey(edge, id, 0x9a, ...ec), 0x6a80, `algorithm ${two(id)}`)
    }
    for (const slot of [0x00, 0x04, 0x80, 0x96, 0x9b]) is(await importKey(edge, 0x11, slot, ...ec), 0x6a86, two(slot))
  },
)

atEdge(
  'IMPORT KEY: the admin key is asked for after the last part, and nothing changes without it',
  async ({ edge }) => {
    is(await importKey(edge, 0x07, 0x9a, ...partsOf(KEYS['RSA-2048'])), 0x6982, 'in parts')
    await absent(edge, 0x9a)
  },
)

atEdge('MOVE KEY: a key goes to another slot or away, with what it is', async ({ edge }) => {
  const move = (to: string, from: string, sw: number) => answers(edge, `00 F6 ${to} ${from}`, sw)
  await move('82', '9A', 0x6982)
  await move('FF', '9A', 0x6982)
  await edge.authenticateAdmin()
  await move('82', '9A', 0x6a88)
  await move('FF', '9A', 0x6a88)
  const made = keyIn(await generate(edge, 0x9c, 0x11))
  const told = await metadata(edge, 0x9c)
  await move('82', '9C', 0x9000)
  assert.equal(await metadata(edge, 0x82), told)
  await absent(edge, 0x9c)
  await signs(edge, 0x82, made)
  is(await signWith(edge, 0x82, made), 0x6982, 'it wants the PIN always, as it did')
  is(await generate(edge, 0x9a, 0x14), 0x9000, 'another key')
  await move('82', '9A', 0x9000)
  assert.equal(
    readMetadata(await metadata(edge, 0x82)).algorithm,
    Uint8Array.of(0x14),
    'the key that was there is gone',
  )
  await move('FF', '82', 0x9000)
  await absent(edge, 0x82)
  await move('FF', '82', 0x6a88)
  for (const [to, from] of [
    ['82', '82'],
    ['82', '9B'],
    ['9B', '82'],
    ['FF', 'FF'],
    ['82', 'FF'],
    ['00', '82'],
    ['82', '00'],
    ['FF', '80'],
  ] as const) {
    await move(to, from, 0x6a86)
  }
  await answers(edge, '00 F6 FF 82 01 00', 0x6a80)
})

atEdge('SET PIN RETRIES is refused: tries are part of the lock', async ({ edge }) => {
  await answers(edge, '00 FA 03 03', 0x6a81)
  await edge.authenticateAdmin()
  await answers(edge, VERIFY, 0x9000)
  await answers(edge, '00 FA 03 03', 0x6a81)
})

atEdge('a PUK that is none is a wrong one, whatever comes with it', async ({ edge }) => {
  await answers(edge, `00 2C 00 80 10 ${'ff'.repeat(16)}`, 0x63c4)
  await answers(edge, `00 2C 00 80 10 ${'00'.repeat(8)} {newPin}`, 0x63c3)
  await answers(edge, `00 2C 00 80 10 {puk} ${'ff'.repeat(8)}`, 0x6a80)
  await answers(edge, '00 20 00 80', 0x63c5)
  for (const left of [2, 1, 0]) await answers(edge, `00 2C 00 80 10 ${'ff'.repeat(16)}`, 0x63c0 | left)
  await answers(edge, `00 2C 00 80 10 ${'ff'.repeat(16)}`, 0x6983)
})

runAtEdge()
