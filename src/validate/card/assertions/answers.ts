// Answers in pieces, and as long as Le says; extended length, where a card takes it.
import { concat, equal } from '../../../bytes.ts'
import { type Assertion, getData, look, must, type NamedAssertion, named, step } from './assertion.ts'
import { type Answer, CERTIFICATES, type Edge, octets, SELECT, two } from './edge.ts'
import { wantsKey } from './every-key.ts'
import { isSigned, signatureTemplate } from './use.ts'

const PIECES = 'ISO/IEC 7816-4, 5.3.4 and 11.8.1; SP 800-73-5 part 2, 3.1.2'
const EXTENDED = 'ISO/IEC 7816-4, 5.2 and 12.1.1.9'
const CHUID = getData('5FC102')
/** What is asked for anew: the card goes on, whether it has a CHUID or not. */
const THERE = '9000 6A82 ~ 6Axx'
const GET_RESPONSE = '00 C0 00 00'

const again = async (edge: Edge): Promise<void> => {
  await edge.reset()
  await edge.send(SELECT)
}

const same = (now: Answer, _edge: Edge, before: readonly Answer[]): void =>
  must(equal(now.data, before[0]?.data ?? new Uint8Array(0)), 'it is another answer than the first one')

// --- Answers ----------------------------------------------------------------------------------------------------

async function large(edge: Edge): Promise<string | undefined> {
  for (const tag of ['5FC102', ...CERTIFICATES.values()]) {
    if ((await edge.send(getData(tag))).data.length > 256) return getData(tag)
  }
  return undefined
}

const wantsLarge: NonNullable<Assertion['unless']> = async (edge) =>
  (await large(edge)) ? undefined : 'there is no object of more than 256 octets'

const begin = async (edge: Edge): Promise<{ command: string; answer: Answer }> => {
  const command = (await large(edge)) ?? ''
  return { command, answer: await edge.transmit(command) }
}

/** All pieces, each as `61xx` says, or of `most` octets. */
async function inPieces(edge: Edge, most = 256): Promise<Answer> {
  const { answer } = await begin(edge)
  const pieces = [answer.data]
  let { sw } = answer
  for (let count = 0; sw >> 8 === 0x61; count += 1) {
    must(count < 70_000, 'it does not end')
    const waiting = sw & 0xff || 256
    const asked = Math.min(waiting, most)
    const next = await edge.transmit(`${GET_RESPONSE} ${two(asked & 0xff)}`)
    must(next.data.length === asked, `${next.data.length} octets, and ${asked} were waiting`)
    must(next.sw !== 0x9000 || asked === waiting, 'it ends before the octets that were waiting')
    pieces.push(next.data)
    sw = next.sw
  }
  return { data: concat(...pieces), sw }
}

/** Without data where the pieces are of other lengths than asked for. */
const wholeInSmallPieces = (edge: Edge): Promise<Answer> =>
  inPieces(edge, 17).then(
    ({ data, sw }) => ({ data: sw === 0x9000 ? data : new Uint8Array(0), sw: 0x9000 }),
    () => ({ data: new Uint8Array(0), sw: 0x9000 }),
  )

const wholeLarge = step(async (edge) => edge.send((await large(edge)) ?? ''), '9000')

/** What is left of an answer is gone after `work`. */
const dropped = (id: string, what: string, work: (edge: Edge) => Promise<unknown>): NamedAssertion =>
  named(
    `answer.${id}`,
    PIECES,
    'N',
    what,
    [
      step(async (edge) => {
        const { answer } = await begin(edge)
        must(answer.sw >> 8 === 0x61, `it answers ${answer.sw.toString(16)}`)
        await work(edge)
        const rest = await edge.transmit(`${GET_RESPONSE} 00`)
        must(rest.data.length === 0, `${rest.data.length} octets of the answer before`)
        return rest
      }, '!9000 ~ 9000'),
    ],
    wantsLarge,
  )

const asked = (
  id: string,
  le: string,
  title: string,
  sw: string,
  check: (answer: Answer, whole: Answer) => void,
): NamedAssertion =>
  named(
    `answer.${id}`,
    'ISO/IEC 7816-4, 5.1 and 5.3.4',
    'N',
    title,
    [
      step(CHUID, '9000'),
      step(
        async (edge) => {
          const whole = await edge.send(CHUID)
          const exact = two(whole.data.length & 0xff)
          return edge.transmit(`${CHUID.slice(0, -2)}${le === 'exact' ? exact : le}`)
        },
        sw,
        (answer, _edge, before) => check(answer, before[0] ?? answer),
      ),
    ],
    async (edge) => {
      const { data, sw: there } = await edge.send(CHUID)
      return there === 0x9000 && data.length < 255 ? undefined : 'there is no CHUID of less than 255 octets'
    },
  )

// --- Extended length --------------------------------------------------------------------------------------------

/** Historical bytes of an ATR: ISO/IEC 7816-3, 8.2. */
function historical(atr: Uint8Array): Uint8Array {
  const [, t0 = 0] = atr
  let at = 2
  for (let next = t0 >> 4; next > 0; ) {
    const last = at + [1, 2, 4].filter((bit) => (next & bit) !== 0).length
    if ((next & 8) === 0) {
      at = last
      break
    }
    next = (atr[last] ?? 0) >> 4
    at = last + 1
  }
  return atr.subarray(at, at + (t0 & 0x0f))
}

