// Assertions 24 to 42: VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER.
import { assertion, must, RESTORE, STATUS, step, VERIFY, VERIFY_WRONG, verified } from './assertion.ts'
import { type Answer, type Edge, SELECT, two } from './edge.ts'

const CLEAR = '00 20 FF 80'
/** `pin` or `puk` in its field, with so many octets or characters that it is none. */
const FIVE_DIGITS = '31 32 33 34 35 FF FF FF'
const FOUR_DIGITS = '31 32 33 34 FF FF FF FF'
const LETTERS = '61 61 61 61 61 61 FF FF'

function same(now: Answer, _edge: Edge, before: readonly Answer[]): void {
  must(now.sw === before.at(-1)?.sw, 'it differs from the answer before')
}

function someLeft({ sw }: Answer): void {
  must(sw === 0x6983 || sw > 0x63c0, 'no tries, and not blocked')
}

/** Wrong PINs until the card says that there are no more tries. */
async function block(edge: Edge): Promise<Answer> {
  for (let tries = 0; tries < 16; tries += 1) {
    const answer = await edge.send(VERIFY_WRONG)
    if (answer.sw === 0x63c0 || answer.sw === 0x6983) return answer
  }
  throw new Error('sixteen wrong PINs, and it is not blocked')
}

/** VERIFY of what is no PIN: refused without a try, or as a wrong PIN. */
async function malformed(edge: Edge, data: string): Promise<Answer> {
  const before = (await edge.send(STATUS)).sw
  const length = data.replaceAll(' ', '').length / 2
  const answer = await edge.send(`00 20 00 80 ${two(length)} ${data}`)
  const after = (await edge.send(STATUS)).sw
  if (answer.sw === 0x6a80 || answer.sw === 0x6700) must(after === before, 'refused, and a try is gone')
  else must(answer.sw === before - 1 && after === answer.sw, 'neither refused nor a wrong try')
  return answer
}

export const PIN_ASSERTIONS = [
  assertion(24, 'N', 'empty VERIFY tells the tries, and uses none', [
    step(STATUS, '63Cx 6983', someLeft),
    step(STATUS, '63Cx 6983', same),
    step('00 20 00 80 00', '63Cx 6983', same),
  ]),
  assertion(25, 'N', 'VERIFY with P1 = 01', [step('00 20 01 80', '6A86')]),
  assertion(26, 'N', 'VERIFY with P2 = 85', [step('00 20 00 85', '6A88')]),
  assertion(27, 'P', 'VERIFY, and the status is true', [verified, step(STATUS, '9000')]),
  assertion(28, 'P', 'VERIFY with P1 = FF makes the status false', [
    verified,
    step(CLEAR, '9000'),
    step(STATUS, '63C{max}'),
  ]),
  assertion(29, 'P', 'a reset makes the status false', [
    verified,
    step(async (edge) => {
      await edge.reset()
      return edge.send(SELECT)
    }, '9000'),
    step(STATUS, '63C{max}'),
  ]),
  assertion(30, 'R', 'a wrong PIN uses one try, the right one gives them back', [
    verified,
    step(CLEAR, '9000'),
    step(VERIFY_WRONG, '63C{max-1}'),
    step(STATUS, '63C{max-1}'),
    verified,
    step(STATUS, '9000'),
  ]),
  assertion(31, 'R', 'a wrong PIN makes a true status false', [
    verified,
    step(VERIFY_WRONG, '63C{max-1}'),
    step(STATUS, '63C{max-1}'),
    verified,
  ]),
  assertion(32, 'R', 'VERIFY of seven octets, and of letters', [
    step((edge) => malformed(edge, '31 32 33 34 35 36 FF'), '6A80 63Cx 6700'),
    step((edge) => malformed(edge, LETTERS), '6A80 63Cx'),
    verified,
  ]),
  assertion(33, 'W', 'wrong PINs until none is left: blocked, also for the right one', [
    step(block, '63C0 6983'),
    step(VERIFY, '6983'),
    step(STATUS, '6983 63C0'),
    RESTORE,
  ]),
  assertion(34, 'W', 'a blocked PIN is unblocked by the PUK', [
    step(block, '63C0 6983'),
    step('00 2C 00 80 10 {puk} {newPin}', '9000'),
    step('00 20 00 80 08 {newPin}', '9000'),
    RESTORE,
    verified,
  ]),
  assertion(35, 'W', 'unblocking does not verify the PIN', [RESTORE, step(STATUS, '63C{max} ~ 9000'), verified]),
  assertion(36, 'R', 'a wrong PUK uses a try of the PUK and none of the PIN', [
    RESTORE,
    step('00 2C 00 80 10 {wrongPuk} {pin}', '63C{pukMax-1}'),
    step(STATUS, '63C{max} 9000'),
    RESTORE,
  ]),
  assertion(37, 'R', 'RESET RETRY COUNTER with P2 = 85 uses no try of the PUK', [
    RESTORE,
    step('00 2C 00 85 10 {puk} {pin}', '6A88'),
    step('00 2C 00 85 10 {wrongPuk} {pin}', '6A88'),
    step('00 2C 00 80 10 {wrongPuk} {pin}', '63C{pukMax-1}'),
    RESTORE,
  ]),
  assertion(38, 'W', 'RESET RETRY COUNTER to a PIN of five digits changes nothing', [
    verified,
    step(VERIFY_WRONG, '63C{max-1}'),
    step(`00 2C 00 80 10 {puk} ${FIVE_DIGITS}`, '6A80'),
    step(STATUS, '63C{max-1}'),
    verified,
  ]),
  assertion(39, 'R', 'CHANGE REFERENCE DATA with a wrong PIN uses a try', [
    verified,
    step('00 24 00 80 10 {wrong} {newPin}', '63C{max-1}'),
    step(STATUS, '63C{max-1}'),
    verified,
  ]),
  assertion(40, 'W', 'CHANGE REFERENCE DATA to a PIN of four digits changes nothing', [
    step(`00 24 00 80 10 {pin} ${FOUR_DIGITS}`, '6A80 ~ 6985'),
    step(STATUS, '63C{max}'),
    verified,
  ]),
  assertion(41, 'W', 'CHANGE REFERENCE DATA changes the PIN and verifies it', [
    step('00 24 00 80 10 {pin} {newPin}', '9000'),
    step(STATUS, '9000'),
    step('00 24 00 80 10 {newPin} {pin}', '9000'),
  ]),
  assertion(42, 'N', 'CHANGE REFERENCE DATA with P2 = 85', [
    step('00 24 00 85 10 31 32 33 34 35 36 FF FF 31 32 33 34 35 36 FF FF', '6A88'),
  ]),
]
