// Assertions 43 to 60: GENERAL AUTHENTICATE, with private keys and with the admin key.
import { randomBytes } from 'node:crypto'
import { concat, equal } from '../../../bytes.ts'
import { find, tlv } from '../../../iso7816/tlv.ts'
import { type Assertion, assertion, getData, must, STATUS, step, verified } from './assertion.ts'
import { type Answer, type Edge, two } from './edge.ts'
import { readTlvs, unwrap } from './read.ts'
import {
  algorithmOf,
  assertExchanged,
  authenticate,
  exchange,
  isSigned,
  pointOf,
  sign,
  signatureTemplate,
  slotsOf,
} from './use.ts'

const wants =
  (...slots: readonly number[]): NonNullable<Assertion['unless']> =>
  async (edge) => {
    for (const slot of slots) {
      if ((await edge.key(slot)) === undefined) return `there is no certificate in slot ${slot.toString(16)}`
    }
    return undefined
  }

const wantsKind =
  (kind: 'ec' | 'rsa'): NonNullable<Assertion['unless']> =>
  async (edge) =>
    (await slotsOf(edge, kind)).length > 0 ? undefined : `there is no certificate of an ${kind.toUpperCase()} key`

const wantsAdmin: NonNullable<Assertion['unless']> = async (edge) =>
  (await edge.adminAlgorithm()) ? undefined : 'there is no admin key'

const noData = ({ data }: Answer): void => must(data.length === 0, 'it comes with data')

/** Fails where an answer that is no 9000 has data. */
async function refused(answer: Promise<Answer>): Promise<Answer> {
  const { data, sw } = await answer
  if (sw !== 0x9000) noData({ data, sw })
  return { data, sw }
}

async function exchanged(edge: Edge): Promise<Answer> {
  const result = await exchange(edge, 0x9d)
  if (result.answer.sw === 0x9000) assertExchanged(result)
  return result.answer
}

/** ECDH with a point that is not on the curve: Y of a point that is, with its last bit turned. */
async function offCurve(edge: Edge): Promise<Answer> {
  const [slot = 0] = await slotsOf(edge, 'ec')
  const key = await edge.key(slot)
  must(key, 'no key')
  const point = pointOf(key)
  point[point.length - 1] = (point.at(-1) ?? 0) ^ 1
  return refused(authenticate(edge, algorithmOf(key).id, slot, 0x85, point))
}

const rsaBlock =
  (difference: number) =>
  async (edge: Edge): Promise<Answer> => {
    const [slot = 0] = await slotsOf(edge, 'rsa')
    const key = await edge.key(slot)
    must(key, 'no key')
    const { id, size } = algorithmOf(key)
    return refused(authenticate(edge, id, slot, 0x81, new Uint8Array(size + difference).fill(0x01)))
  }

/** The identifier of another algorithm than that of the key. */
async function otherAlgorithm(edge: Edge): Promise<Answer> {
  const [first] = await edge.certificates()
  must(first, 'no key')
  const [slot, { publicKey }] = first
  const id = algorithmOf(publicKey).id === 0x11 ? 0x07 : 0x11
  return refused(authenticate(edge, id, slot, 0x81, new Uint8Array(id === 0x11 ? 32 : 256).fill(1)))
}

/** First step of authentication with the admin key: `80 00` for a witness, `81 00` for a challenge. */
const ask =
  (tag: '80' | '81') =>
  async (edge: Edge): Promise<Answer> => {
    const algorithm = await edge.adminAlgorithm()
    must(algorithm, 'no admin key')
    const answer = await edge.send(`00 87 ${two(algorithm.id)} 9B 04 7C 02 ${tag} 00 00`)
    const value = find(readTlvs(unwrap(answer.data, 0x7c)), Number.parseInt(tag, 16))
    must(value?.length === algorithm.block, `it has ${value?.length} octets`)
    return answer
  }

function another(now: Answer, _edge: Edge, before: readonly Answer[]): void {
  must(!equal(now.data, before.at(-1)?.data ?? now.data), 'it is the same as the one before')
}

async function wrongWitness(edge: Edge): Promise<Answer> {
  const algorithm = await edge.adminAlgorithm()
  must(algorithm, 'no admin key')
  await ask('80')(edge)
  return withoutWitness(edge)
}

/** Second step of mutual authentication with what nobody asked for. The first step is made to be forgotten. */
async function withoutWitness(edge: Edge): Promise<Answer> {
  const algorithm = await edge.adminAlgorithm()
  must(algorithm, 'no admin key')
  const { id, block } = algorithm
  const items = tlv(0x7c, tlv(0x80, randomBytes(block)), tlv(0x81, randomBytes(block)))
  return refused(edge.chain(`00 87 ${two(id)} 9B`, items))
}

async function forgotten(edge: Edge): Promise<Answer> {
  await edge.adminAlgorithm()
  await edge.send(STATUS)
  return withoutWitness(edge)
}

/** The first part of a signature in two, GET DATA, and then the second part by itself. */
async function interrupted(edge: Edge): Promise<Answer> {
  const slot = (await edge.key(0x9a)) === undefined ? 0x95 : 0x9a
  const { header, data } =
    slot === 0x9a
      ? await signatureTemplate(edge, slot)
      : { header: '11 95', data: tlv(0x7c, tlv(0x82), tlv(0x81, new Uint8Array(32))) }
  const cut = Math.min(255, data.length - 11)
  const begin = await edge.transmit(`10 87 ${header} ${two(cut)} ${Buffer.from(data.subarray(0, cut)).toString('hex')}`)
  must(begin.sw === 0x9000, `the first part answers ${begin.sw.toString(16)}`)
  const between = await edge.send(getData('7E'))
  must(between.sw === 0x9000 || between.sw === 0x6a82, `GET DATA answers ${between.sw.toString(16)}`)
  const rest = Buffer.from(data.subarray(cut)).toString('hex')
  return refused(edge.send(`00 87 ${header} ${two(data.length - cut)} ${rest} 00`))
}