/** Card capabilities, third octet: ISO/IEC 7816-4, 12.1.1.9. */
function announced(atr: Uint8Array): boolean {
  const octets = historical(atr)
  if (octets[0] !== 0x80) return false
  for (let at = 1; at < octets.length; at += 1 + ((octets[at] ?? 0) & 0x0f)) {
    if (octets[at] === 0x73) return ((octets[at + 3] ?? 0) & 0x40) !== 0
  }
  return false
}

const LONG_CHUID = '00 CB 3F FF 00 00 05 5C 03 5F C1 02'

/** A reader that does not carry such commands is none that refuses them. */
async function takesExtended(edge: Edge): Promise<boolean> {
  const { sw } = await edge.send(`${LONG_CHUID} 00 00`).catch(() => ({ sw: 0x6700 }))
  return sw === 0x9000
}

const wantsExtended: NonNullable<Assertion['unless']> = async (edge) =>
  announced(edge.atr) || (await takesExtended(edge))
    ? undefined
    : 'the card takes no extended length, and does not say so'

const extended = (
  id: string,
  title: string,
  steps: NamedAssertion['steps'],
  unless: NonNullable<Assertion['unless']> = async () => undefined,
): NamedAssertion =>
  named(
    `extended.${id}`,
    EXTENDED,
    'N',
    title,
    steps,
    async (edge) => (await wantsExtended(edge)) ?? (await unless(edge)),
  )

async function signExtended(edge: Edge): Promise<Answer> {
  const { header: p, data } = await signatureTemplate(edge, 0x9e)
  const length = Uint8Array.of(0, data.length >> 8, data.length & 0xff)
  return edge.send(concat(octets(`00 87 ${p}`), length, data, Uint8Array.of(0, 0)))
}

export const ANSWER_ASSERTIONS: readonly NamedAssertion[] = [
  named(
    'answer.pieces',
    PIECES,
    'N',
    'each piece of an answer has as many octets as were announced',
    [wholeLarge, step((edge) => inPieces(edge), '9000', same)],
    wantsLarge,
  ),
  named(
    'answer.small-pieces',
    PIECES,
    'N',
    'an answer in pieces of 17 octets, as GET RESPONSE asks for them',
    [
      wholeLarge,
      step(wholeInSmallPieces, '9000', (now, _edge, before) => {
        if (now.data.length === 0) return 'the card gives pieces of other lengths'
        return must(equal(now.data, before[0]?.data ?? now.data), 'it is another answer than the first one')
      }),
    ],
    wantsLarge,
  ),
  dropped('dropped', 'another command drops the rest of an answer', (edge) => edge.send(CHUID)),
  dropped('reset', 'a reset drops the rest of an answer', again),
  asked(
    'one',
    '01',
    'GET DATA with Le = 01: one octet and how many are left, or how many there are',
    '61xx 6Cxx ~ 9000',
    ({ data, sw }) => must(sw === 0x9000 || data.length === (sw >> 8 === 0x6c ? 0 : 1), `${data.length} octets`),
  ),
  asked('exact', 'exact', 'GET DATA with Le as long as the answer', '9000', (answer, whole) =>
    must(equal(answer.data, whole.data), 'it is another answer than with Le = 00'),
  ),
  asked('more', 'FF', 'GET DATA with Le longer than the answer', '9000 ~ 6Cxx', ({ data, sw }, whole) =>
    must(sw !== 0x9000 || equal(data, whole.data), 'it is another answer than with Le = 00'),
  ),
  named('extended.announced', EXTENDED, 'N', 'the ATR says that the card takes extended length if it does', [
    look(async (edge) => {
      const [says, does] = [announced(edge.atr), await takesExtended(edge)]
      must(!says || does, 'the ATR says so, and the card or its reader does not take it')
      return does && !says ? 'the card takes it, and the ATR does not say so' : undefined
    }),
  ]),
  extended('get-data', 'GET DATA of extended length gives what the short one gives', [
    step(CHUID, '9000'),
    step(`${LONG_CHUID} 00 00`, '9000', same),
  ]),
  extended('no-le', 'GET DATA of extended length without Le', [step(CHUID, '9000'), step(LONG_CHUID, '9000', same)]),
  extended('le', 'GET DATA of extended length with Le = 0100', [
    step(CHUID, '9000'),
    step(`${LONG_CHUID} 01 00`, '9000', same),
  ]),
  extended(
    'whole',
    'a long object comes whole, whether in pieces or not',
    [
      wholeLarge,
      step(
        async (edge) => {
          const tag = ((await large(edge)) ?? '').slice(21, -3)
          return edge.send(`00 CB 3F FF 00 00 05 5C 03 ${tag} 00 00`)
        },
        '9000',
        same,
      ),
    ],
    wantsLarge,
  ),
  extended(
    'sign',
    'GA 9E in one command of extended length',
    [step(signExtended, '9000', isSigned(0x9e))],
    wantsKey(0x9e),
  ),
  extended('cut', 'extended Lc of more than there is', [
    step('00 CB 3F FF 00 00 09 5C 03 5F C1 02', '!9000'),
    step(CHUID, '9000'),
  ]),
  extended('empty', 'extended Lc of nothing', [step('00 CB 3F FF 00 00 00', '!9000'), step(CHUID, '9000')]),
  named('length.none', 'ISO/IEC 7816-4, 5.2; SP 800-73-5 part 2, 3.1.2', 'N', 'GET DATA without a data field', [
    step('00 CB 3F FF', '!9000'),
    step('00 CB 3F FF 00', '!9000'),
  ]),
  named('length.more', 'ISO/IEC 7816-4, 5.2', 'N', 'octets after Le', [
    step(`${CHUID} 00 00 00`, '!9000 ~ 9000'),
    step(CHUID, THERE),
  ]),
]
