// GENERAL AUTHENTICATE with every key that there is: each is the private half of its certificate, is used as its slot allows,
// and gives nothing for what is no input.
import type { KeyObject } from 'node:crypto'
import { equal, hex } from '../../../bytes.ts'
import { find } from '../../../iso7816/tlv.ts'
import {
  type Assertion,
  type Class,
  look,
  must,
  type NamedAssertion,
  named,
  STATUS,
  type Step,
  step,
  VERIFY,
  VERIFY_WRONG,
  verified,
} from './assertion.ts'
import { type Answer, type Edge, octets, SELECT, two } from './edge.ts'
import { readTlvs, unwrap } from './read.ts'
import { algorithmOf, assertExchanged, assertSigned, exchange, isSigned, responseIn, sign, slotsOf } from './use.ts'

const AUTHENTICATE = 'SP 800-73-5 part 2, 3.2.4'
const KEYS = 'SP 800-73-5 part 1, table 5'
const SLOTS = [0x9a, 0x9c, 0x9d, 0x9e]

export const nameOf = (slot: number): string => two(slot)

export const wantsKey =
  (...slots: readonly number[]): NonNullable<Assertion['unless']> =>
  async (edge) => {
    for (const slot of slots) {
      if ((await edge.key(slot)) === undefined) return `there is no certificate in slot ${nameOf(slot)}`
    }
    return undefined
  }

const retiredOf = async (edge: Edge): Promise<number[]> =>
  [...(await edge.certificates()).keys()].filter((slot) => slot < 0x96)

const wantsRetired: NonNullable<Assertion['unless']> = async (edge) =>
  (await retiredOf(edge)).length > 0 ? undefined : 'there is no certificate of a retired key'

/** A key of a kind, in a slot whose use is not the matter; in 9C only where there is no other. */
async function slotOf(edge: Edge, kind: 'ec' | 'rsa'): Promise<number> {
  const slots = await slotsOf(edge, kind)
  const slot = slots.find((one) => one !== 0x9c) ?? slots[0]
  must(slot, 'no key')
  return slot
}

export const wantsKind =
  (kind: 'ec' | 'rsa'): NonNullable<Assertion['unless']> =>
  async (edge) =>
    (await slotsOf(edge, kind)).length > 0 ? undefined : `there is no certificate of an ${kind.toUpperCase()} key`

export const ofKind = async (
  edge: Edge,
  kind: 'ec' | 'rsa',
): Promise<{ slot: number; key: KeyObject; id: number; size: number }> => {
  const slot = await slotOf(edge, kind)
  const key = await edge.key(slot)
  must(key, 'no key')
  return { slot, key, ...algorithmOf(key) }
}

async function exchanges(edge: Edge, slot: number): Promise<void> {
  await edge.send(VERIFY)
  const result = await exchange(edge, slot)
  must(result.answer.sw === 0x9000, `${nameOf(slot)} answers ${result.answer.sw.toString(16)}`)
  assertExchanged(result)
}

async function signs(edge: Edge, slot: number): Promise<void> {
  if (slot !== 0x9e) await edge.send(VERIFY)
  const answer = await sign(slot)(edge)
  must(answer.sw === 0x9000, `${nameOf(slot)} answers ${answer.sw.toString(16)}`)
  await isSigned(slot)(answer, edge)
}

/** The signature keys are not for agreement: cards in the field allow it all the same. */
const agreement = (slot: number): NamedAssertion =>
  named(
    `key.${nameOf(slot)}.no-agreement`,
    `${AUTHENTICATE}; ${KEYS}`,
    'P',
    `GA ${nameOf(slot).toUpperCase()}: a key for signatures agrees on no secret`,
    [verified, step(async (edge) => (await exchange(edge, slot)).answer, '!9000 ~ 9000')],
    async (edge) => {
      const key = await edge.key(slot)
      return key?.asymmetricKeyType === 'ec'
        ? undefined
        : `there is no certificate of an EC key in slot ${nameOf(slot)}`
    },
  )

/** r and s of an ECDSA signature, as they are written. */
const numbersOf = (answer: Answer): Uint8Array[] => readTlvs(unwrap(responseIn(answer), 0x30)).map(({ value }) => value)

function isShortestNumber(value: Uint8Array): void {
  const [head = 0, next = 0] = value
  must(value.length > 0 && head < 0x80, 'a number of the signature is negative or empty')
  must(head !== 0 || next >= 0x80, 'a number of the signature has zeros before it, or is zero')
}

const signature = async (edge: Edge, kind: 'ec' | 'rsa'): Promise<Answer> => {
  const { slot } = await ofKind(edge, kind)
  if (slot === 0x9c) await edge.send(VERIFY)
  return sign(slot)(edge)
}

/** What comes between VERIFY and 9C. */
const between = (id: string, what: string, step_: Step, sw: string, slots: readonly number[] = []): NamedAssertion =>
  named(
    `key.9c.${id}`,
    `${KEYS}; part 2, 3.2.4`,
    'P',
    `VERIFY, ${what}, GA 9C`,
    [verified, step_, step(sign(0x9c), sw)],
    wantsKey(0x9c, ...slots),
  )

const possession = (slot: number, kind: Class, work: (edge: Edge, slot: number) => Promise<void>): NamedAssertion =>
  named(
    `key.${nameOf(slot)}.possession`,
    `SP 800-85B-4; ${AUTHENTICATE}`,
    kind,
    `the card has the private half of the certificate of ${nameOf(slot).toUpperCase()}`,
    [look((edge) => work(edge, slot))],
    wantsKey(slot),
  )

