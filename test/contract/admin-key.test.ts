// takes: 3 s
// GENERAL AUTHENTICATE with the admin key, 9B, step by step (piv.md 2.6): single and mutual, and what ends a step.
// SET MANAGEMENT KEY, Yubico's instruction that makes another (piv.md 3).
import { createCipheriv, createDecipheriv } from 'node:crypto'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../src/bytes.ts'
import { find, readTlvs, tlv, unwrap } from '../../src/iso7816/tlv.ts'
import { ADMIN_ALGORITHMS, type AdminAlgorithm } from '../../src/piv/algorithms.ts'
import { getData, STATUS, VERIFY } from '../../src/validate/card/assertions/assertion.ts'
import { type Answer, type Edge, SELECT, two } from '../../src/validate/card/assertions/edge.ts'
import { PUT_NOTHING } from '../../src/validate/card/assertions/keys.ts'
import { answers, atEdge, is, octets, runAtEdge } from './on-edge.ts'

const KEY = octets('010203040506070801020304050607080102030405060708')
/** The reference's keys: cut to 16, as it is, and eight octets longer. */
const KEYS: Readonly<Record<AdminAlgorithm, Uint8Array>> = {
  '3DES': KEY,
  'AES-128': KEY.slice(0, 16),
  'AES-192': KEY,
  'AES-256': concat(KEY, KEY.slice(0, 8)),
}
const NAMES = Object.keys(KEYS) as AdminAlgorithm[]

function run(name: AdminAlgorithm, how: 'encrypt' | 'decrypt', block: Uint8Array): Uint8Array {
  const { cipher } = ADMIN_ALGORITHMS[name]
  const context = (how === 'encrypt' ? createCipheriv : createDecipheriv)(cipher, KEYS[name], null)
  context.setAutoPadding(false)
  return Uint8Array.from(Buffer.concat([context.update(block), context.final()]))
}

const send = (edge: Edge, id: number, ...items: readonly Uint8Array[]): Promise<Answer> => {
  const data = tlv(0x7c, ...items)
  return edge.send(concat(octets(`00 87 ${two(id)} 9B ${two(data.length)}`), data, Uint8Array.of(0)))
}
const idOf = (name: AdminAlgorithm): number => ADMIN_ALGORITHMS[name].id
const itemOf = ({ data }: Answer, tag: number): Uint8Array => {
  const value = find(readTlvs(unwrap(data, 0x7c)), tag)
  assert.ok(value, `no ${two(tag)} in ${hex(data)}`)
  return value
}

/** What the card sends to be encrypted, and what it sends encrypted. */
async function challengeOf(edge: Edge, id: number): Promise<Uint8Array> {
  const answer = await send(edge, id, tlv(0x81))
  is(answer, 0x9000, 'a challenge')
  return itemOf(answer, 0x81)
}
async function witnessOf(edge: Edge, id: number): Promise<Uint8Array> {
  const answer = await send(edge, id, tlv(0x80))
  is(answer, 0x9000, 'a witness')
  return itemOf(answer, 0x80)
}

const opened = async (edge: Edge): Promise<boolean> => (await edge.send(PUT_NOTHING)).sw === 0x9000
const closed = (edge: Edge) => answers(edge, PUT_NOTHING, 0x6982)

/** What may come between the two steps; each ends the first. */
const BETWEEN: Readonly<Record<string, string>> = {
  'empty VERIFY': STATUS,
  VERIFY,
  SELECT,
  'SELECT of nothing': '00 A4 04 00 05 01 02 03 04 05 00',
  'GET DATA': getData('5FC102'),
  'PUT DATA': PUT_NOTHING,
  'GET RESPONSE': '00 C0 00 00 00',
  'a private key': '00 87 11 9E 06 7C 04 82 00 81 00 00',
  'the begin of a chain': '10 87 11 9A 02 7C 24',
  'a template that is none': '00 87 0A 9B 02 7C 24 00',
  'an instruction of nobody': '00 05 00 00',
  'a class of nobody': '80 87 0A 9B 04 7C 02 81 00',
  'an APDU that is none': '00 87 0A',
}

