// How tries of PIN and PUK are counted: nothing but the right PIN gives tries back, and asking uses none. No assertion uses a
// try of the PIN where fewer than three are left, or of the PUK where fewer than four are.
import {
  type Assertion,
  type Class,
  getData,
  must,
  type NamedAssertion,
  named,
  RESTORE,
  STATUS,
  type Step,
  step,
  VERIFY_WRONG,
  verified,
} from './assertion.ts'
import { type Edge, SELECT, two } from './edge.ts'

const VERIFYING = 'SP 800-73-5 part 2, 3.2.1'
const CHANGING = 'SP 800-73-5 part 2, 3.2.2'
const UNBLOCKING = 'SP 800-73-5 part 2, 3.2.3'
const ONE_LESS = '63C{max-1}'
const wrong = step(VERIFY_WRONG, ONE_LESS)
const status = step(STATUS, ONE_LESS)
const reset = step(async (edge) => {
  await edge.reset()
  return edge.send(SELECT)
}, '9000')

const counted = (id: string, title: string, source: string, ...steps: readonly Step[]): NamedAssertion =>
  named(`pin.${id}`, source, 'R', title, [
    verified,
    ...steps,
    verified,
    step('00 20 FF 80', '9000'),
    step(STATUS, '63C{max}'),
  ])

/** VERIFY of what is not the PIN in its field: refused without a try, or a wrong try, and never right. */
const malformed = (id: string, what: string, dataOf: (field: string) => string): NamedAssertion =>
  named(`pin.form.${id}`, `${VERIFYING}; part 2, 2.4.3`, 'R', `VERIFY of ${what}`, [
    verified,
    step('00 20 FF 80', '9000'),
    step((edge) => {
      const data = dataOf(edge.filled('{pin}'))
      return edge.send(`00 20 00 80 ${two(data.length / 2)} ${data}`)
    }, '6A80 6700 63Cx'),
    step(STATUS, `${ONE_LESS} 63C{max}`),
    verified,
  ])

const hidden = (
  id: string,
  title: string,
  source: string,
  apdus: readonly string[],
  sw: string,
  kind: Class = 'N',
): NamedAssertion =>
  named(`pin.${id}`, source, kind, title, [
    step(STATUS, '63Cx 6983'),
    ...apdus.map((apdu) => step(apdu, sw)),
    step(STATUS, '63Cx 6983', (now, _edge, before) => must(now.sw === before[0]?.sw, 'a try is gone')),
  ])

/** Two tries are used here, and two are left. */
const wantsPukTries: NonNullable<Assertion['unless']> = (edge: Edge) =>
  edge.secrets.tries.puk >= 4 ? undefined : 'the PUK has fewer than four tries'

const puk = (id: string, title: string, source: string, ...steps: readonly Step[]): NamedAssertion =>
  named(`puk.${id}`, source, 'R', title, [RESTORE, ...steps, RESTORE, verified], wantsPukTries)

const wrongPuk = (less: number): Step => step('00 2C 00 80 10 {wrongPuk} {pin}', `63C{pukMax-${less}}`)

