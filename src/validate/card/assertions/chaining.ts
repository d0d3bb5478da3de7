// Commands in parts, at every boundary.
import { concat } from '../../../bytes.ts'
import { getData, must, type NamedAssertion, named, step, verified } from './assertion.ts'
import { type Answer, type Edge, octets, SELECT, two } from './edge.ts'
import { wantsKey } from './every-key.ts'
import { isSigned, signatureTemplate } from './use.ts'

const CHAINING = 'ISO/IEC 7816-4, 5.3.3; SP 800-73-5 part 2, 2.4'
const CHUID = getData('5FC102')

const header = (cla: number, p: string): Uint8Array => octets(`${two(cla)} 87 ${p}`)

/** A signature whose data field comes in parts; `le`: whether each part, also one that is not the last, has Le. */
async function inParts(
  edge: Edge,
  slot: number,
  cuts: (length: number) => readonly number[],
  le = false,
): Promise<Answer> {
  const { header: p, data } = await signatureTemplate(edge, slot)
  const ends = [...cuts(data.length), data.length]
  let at = 0
  let answer: Answer = { data: new Uint8Array(0), sw: 0 }
  for (const [index, end] of ends.entries()) {
    const last = index === ends.length - 1
    const part = data.subarray(at, end)
    const command = concat(header(last ? 0x00 : 0x10, p), Uint8Array.of(part.length), part)
    answer = await edge.send(last || le ? concat(command, Uint8Array.of(0)) : command)
    if (!last)
      must(answer.sw === 0x9000 && answer.data.length === 0, `part ${index + 1} answers ${answer.sw.toString(16)}`)
    at = end
  }
  return answer
}

/** Every part of the data of P-256 and RSA keys has 255 octets at most. */
const evenly = (size: number) => (length: number) =>
  Array.from({ length: Math.ceil(length / size) - 1 }, (_, index) => (index + 1) * size)

const parts = (id: string, what: string, cuts: (length: number) => readonly number[], le = false): NamedAssertion =>
  named(
    `chain.${id}`,
    CHAINING,
    'N',
    `GA 9E ${what}`,
    [step((edge) => inParts(edge, 0x9e, cuts, le), '9000', isSigned(0x9e))],
    wantsKey(0x9e),
  )

/** The first part, what comes between, and the rest: it must not be taken for the whole. */
const broken = (id: string, what: string, work: (edge: Edge) => Promise<unknown>, p2 = '9E'): NamedAssertion =>
  named(
    `chain.${id}`,
    CHAINING,
    'N',
    what,
    [
      step(async (edge) => {
        const { header: p, data } = await signatureTemplate(edge, 0x9e)
        const [begin, rest] = [data.subarray(0, 20), data.subarray(20, 255)]
        const first = await edge.send(concat(header(0x10, p), Uint8Array.of(begin.length), begin))
        must(first.sw === 0x9000, `the first part answers ${first.sw.toString(16)}`)
        await work(edge)
        const { data: nothing, sw } = await edge.send(
          concat(header(0x00, `${p.slice(0, 3)}${p2}`), Uint8Array.of(rest.length), rest, Uint8Array.of(0)),
        )
        must(sw === 0x9000 || nothing.length === 0, 'it comes with data')
        return { data: nothing, sw }
      }, '!9000'),
      step((edge) => inParts(edge, 0x9e, evenly(255)), '9000', isSigned(0x9e)),
    ],
    wantsKey(0x9e),
  )

const again = async (edge: Edge): Promise<void> => {
  await edge.reset()
  await edge.send(SELECT)
}

/** A command that never ends; the first part that is refused ends it. */
async function endless(edge: Edge): Promise<Answer> {
  const { header: p } = await signatureTemplate(edge, 0x9e)
  const part = concat(header(0x10, p), Uint8Array.of(255), new Uint8Array(255).fill(0x7c))
  for (let count = 0; count < 300; count += 1) {
    const answer = await edge.send(part)
    if (answer.sw !== 0x9000) return answer
  }
  return edge.send(concat(header(0x00, p), Uint8Array.of(1, 0)))
}

export const CHAINING_ASSERTIONS: readonly NamedAssertion[] = [
  parts('one-octet', 'with every octet in a part of its own', evenly(1)),
  parts('first', 'with one octet in the first part', () => [1]),
  parts('last', 'with one octet in the last part', (length) => evenly(255)(length - 1).concat(length - 1)),
  parts('header', 'cut within tags and lengths', () => [1, 3, 5]),
  parts('two', 'in two parts', (length) => [length >> 1]),
  parts('le', 'in parts with Le in every one', evenly(16), true),
  named(
    'chain.9c',
    `${CHAINING}; part 1, table 5`,
    'P',
    'VERIFY, GA 9C in parts: they are one command',
    [verified, step((edge) => inParts(edge, 0x9c, evenly(16)), '9000', isSigned(0x9c))],
    wantsKey(0x9c),
  ),
  broken('reset', 'a reset ends a chain', again),
  broken('select', 'SELECT ends a chain', (edge) => edge.send(SELECT)),
  broken('get-data', 'GET DATA ends a chain', (edge) => edge.send(CHUID)),
  broken('reference', 'a part with another key reference does not go on with a chain', async () => undefined, '9A'),
  named(
    'chain.endless',
    CHAINING,
    'N',
    'a chain without an end is refused, and the card goes on',
    [
      step(endless, '!9000'),
      step(CHUID, '9000 6A82 ~ 6Axx'),
      step((edge) => inParts(edge, 0x9e, evenly(255)), '9000', isSigned(0x9e)),
    ],
    wantsKey(0x9e),
  ),
  named('chain.of-get-data', `SP 800-73-5 part 2, table 2; ISO/IEC 7816-4, 5.3.3`, 'N', 'GET DATA has no parts', [
    step('10 CB 3F FF 05 5C 03 5F C1 02', '!9000 ~ 9000'),
    step(CHUID, '9000 6A82 ~ 6Axx'),
  ]),
  named(
    'chain.secure-messaging',
    'ISO/IEC 7816-4, 5.4.1 and 10; SP 800-73-5 part 2, 4.2',
    'N',
    'secure messaging without a session',
    [step('0C CB 3F FF 05 5C 03 5F C1 02 00', '!9000')],
  ),
  named('chain.logical-channel', 'ISO/IEC 7816-4, 5.4.1 and 11.1.2', 'N', 'a logical channel that was not opened', [
    step('01 CB 3F FF 05 5C 03 5F C1 02 00', '!9000 ~ 9000'),
  ]),
]
