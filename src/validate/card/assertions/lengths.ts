// Objects of every length at which something changes: how lengths are written, how many commands it takes. They are written to
// a retired certificate, as in assertions 63 to 69.
import { concat, equal } from '../../../bytes.ts'
import { tlv } from '../../../iso7816/tlv.ts'
import { type Assertion, getData, must, type NamedAssertion, named, type Step, step } from './assertion.ts'
import { type Answer, type Edge, octets } from './edge.ts'
import { asAdmin, content, holds, put, putData, SPARE, wantsAdmin } from './writes.ts'

const PUT = 'SP 800-73-5 part 2, 3.3.2'
const cleared = step((edge) => putData(edge, SPARE, new Uint8Array(0)), '9000')
/** Retired keys are optional, and so are their certificates. */
const wantsSpare: NonNullable<Assertion['unless']> = async (edge) => {
  const unable = await wantsAdmin(edge)
  if (unable !== undefined) return unable
  await edge.authenticateAdmin()
  const { sw } = await putData(edge, SPARE, content(1))
  const kept = sw === 0x9000 && (await edge.send(getData(SPARE))).data.length > 0
  return kept || sw >> 8 !== 0x6a ? undefined : `the card has no object ${SPARE}`
}

const field = (length: number): Uint8Array => concat(tlv(0x5c, octets(SPARE)), tlv(0x53, content(length)))

const write = (
  id: string,
  source: string,
  title: string,
  steps: readonly Step[],
  unless: Assertion['unless'] = wantsSpare,
) => named(`write.${id}`, source, 'W', title, [asAdmin, ...steps, cleared], unless)

const lengths = (id: string, what: string, ...all: readonly number[]): NamedAssertion =>
  write(
    id,
    `${PUT}; ISO/IEC 7816-4, 6.3`,
    what,
    all.flatMap((length) => [put(length), holds(length)]),
  )

/** PUT DATA in parts of `size` octets, of which the last `without` are not sent. */
async function inParts(edge: Edge, length: number, size: number, without = 0): Promise<Answer> {
  const data = field(length)
  let answer: Answer = { data: new Uint8Array(0), sw: 0x9000 }
  const end = data.length - without
  for (let at = 0; at < end && answer.sw === 0x9000; at += size) {
    const part = data.subarray(at, Math.min(at + size, end))
    const isLast = at + size >= data.length
    answer = await edge.send(concat(octets(`${isLast ? '00' : '10'} DB 3F FF`), Uint8Array.of(part.length), part))
  }
  return answer
}

const extended = (edge: Edge): Promise<Answer> => {
  const data = field(300)
  return edge.send(concat(octets('00 DB 3F FF 00'), Uint8Array.of(data.length >> 8, data.length & 0xff), data))
}

export const LENGTH_ASSERTIONS: readonly NamedAssertion[] = [
  lengths('one', 'an object of one octet', 1),
  lengths('length-81', 'objects of 127 and 128 octets', 127, 128),
  lengths('length-82', 'objects of 255 and 256 octets', 255, 256),
  // 5 octets of tag list, 3 or 4 of tag and length.
  lengths('one-command', 'objects whose PUT DATA has 255 and 256 octets', 247, 248),
  lengths('two-parts', 'objects whose PUT DATA has 510 and 511 octets', 501, 502),
  lengths('answer', 'objects whose GET DATA has 256 and 257 octets', 252, 253),
  lengths('capacity', 'an object as long as every card has room for', 1895),
  write('shorter', PUT, 'a shorter object takes the place of a longer one', [put(300), put(20), holds(20)]),
  write('same', PUT, 'the same object twice', [put(100), put(100), holds(100)]),
  write('octet-parts', `${PUT}; ISO/IEC 7816-4, 5.3.3`, 'PUT DATA with every octet in a part of its own', [
    step((edge) => inParts(edge, 60, 1), '9000'),
    holds(60),
  ]),
  write('interrupted', `${PUT}; ISO/IEC 7816-4, 5.3.3`, 'a PUT DATA without its last part leaves the old object', [
    put(30),
    step((edge) => inParts(edge, 600, 255, 100), '9000'),
    holds(30),
  ]),
  write('extended', `${PUT}; ISO/IEC 7816-4, 5.2`, 'PUT DATA of extended length', [
    step(extended, '9000 ~ !9000'),
    step(getData(SPARE), '9000 6A82', (answer, _edge, before) => {
      if (before.at(-1)?.sw === 0x9000) must(equal(answer.data, tlv(0x53, content(300))), 'it is another content')
    }),
  ]),
  write('no-admin', `${PUT}; part 1, table 2`, 'SELECT of another kind: a reset, and PUT DATA is refused', [
    put(10),
    step(async (edge) => {
      await edge.reset()
      await edge.send('00 A4 04 00 09 A0 00 00 03 08 00 00 10 00 00')
      return putData(edge, SPARE, content(11))
    }, '6982'),
    holds(10),
    asAdmin,
  ]),
]
