// Assertions 70 to 77: what is no command of PIV, malformed APDUs, and contactless cards.
import { equal } from '../../../bytes.ts'
import { type Assertion, assertion, getData, must, STATUS, step } from './assertion.ts'
import type { Edge } from './edge.ts'
import { PUT_NOTHING, wantsRoom } from './keys.ts'
import { generate } from './writes.ts'

const CHUID = getData('5FC102')
const contactless: NonNullable<Assertion['unless']> = (edge: Edge) =>
  edge.contactless ? undefined : 'the card is not contactless'

export const CHANNEL_ASSERTIONS = [
  assertion(70, 'N', 'an instruction of nobody', [step('00 05 00 00', '6D00')]),
  assertion(71, 'N', 'a class that no PIV card has', [step('80 CB 3F FF 05 5C 03 5F C1 02 00', '6E00 ~ 6D00')]),
  assertion(72, 'N', 'GET RESPONSE when nothing is waiting', [step('00 C0 00 00 00', '!9000')]),
  assertion(73, 'N', 'Lc of more than there is', [step('00 CB 3F FF 09 5C 03 5F C1 02', '6700 ~ !9000')]),
  assertion(74, 'N', 'GET DATA without Le', [
    step(CHUID, '9000'),
    step(CHUID.slice(0, -3), '9000', (now, _edge, before) =>
      must(equal(now.data, before.at(-1)?.data ?? new Uint8Array(0)), 'it is another answer than with Le'),
    ),
  ]),
  assertion(
    75,
    'N',
    'contactless: certificates no, CHUID yes',
    [step(getData('5FC105'), '6982'), step(CHUID, '9000')],
    contactless,
  ),
  assertion(
    76,
    'N',
    'contactless: RESET RETRY COUNTER, PUT DATA, GENERATE',
    [
      // Without a PUK, which on a card that looks at it would be a wrong one.
      step('00 2C 00 80', '6A81 ~ 6982 6700 6A80'),
      step(PUT_NOTHING, '6A81 ~ 6982'),
      step((edge) => generate(edge, 0x95, 0x11), '6A81 ~ 6982'),
    ],
    async (edge) => (await contactless(edge)) ?? wantsRoom(edge),
  ),
  assertion(77, 'N', 'contactless: empty VERIFY', [step(STATUS, '6982 6A81')], contactless),
]
