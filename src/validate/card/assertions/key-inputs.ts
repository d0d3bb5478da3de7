// GENERAL AUTHENTICATE with what is no input: points of no curve, blocks of no modulus, templates that are none.
import { concat, hex } from '../../../bytes.ts'
import { tlv } from '../../../iso7816/tlv.ts'
import { look, must, type NamedAssertion, named, step, verified } from './assertion.ts'
import { type Answer, type Edge, octets, two } from './edge.ts'
import { nameOf, ofKind, wantsKey, wantsKind } from './every-key.ts'
import { algorithmOf, authenticate, isSigned, pointOf, sign } from './use.ts'

const AUTHENTICATE = 'SP 800-73-5 part 2, 3.2.4'
const POINTS = 'SP 800-56A rev. 3, 5.6.2.3.3; SP 800-73-5 part 2, 3.2.4'

/** ECDH with what is no point of the curve; `make` gets the octets of one that is. */
const noPoint = (id: string, what: string, make: (point: Uint8Array) => Uint8Array): NamedAssertion =>
  named(
    `key.ecdh.${id}`,
    POINTS,
    'P',
    `ECDH with ${what}`,
    [
      verified,
      step(async (edge) => {
        const { slot, key, id: algorithm } = await ofKind(edge, 'ec')
        return silent(authenticate(edge, algorithm, slot, 0x85, make(pointOf(key))))
      }, '!9000'),
    ],
    wantsKind('ec'),
  )

/** Fails where an answer that is no 9000 has data. */
async function silent(answer: Promise<Answer>): Promise<Answer> {
  const { data, sw } = await answer
  if (sw !== 0x9000) must(data.length === 0, 'it comes with data')
  return { data, sw }
}

/** A template that is none, for the key that wants no PIN. */
const noTemplate = (id: string, what: string, data: string, sw = '!9000'): NamedAssertion =>
  named(
    `key.template.${id}`,
    `${AUTHENTICATE}; ISO/IEC 7816-4, 11.5.5`,
    'N',
    `GA 9E with ${what}`,
    [step(async (edge) => silent(general(edge, data)), sw), step(sign(0x9e), '9000', isSigned(0x9e))],
    wantsKey(0x9e),
  )

async function general(edge: Edge, data: string): Promise<Answer> {
  const key = await edge.key(0x9e)
  must(key, 'no key')
  const field = octets(data)
  return edge.send(`00 87 ${two(algorithmOf(key).id)} 9E ${two(field.length)} ${hex(field)} 00`)
}

const HASH = '5A'.repeat(32)
const IDS = [0x05, 0x06, 0x07, 0x16, 0x11, 0x14, 0x27, 0x2e, 0xe0, 0xe1, 0x00, 0x7f, 0xff]

export const KEY_INPUT_ASSERTIONS: readonly NamedAssertion[] = [
  named(
    'key.rsa.modulus',
    'RFC 8017, 5.2.1; SP 800-73-5 part 2, 3.2.4',
    'P',
    'RSA with a block that is not smaller than the modulus',
    [
      verified,
      step(async (edge) => {
        const { slot, key, id } = await ofKind(edge, 'rsa')
        const modulus = Uint8Array.from(Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url'))
        return silent(authenticate(edge, id, slot, 0x81, modulus))
      }, '!9000'),
    ],
    wantsKind('rsa'),
  ),
  noPoint('short', 'a point of one octet too few', (point) => point.subarray(0, -1)),
  noPoint('long', 'a point of one octet too many', (point) => concat(point, Uint8Array.of(0))),
  noPoint('infinity', 'the point at infinity', () => Uint8Array.of(0)),
  noPoint('zero', 'the coordinates 0 and 0', (point) => concat(Uint8Array.of(4), new Uint8Array(point.length - 1))),
  noPoint('range', 'a coordinate beyond the field', (point) =>
    concat(
      point.subarray(0, 1),
      new Uint8Array((point.length - 1) / 2).fill(0xff),
      point.subarray((point.length + 1) / 2),
    ),
  ),
  noPoint('form', 'a first octet of nobody', (point) => concat(Uint8Array.of(5), point.subarray(1))),
  named(
    'key.algorithms',
    `${AUTHENTICATE}; SP 800-78-5, table 9`,
    'P',
    'a key takes its own algorithm and no other',
    [
      verified,
      look(async (edge) => {
        for (const [slot, { publicKey }] of await edge.certificates()) {
          for (const id of IDS) {
            if (id === algorithmOf(publicKey).id) continue
            const { sw } = await authenticate(edge, id, slot, 0x81, new Uint8Array(32).fill(1))
            must(sw !== 0x9000, `${nameOf(slot)} takes ${two(id)}`)
          }
        }
      }),
    ],
    async (edge) => ((await edge.certificates()).size > 0 ? undefined : 'there is no certificate'),
  ),
  noTemplate('empty', 'an empty template', '7C00'),
  noTemplate('none', 'the fields outside of a template', `82008120${HASH}`),
  noTemplate('cut', 'a template that is cut off', '7C248200812011223344'),
  noTemplate('unknown', 'an item of nobody', `7C2482008F20${HASH}`),
  noTemplate('response', 'the response asked for, and nothing else', '7C028200'),
  noTemplate('no-challenge', 'an empty challenge', '7C0482008100'),
  noTemplate('after', 'octets after the template', `7C2482008120${HASH}0102`, '!9000 ~ 9000'),
  named('key.references', `${AUTHENTICATE}; SP 800-78-5, table 10`, 'N', 'GA of references that are no keys', [
    look(async (edge) => {
      for (const reference of [0x00, 0x80, 0x81, 0x96, 0xff]) {
        const { sw } = await silent(authenticate(edge, 0x11, reference, 0x81, new Uint8Array(32).fill(1)))
        must(sw !== 0x9000, `reference ${two(reference)} answers`)
      }
    }),
  ]),
  named(
    'key.order',
    AUTHENTICATE,
    'N',
    'GA 9E: the items may come in any order',
    [
      step(async (edge) => {
        const key = await edge.key(0x9e)
        must(key, 'no key')
        const { id, size, ec } = algorithmOf(key)
        const challenge = new Uint8Array(ec ? 32 : size).fill(1)
        return edge.chain(`00 87 ${two(id)} 9E`, tlv(0x7c, tlv(0x81, challenge), tlv(0x82)))
      }, '9000 ~ !9000'),
    ],
    wantsKey(0x9e),
  ),
]