export const COUNTER_ASSERTIONS: readonly NamedAssertion[] = [
  counted(
    'status',
    'asking for the tries, again and again, uses none',
    VERIFYING,
    wrong,
    status,
    status,
    status,
    status,
  ),
  counted('reset', 'a reset gives no try back', VERIFYING, wrong, reset, status),
  counted('select', 'SELECT gives no try back', VERIFYING, wrong, step(SELECT, '9000'), status),
  counted('clear', 'VERIFY with P1 = FF gives no try back', VERIFYING, wrong, step('00 20 FF 80', '9000'), status),
  counted(
    'other',
    'other commands give no try back',
    VERIFYING,
    wrong,
    step(getData('5FC102'), '9000 6A82 ~ 6Axx'),
    step('00 05 00 00', '!9000'),
    status,
  ),
  counted(
    'unblock',
    'RESET RETRY COUNTER gives the tries of the PIN back',
    UNBLOCKING,
    wrong,
    RESTORE,
    step(STATUS, '63C{max} ~ 9000'),
  ),
  counted(
    'change',
    'CHANGE REFERENCE DATA with a wrong PIN counts with VERIFY',
    CHANGING,
    step('00 24 00 80 10 {wrong} {newPin}', ONE_LESS),
    status,
    reset,
    status,
  ),
  counted(
    'wrong-puk',
    'a wrong PUK changes nothing about the tries of the PIN',
    UNBLOCKING,
    wrong,
    step('00 2C 00 80 10 {wrongPuk} {pin}', '63C{pukMax-1}'),
    status,
    RESTORE,
  ),
  malformed('empty', 'eight octets of FF', () => 'ff'.repeat(8)),
  malformed('zeros', 'the PIN with zeros behind it', (field) =>
    field.endsWith('ff') ? field.replace(/(ff)+$/, (filler) => '00'.repeat(filler.length / 2)) : '00'.repeat(8),
  ),
  malformed('bare', 'the PIN without its filler', (field) =>
    field.endsWith('ff') ? field.replace(/(ff)+$/, '') : field.slice(0, 14),
  ),
  malformed('longer', 'nine octets', (field) => `${field}ff`),
  malformed('twice', 'sixteen octets', (field) => field + field),
  hidden(
    'global',
    'CHANGE REFERENCE DATA of references of nobody',
    CHANGING,
    ['00 24 00 90 10 31 32 33 34 35 36 FF FF 31 32 33 34 35 36 FF FF', '00 24 01 80'],
    '!9000',
  ),
  hidden(
    'references',
    'empty VERIFY of references of nobody',
    VERIFYING,
    ['00 20 00 90', '00 20 00 7F', '00 20 00 FF'],
    '6A88 ~ 6A86',
  ),
  hidden(
    'parameters',
    'VERIFY with P1 other than 00 and FF',
    VERIFYING,
    ['00 20 7F 80', '00 20 80 80', '00 20 FE 80'],
    '6A86 ~ !9000',
  ),
  hidden('unblock-empty', 'RESET RETRY COUNTER without data', UNBLOCKING, ['00 2C 00 80', '00 2C 01 80'], '!9000', 'R'),
  hidden('change-empty', 'CHANGE REFERENCE DATA without data', CHANGING, ['00 24 00 80'], '!9000', 'R'),
  named('pin.object', `${VERIFYING}; part 1, table 2`, 'P', 'a reset ends the reading of objects that want the PIN', [
    verified,
    reset,
    step(getData('5FC109'), '6982 ~ 6A80 6A81 6A82 6A86 6A88'),
    step(getData('5FC103'), '6982 ~ 6A80 6A81 6A82 6A86 6A88'),
  ]),
  named('pin.clear-data', VERIFYING, 'R', 'VERIFY with P1 = FF and data is refused', [
    verified,
    step('00 20 FF 80 08 {pin}', '6A80 6700 ~ 9000 !9000'),
  ]),
  puk('count', 'two wrong PUKs use two tries', UNBLOCKING, wrongPuk(1), wrongPuk(2)),
  puk('reset', 'a reset gives no try of the PUK back', UNBLOCKING, wrongPuk(1), reset, wrongPuk(2)),
  puk('pin', 'the right PIN gives no try of the PUK back', UNBLOCKING, wrongPuk(1), verified, wrongPuk(2)),
  puk(
    'change',
    'CHANGE REFERENCE DATA with a wrong PUK counts with RESET RETRY COUNTER',
    CHANGING,
    step('00 24 00 81 10 {wrongPuk} {puk}', '63C{pukMax-1}'),
    wrongPuk(2),
  ),
  puk(
    'right',
    'CHANGE REFERENCE DATA from the PUK to itself gives its tries back',
    CHANGING,
    wrongPuk(1),
    step('00 24 00 81 10 {puk} {puk}', '9000'),
    wrongPuk(1),
  ),
  puk(
    'pin-length',
    'RESET RETRY COUNTER of another length uses no try, or one',
    UNBLOCKING,
    step('00 2C 00 80 08 {wrongPuk}', '6A80 6700 63Cx'),
    step(STATUS, '63C{max} ~ 9000'),
  ),
]