export const EVERY_KEY_ASSERTIONS: readonly NamedAssertion[] = [
  possession(0x9a, 'P', signs),
  possession(0x9c, 'P', signs),
  possession(0x9d, 'P', exchanges),
  possession(0x9e, 'N', signs),
  named(
    'key.retired.possession',
    `SP 800-85B-4; ${AUTHENTICATE}`,
    'P',
    'the card has the private half of every retired certificate',
    [
      look(async (edge) => {
        for (const slot of await retiredOf(edge)) await exchanges(edge, slot)
      }),
    ],
    wantsRetired,
  ),
  named(
    'key.retired.pin',
    KEYS,
    'N',
    'GA of retired keys without PIN',
    [
      look(async (edge) => {
        for (const slot of await retiredOf(edge)) {
          const { answer } = await exchange(edge, slot)
          must(answer.sw === 0x6982, `${nameOf(slot)} answers ${answer.sw.toString(16)}`)
        }
      }),
    ],
    wantsRetired,
  ),
  ...[0x9a, 0x9c, 0x9e].map(agreement),
  named(
    'key.ecdsa.form',
    'RFC 3279, 2.2.3; X.690, 8.3',
    'P',
    'ECDSA: two numbers, positive and in their shortest form',
    [
      verified,
      step(
        (edge) => signature(edge, 'ec'),
        '9000',
        (answer) => {
          const numbers = numbersOf(answer)
          must(numbers.length === 2, `${numbers.length} numbers`)
          numbers.forEach(isShortestNumber)
        },
      ),
    ],
    wantsKind('ec'),
  ),
  named(
    'key.ecdsa.nonces',
    'FIPS 186-5, 6.3',
    'P',
    'ECDSA: two signatures of the same have different nonces',
    [
      verified,
      step((edge) => signature(edge, 'ec'), '9000'),
      step(
        (edge) => signature(edge, 'ec'),
        '9000',
        (answer, _edge, before) => {
          const last = before.at(-1) ?? answer
          const [now, then] = [answer, last].map((one) => numbersOf(one)[0] ?? new Uint8Array(0))
          if (!equal(now ?? octets(''), then ?? octets(''))) return undefined
          // RFC 6979 takes the nonce from key and digest, and is allowed.
          must(equal(answer.data, last.data), 'one nonce, and two signatures')
          return 'the nonce is the same: deterministic ECDSA (FIPS 186-5, 6.4), or a constant'
        },
      ),
    ],
    wantsKind('ec'),
  ),
  named(
    'key.rsa.same',
    'RFC 8017, 5.2.1',
    'P',
    'RSA: the same block gives the same octets, as many as the modulus has',
    [
      verified,
      step((edge) => signature(edge, 'rsa'), '9000'),
      step(
        (edge) => signature(edge, 'rsa'),
        '9000',
        async (answer, edge, before) => {
          const { size } = await ofKind(edge, 'rsa')
          must(responseIn(answer).length === size, `${responseIn(answer).length} octets`)
          must(equal(answer.data, before.at(-1)?.data ?? new Uint8Array(0)), 'they differ')
        },
      ),
    ],
    wantsKind('rsa'),
  ),
  between('status', 'empty VERIFY', step(STATUS, '9000'), '6982 ~ 9000'),
  between('other-key', 'GA 9A', step(sign(0x9a), '9000'), '6982 ~ 9000', [0x9a]),
  between('select', 'SELECT', step(SELECT, '9000'), '6982 ~ 9000'),
  named(
    'key.reset',
    `${KEYS}; part 2, 2.4`,
    'P',
    'a reset ends the use of keys that want the PIN',
    [
      verified,
      step(async (edge) => {
        await edge.reset()
        return edge.send(SELECT)
      }, '9000'),
      ...SLOTS.slice(0, 3).map((slot) => step(sign(slot), '6982')),
    ],
    wantsKey(0x9a, 0x9c, 0x9d),
  ),
  named(
    'key.cleared',
    `${KEYS}; part 2, 3.2.1`,
    'P',
    'VERIFY with P1 = FF ends the use of keys that want the PIN',
    [verified, step('00 20 FF 80', '9000'), ...SLOTS.slice(0, 3).map((slot) => step(sign(slot), '6982'))],
    wantsKey(0x9a, 0x9c, 0x9d),
  ),
  named(
    'key.wrong-pin',
    `${KEYS}; part 2, 3.2.1`,
    'R',
    'a wrong PIN ends the use of keys that want the PIN',
    [
      verified,
      step(VERIFY_WRONG, '63C{max-1}'),
      ...SLOTS.slice(0, 3).map((slot) => step(sign(slot), '6982')),
      verified,
    ],
    wantsKey(0x9a, 0x9c, 0x9d),
  ),
  named(
    'key.response-only',
    AUTHENTICATE,
    'N',
    'GA 9E answers with one response, and nothing beside it',
    [
      step(sign(0x9e), '9000', async (answer, edge) => {
        const items = readTlvs(unwrap(answer.data, 0x7c))
        must(items.length === 1 && find(items, 0x82) !== undefined, `it is ${hex(answer.data)}`)
        const key = await edge.key(0x9e)
        must(key, 'no key')
        assertSigned(key, answer)
      }),
    ],
    wantsKey(0x9e),
  ),
]
