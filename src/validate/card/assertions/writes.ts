// Assertions 61 to 69: PUT DATA and GENERATE. The last ones are for a spare card.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { concat, equal, hex } from '../../../bytes.ts'
import { find, tlv } from '../../../iso7816/tlv.ts'
import { certificateOf } from '../certificate.ts'
import { type Assertion, assertion, getData, must, type Step, step, verified } from './assertion.ts'
import { type Answer, type Edge, octets, SELECT, two } from './edge.ts'
import { PUT_NOTHING, wantsRoom } from './keys.ts'
import { readTlvs, unwrap } from './read.ts'
import { algorithmOf, assertSigned, sign } from './use.ts'

/** Retired certificate 2, which the writing assertions use. */
export const SPARE = '5FC10E'
export const content = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index % 251)

export const putData = (edge: Edge, tag: string, value: Uint8Array): Promise<Answer> =>
  edge.chain('00 DB 3F FF', concat(tlv(0x5c, octets(tag)), tlv(0x53, value)), '')

export const asAdmin = step(async (edge) => {
  await edge.authenticateAdmin()
  return { data: new Uint8Array(0), sw: 0x9000 }
}, '9000')

export const put = (length: number): Step => step((edge) => putData(edge, SPARE, content(length)), '9000')
export const holds = (length: number): Step =>
  step(getData(SPARE), '9000', ({ data }) => must(equal(unwrap(data, 0x53), content(length)), 'it is another content'))

export const wantsAdmin: NonNullable<Assertion['unless']> = (edge) =>
  edge.secrets.adminKey === undefined ? 'the admin key is not known' : undefined

/** What cards say of a slot that they do not have. */
const NO_SLOT = '6A80 6A86 6A88'

/** Retired keys are optional: SP 800-73-5 part 1, table 4b. */
const wantsRetired: NonNullable<Assertion['unless']> = async (edge) => {
  const unable = await wantsAdmin(edge)
  if (unable !== undefined) return unable
  await edge.authenticateAdmin()
  const { sw } = await generate(edge, 0x82, 0x11)
  return NO_SLOT.includes(sw.toString(16).toUpperCase()) ? 'the card has no slot 82' : undefined
}

/** GENERATE ASYMMETRIC KEY PAIR; `id`: SP 800-78-5, table 9. */
export const generate = (edge: Edge, slot: number, id: number): Promise<Answer> =>
  edge.send(`00 47 00 ${two(slot)} 05 AC 03 80 01 ${two(id)} 00`)

/** The key in an answer to GENERATE. */
export function keyIn({ data }: Answer): KeyObject {
  const fields = readTlvs(unwrap(data, 0x7f49))
  const text = (value?: Uint8Array) => Buffer.from(value ?? []).toString('base64url')
  const point = find(fields, 0x86)
  if (point === undefined) {
    return createPublicKey({
      key: { kty: 'RSA', n: text(find(fields, 0x81)), e: text(find(fields, 0x82)) },
      format: 'jwk',
    })
  }
  const half = (point.length - 1) / 2
  const [x, y] = [text(point.slice(1, 1 + half)), text(point.slice(1 + half))]
  return createPublicKey({ key: { kty: 'EC', crv: half === 32 ? 'P-256' : 'P-384', x, y }, format: 'jwk' })
}

function isP256(answer: Answer): void {
  must(algorithmOf(keyIn(answer)).id === 0x11, `it is ${hex(answer.data)}`)
}

/** Makes keys in 9A (RSA-2048), 9C, 9D and 9E (P-256) and certificates of them: what the other assertions use. */
export async function prepareSpareCard(edge: Edge): Promise<void> {
  await edge.authenticateAdmin()
  for (const [slot, id, tag] of [
    [0x9a, 0x07, '5FC105'],
    [0x9c, 0x11, '5FC10A'],
    [0x9d, 0x11, '5FC10B'],
    [0x9e, 0x11, '5FC101'],
  ] as const) {
    const made = await generate(edge, slot, id)
    must(made.sw === 0x9000, `GENERATE answers ${made.sw.toString(16)}`)
    const certificate = certificateOf(keyIn(made), `Slot ${slot.toString(16)}`)
    const value = concat(tlv(0x70, certificate), tlv(0x71, Uint8Array.of(0)), tlv(0xfe))
    const { sw } = await putData(edge, tag, value)
    must(sw === 0x9000, `PUT DATA answers ${sw.toString(16)}`)
  }
  edge.forgetCertificates()
}

export const WRITE_ASSERTIONS = [
  assertion(61, 'N', 'PUT DATA without the admin key', [step(PUT_NOTHING, '6982')], wantsRoom),
  assertion(
    62,
    'N',
    'GENERATE without the admin key',
    [step((edge) => generate(edge, 0x95, 0x11), `6982 ~ ${NO_SLOT}`)],
    wantsRoom,
  ),
  assertion(63, 'W', 'an object that was put comes back', [asAdmin, put(100), holds(100)], wantsAdmin),
  assertion(64, 'W', 'an object of 2 kB, put in parts', [asAdmin, put(2000), holds(2000)], wantsAdmin),
  assertion(
    65,
    'W',
    'an object is deleted by an empty one',
    [
      asAdmin,
      put(10),
      step((edge) => putData(edge, SPARE, new Uint8Array(0)), '9000'),
      step(getData(SPARE), '6A82 9000', ({ data, sw }) => must(sw !== 0x9000 || hex(data) === '5300', 'it is there')),
    ],
    wantsAdmin,
  ),
  assertion(
    66,
    'W',
    'a reset ends what the admin key proved',
    [
      asAdmin,
      step(async (edge) => {
        await edge.reset()
        return edge.send(SELECT)
      }, '9000'),
      step(PUT_NOTHING, '6982'),
    ],
    wantsAdmin,
  ),
  assertion(
    67,
    'W',
    'GENERATE in 82: the key signs',
    [
      asAdmin,
      step(
        async (edge) => {
          const made = await generate(edge, 0x82, 0x11)
          const value = concat(tlv(0x70, certificateOf(keyIn(made))), tlv(0x71, Uint8Array.of(0)), tlv(0xfe))
          must((await putData(edge, '5FC10D', value)).sw === 0x9000, 'its certificate is not taken')
          edge.forgetCertificates()
          return made
        },
        '9000',
        isP256,
      ),
      verified,
      step(sign(0x82), '9000', (answer, _edge, before) => {
        const made = before.find(({ data }) => hex(data).startsWith('7f49'))
        must(made, 'no key')
        must(algorithmOf(keyIn(made)).id === 0x11, 'another algorithm')
        assertSigned(keyIn(made), answer)
      }),
    ],
    wantsRetired,
  ),
  assertion(
    68,
    'W',
    'GENERATE with an algorithm of nobody',
    [asAdmin, step((edge) => generate(edge, 0x95, 0x99), '6A80 ~ 6A86 6A88')],
    wantsAdmin,
  ),
  assertion(
    69,
    'W',
    'PUT DATA of more than a card holds leaves the old object',
    [
      asAdmin,
      put(10),
      step((edge) => putData(edge, SPARE, content(20_000)), '6A84 ~ 6700'),
      holds(10),
      step((edge) => putData(edge, SPARE, new Uint8Array(0)), '9000'),
    ],
    wantsAdmin,
  ),
]