const READABLE = getData('5FC102')
/** PUT DATA of nothing into the certificate of slot 95, the last one to be used. */
export const PUT_NOTHING = '00 DB 3F FF 07 5C 03 5F C1 20 53 00'

/** What is aimed at must be free: the card may be broken, and do what it is to refuse. */
export const wantsRoom: NonNullable<Assertion['unless']> = async (edge) => {
  const { data, sw } = await edge.send(getData('5FC120'))
  return sw === 0x9000 && data.length > 2 ? 'slot 95, which it aims at, is in use' : undefined
}

export const KEY_ASSERTIONS = [
  assertion(43, 'N', 'GA 9E without PIN', [step(sign(0x9e), '9000', isSigned(0x9e))], wants(0x9e)),
  assertion(
    44,
    'N',
    'GA 9A, 9D and 9C without PIN',
    [0x9a, 0x9d, 0x9c].map((slot) => step(sign(slot), '6982')),
    wants(0x9a, 0x9d, 0x9c),
  ),
  assertion(
    45,
    'P',
    'VERIFY, GA 9A twice',
    [verified, step(sign(0x9a), '9000', isSigned(0x9a)), step(sign(0x9a), '9000', isSigned(0x9a))],
    wants(0x9a),
  ),
  assertion(46, 'P', 'VERIFY, GA 9C', [verified, step(sign(0x9c), '9000', isSigned(0x9c))], wants(0x9c)),
  assertion(
    47,
    'P',
    'VERIFY, GA 9C twice: once is all',
    [verified, step(sign(0x9c), '9000', isSigned(0x9c)), step(sign(0x9c), '6982')],
    wants(0x9c),
  ),
  assertion(
    48,
    'P',
    'VERIFY, GET DATA, GA 9C',
    [verified, step(READABLE, '9000'), step(sign(0x9c), '6982')],
    wants(0x9c),
  ),
  assertion(49, 'P', 'VERIFY, GA 9D twice', [verified, step(exchanged, '9000'), step(exchanged, '9000')], wants(0x9d)),
  assertion(50, 'P', 'ECDH with a point off the curve', [verified, step(offCurve, '6A80 ~ !9000')], wantsKind('ec')),
  assertion(
    51,
    'P',
    'RSA with a block of another length than the modulus',
    [verified, step(rsaBlock(-1), '6A80 ~ !9000'), step(rsaBlock(1), '6A80 ~ !9000')],
    wantsKind('rsa'),
  ),
  assertion(
    52,
    'N',
    'GA with another algorithm than that of the key',
    [step(otherAlgorithm, '6A86 6A80')],
    async (edge) => ((await edge.certificates()).size > 0 ? undefined : 'there is no certificate'),
  ),
  assertion(53, 'N', 'GA of a slot without a key', [
    step((edge) => refused(authenticate(edge, 0x11, 0x95, 0x81, new Uint8Array(32))), '6A80 6A86 6A88 ~ 6982'),
  ]),
  assertion(54, 'N', 'GA 04 with P-256', [
    step((edge) => refused(authenticate(edge, 0x11, 0x04, 0x81, new Uint8Array(32))), '6A86 ~ 6A88'),
  ]),
  assertion(55, 'N', 'GA 9B: two witnesses', [step(ask('80'), '9000'), step(ask('80'), '9000', another)], wantsAdmin),
  assertion(56, 'N', 'GA 9B: two challenges', [step(ask('81'), '9000'), step(ask('81'), '9000', another)], wantsAdmin),
  assertion(
    57,
    'R',
    'GA 9B: a wrong witness opens nothing',
    [step(wrongWitness, '!9000'), step(PUT_NOTHING, '6982')],
    async (edge) => (await wantsAdmin(edge)) ?? wantsRoom(edge),
  ),
  assertion(
    58,
    'R',
    'GA 9B: the second step without the first',
    [step(forgotten, '!9000'), step(PUT_NOTHING, '6982')],
    async (edge) => (await wantsAdmin(edge)) ?? wantsRoom(edge),
  ),
  assertion(59, 'N', 'a chain that another command interrupts', [step(interrupted, '!9000')]),
  assertion(
    60,
    'P',
    'VERIFY, GA 9A with an RSA-2048 key: 264 octets in pieces',
    [
      verified,
      step(
        async (edge) => {
          const { header, data } = await signatureTemplate(edge, 0x9a)
          const first = Buffer.from(data.subarray(0, 255)).toString('hex')
          const begin = await edge.transmit(`10 87 ${header} FF ${first}`)
          must(begin.sw === 0x9000, `the first part answers ${begin.sw.toString(16)}`)
          const rest = data.subarray(255)
          const one = await edge.transmit(
            concat(Buffer.from(`0087${header}${two(rest.length)}`.replaceAll(' ', ''), 'hex'), rest, Uint8Array.of(0)),
          )
          must(one.sw >> 8 === 0x61 && one.data.length > 0, `the last part answers ${one.sw.toString(16)}`)
          const more = await edge.send(`00 C0 00 00 ${two(one.sw & 0xff)}`)
          return { data: concat(one.data, more.data), sw: more.sw }
        },
        '9000',
        async (answer, edge) => {
          must(answer.data.length === 264, `${answer.data.length} octets`)
          await isSigned(0x9a)(answer, edge)
        },
      ),
    ],
    async (edge) =>
      (await edge.key(0x9a))?.asymmetricKeyDetails?.modulusLength === 2048
        ? undefined
        : 'there is no certificate of an RSA-2048 key in slot 9a',
  ),
]