for (const name of NAMES) {
  const { block } = ADMIN_ALGORITHMS[name]
  const id = idOf(name)
  const options = { adminKey: { key: KEYS[name], algorithm: name } }

  atEdge(
    `${name}: single authentication`,
    async ({ edge }) => {
      const challenge = await challengeOf(edge, id)
      assert.is(challenge.length, block)
      await closed(edge)
      const answer = await send(edge, id, tlv(0x82, run(name, 'encrypt', await challengeOf(edge, id))))
      assert.equal([answer.sw, answer.data.length], [0x9000, 0])
      assert.ok(await opened(edge))
    },
    options,
  )

  atEdge(
    `${name}: mutual authentication`,
    async ({ edge }) => {
      const challenge = octets('00112233445566778899AABBCCDDEEFF').slice(0, block)
      for (const more of [[], [tlv(0x82)]]) {
        await edge.reset()
        const witness = run(name, 'decrypt', await witnessOf(edge, id))
        await closed(edge)
        const again = run(name, 'decrypt', await witnessOf(edge, id))
        assert.not.equal(again, witness)
        const answer = await send(edge, id, tlv(0x80, again), tlv(0x81, challenge), ...more)
        is(answer, 0x9000, 'the second step')
        assert.equal(itemOf(answer, 0x82), run(name, 'encrypt', challenge))
        assert.ok(await opened(edge))
      }
    },
    options,
  )

  atEdge(
    `${name}: a wrong answer opens nothing, and uses the step up`,
    async ({ edge }) => {
      const right = run(name, 'encrypt', await challengeOf(edge, id))
      const wrong = right.map((octet, at) => (at === block - 1 ? octet ^ 1 : octet))
      is(await send(edge, id, tlv(0x82, wrong)), 0x6982, 'a wrong response')
      is(await send(edge, id, tlv(0x82, right)), 0x6982, 'the right one, too late')
      for (const length of [1, block - 1, block + 1]) {
        await challengeOf(edge, id)
        is(await send(edge, id, tlv(0x82, new Uint8Array(length))), 0x6982, `${length} octets`)
      }
      await closed(edge)
      const witness = run(name, 'decrypt', await witnessOf(edge, id))
      const other = witness.map((octet, at) => (at === 0 ? octet ^ 0x80 : octet))
      is(await send(edge, id, tlv(0x80, other), tlv(0x81, new Uint8Array(block))), 0x6982, 'a wrong witness')
      is(await send(edge, id, tlv(0x80, witness), tlv(0x81, new Uint8Array(block))), 0x6982, 'too late')
      await closed(edge)
    },
    options,
  )
}

atEdge('3DES is 00 as well as 03; another algorithm than that of the key is refused', async ({ edge }) => {
  for (const id of [0x00, 0x03, 0x08, 0x0c, 0x99]) {
    is(await send(edge, id, tlv(0x80)), 0x6a86, `AES-192, asked for ${two(id)}`)
    if (id !== 0x00) is(await send(edge, id, tlv(0x81)), 0x6a86, `AES-192, asked for ${two(id)}`)
  }
})

for (const adminKey of [KEY, 'none'] as const) {
  const what = adminKey === 'none' ? 'no admin key' : 'AES-192'
  atEdge(
    `${what}: a challenge under 00 is random octets, whose answer opens nothing`,
    async ({ edge }) => {
      const first = await challengeOf(edge, 0x00)
      const second = await challengeOf(edge, 0x00)
      assert.equal([first.length, second.length], [8, 8])
      assert.not.equal(first, second)
      const doubled = concat(second, second)
      for (const response of [run('3DES', 'encrypt', second), run('AES-192', 'encrypt', doubled)]) {
        for (const id of [0x00, 0x03, 0x0a]) {
          await challengeOf(edge, 0x00)
          assert.ok([0x6982, 0x6a86, 0x6a88].includes((await send(edge, id, tlv(0x82, response))).sw), two(id))
        }
      }
      // Nor does it leave a step behind that was begun before.
      if (adminKey === KEY) {
        const response = run('AES-192', 'encrypt', await challengeOf(edge, idOf('AES-192')))
        await challengeOf(edge, 0x00)
        is(await send(edge, idOf('AES-192'), tlv(0x82, response)), 0x6982, 'the step before')
      }
      await closed(edge)
    },
    { adminKey },
  )
}

atEdge(
  '3DES: a challenge under 00 is answered under 03',
  async ({ edge }) => {
    const response = run('3DES', 'encrypt', await challengeOf(edge, 0x00))
    is(await send(edge, 0x03, tlv(0x82, response)), 0x9000, 'the response')
    assert.ok(await opened(edge))
    for (const id of [0x08, 0x0a, 0x0c]) is(await send(edge, id, tlv(0x80)), 0x6a86, two(id))
  },
  { adminKey: { key: KEY, algorithm: '3DES' } },
)

atEdge(
  'a step is good for the very next command and for no other',
  async ({ edge }) => {
    const id = idOf('AES-192')
    for (const [between, apdu] of Object.entries(BETWEEN)) {
      const response = run('AES-192', 'encrypt', await challengeOf(edge, id))
      await edge.send(apdu)
      is(await send(edge, id, tlv(0x82, response)), 0x6982, between)
      const witness = run('AES-192', 'decrypt', await witnessOf(edge, id))
      await edge.send(apdu)
      is(await send(edge, id, tlv(0x80, witness), tlv(0x81, new Uint8Array(16))), 0x6982, between)
      await closed(edge)
    }
    const response = run('AES-192', 'encrypt', await challengeOf(edge, id))
    await edge.reset()
    is(await send(edge, id, tlv(0x82, response)), 0x6982, 'a reset')
    const first = run('AES-192', 'encrypt', await challengeOf(edge, id))
    await challengeOf(edge, id)
    is(await send(edge, id, tlv(0x82, first)), 0x6982, 'the answer to the challenge before')
    const mixed = run('AES-192', 'decrypt', await witnessOf(edge, id))
    is(await send(edge, id, tlv(0x82, mixed)), 0x6982, 'a witness as a response')
    await closed(edge)
  },
  { adminKey: KEY },
)

atEdge(
  'the card encrypts nothing for who does not have the key',
  async ({ edge }) => {
    const id = idOf('AES-192')
    const block = octets('00112233445566778899AABBCCDDEEFF')
    for (const items of [
      [tlv(0x81, block)],
      [tlv(0x82), tlv(0x81, block)],
      [tlv(0x80, block)],
      [tlv(0x80, block), tlv(0x82)],
      [tlv(0x80), tlv(0x81)],
      [tlv(0x80), tlv(0x81), tlv(0x82)],
      [tlv(0x82)],
      [tlv(0x85, block)],
      [],
    ]) {
      const answer = await send(edge, id, ...items)
      assert.ok([0x6982, 0x6a80].includes(answer.sw) && answer.data.length === 0, hex(concat(...items)))
    }
    const witness = run('AES-192', 'decrypt', await witnessOf(edge, id))
    const answer = await send(edge, id, tlv(0x81, block), tlv(0x80, witness))
    is(answer, 0x9000, 'in another order')
    assert.is(hex(itemOf(answer, 0x82)), 'c53c74bb02939c2fd3d923078f3e757d', 'the vector of the reference')
  },
  { adminKey: KEY },
)

atEdge(
  'a card without an admin key has no 9B',
  async ({ edge }) => {
    for (const name of NAMES) {
      is(await send(edge, idOf(name), tlv(0x80)), 0x6a88, name)
      is(await send(edge, idOf(name), tlv(0x81)), 0x6a88, name)
    }
    await closed(edge)
  },
  { adminKey: 'none' },
)

/** Admin keys of every algorithm; none of them weak. */
const NEW_KEYS: Readonly<Record<AdminAlgorithm, string>> = {
  '3DES': '0123456789abcdef23456789abcdef01456789abcdef0123',
  'AES-128': '5a'.repeat(16),
  'AES-192': '5b'.repeat(24),
  'AES-256': '5c'.repeat(32),
}
const setKey = (id: number, key: string) =>
  `00 FF FF FF ${two(key.length / 2 + 3)} ${two(id)} 9B ${two(key.length / 2)} ${key}`

atEdge(
  'SET MANAGEMENT KEY: keys of every algorithm are proved afterwards, and the old one no more',
  async ({ edge }) => {
    for (const name of NAMES) {
      await answers(edge, setKey(ADMIN_ALGORITHMS[name].id, NEW_KEYS[name]), 0x6982)
    }
    await edge.authenticateAdmin()
    for (const name of NAMES) {
      await answers(edge, setKey(ADMIN_ALGORITHMS[name].id, NEW_KEYS[name]), 0x9000, name)
      await answers(edge, PUT_NOTHING, 0x9000, 'what was proved still is')
      await edge.reset()
      await answers(edge, SELECT, 0x9000)
      edge.forgetAdminAlgorithm()
      await edge.authenticateAdmin(octets(NEW_KEYS[name]))
      assert.is(hex(await answers(edge, '00 F7 00 9B', 0x9000)), `0101${two(ADMIN_ALGORITHMS[name].id)}02020001050100`)
    }
  },
)

atEdge('SET MANAGEMENT KEY: touch, weak keys, other references and lengths are refused', async ({ edge }) => {
  await edge.authenticateAdmin()
  const [aes, des] = ['5a'.repeat(16), NEW_KEYS['3DES']]
  await answers(edge, setKey(0x08, aes).replace('FF FF FF', 'FF FF FE'), 0x6a86)
  await answers(edge, setKey(0x08, aes).replace('FF FF FF', 'FF FF FD'), 0x6a86)
  await answers(edge, setKey(0x08, aes).replace('FF FF FF', 'FF 00 FF'), 0x6a86)
  for (const id of [0x00, 0x01, 0x07, 0x0a, 0x0c, 0x03, 0xff]) await answers(edge, setKey(id, aes), 0x6a80)
  for (const key of ['', '5a', aes.slice(2), `${aes}5a`]) await answers(edge, setKey(0x08, key), 0x6a80)
  await answers(edge, `00 FF FF FF 13 08 9A 10 ${aes}`, 0x6a80)
  await answers(edge, `00 FF FF FF 13 08 9B 0F ${aes}`, 0x6a80)
  for (const data of ['', '01 08', '02 08 9B']) await answers(edge, `00 FF FF FF ${data}`, 0x6a80)
  for (const weak of [
    '0101010101010101',
    '0000000000000000',
    '1f1f1f1f0e0e0e0e',
    'fe01fe01fe01fe01',
    'e1fee1fef0fef0ff',
  ]) {
    for (const at of [0, 16, 32])
      await answers(edge, setKey(0x03, des.slice(0, at) + weak + des.slice(at + 16)), 0x6a80)
  }
  await edge.reset()
  await edge.authenticateAdmin()
  await answers(edge, PUT_NOTHING, 0x9000, 'nothing was changed')
})

runAtEdge()
