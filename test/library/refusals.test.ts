// What status words of a card mean to a caller: typed, in words, with an exit code, for whatever a card may answer.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exitCode } from '../../src/cli/exit.ts'
import { type ErrorCode, PinError } from '../../src/index.ts'
import { type Act, refusal } from '../../src/piv/host/refusals.ts'

const MEANINGS: ReadonlyArray<readonly [Act, number, ErrorCode, number]> = [
  ['verifyPin', 0x63c2, 'ERR_PIN_WRONG', 4],
  ['verifyPin', 0x63c0, 'ERR_PIN_WRONG', 4],
  ['verifyPin', 0x6983, 'ERR_PIN_BLOCKED', 5],
  ['changePin', 0x63c4, 'ERR_PIN_WRONG', 4],
  ['changePin', 0x6a80, 'ERR_PIN_FORMAT', 4],
  ['changePuk', 0x63c1, 'ERR_PUK_WRONG', 6],
  ['changePuk', 0x6983, 'ERR_PUK_BLOCKED', 6],
  ['unblockPin', 0x63c1, 'ERR_PUK_WRONG', 6],
  ['unblockPin', 0x6983, 'ERR_PUK_BLOCKED', 6],
  ['useKey', 0x6982, 'ERR_PIN_REQUIRED', 4],
  ['useKey', 0x6985, 'ERR_PIN_CHANGE_REQUIRED', 7],
  ['useKey', 0x6a88, 'ERR_KEY_ABSENT', 8],
  ['manage', 0x6982, 'ERR_ADMIN_REQUIRED', 4],
  ['authenticateAdmin', 0x6982, 'ERR_ADMIN_WRONG', 4],
  ['select', 0x6a82, 'ERR_CARD_NOT_FOUND', 3],
  ['verifyPin', 0x6f00, 'ERR_CARD_REFUSED', 8],
  ['useKey', 0x6d00, 'ERR_CARD_REFUSED', 8],
]

test('the meaning of a status word depends on what was asked', () => {
  for (const [act, sw, code, exit] of MEANINGS) {
    const error = refusal(act, { sw })
    const what = `${act} ${sw.toString(16)}`
    assert.equal([error.code, exitCode(error)], [code, exit], what)
    assert.is(error.sw, sw, what)
    assert.ok(error.message.length > 20, what)
    if (code === 'ERR_PIN_WRONG' || code === 'ERR_PUK_WRONG') {
      assert.is(error instanceof PinError && error.triesLeft, sw & 15, what)
    }
  }
})

test('whatever a card answers has a meaning', () => {
  const acts = [...new Set(MEANINGS.map(([act]) => act))]
  for (const act of acts) {
    for (let sw = 0x6000; sw <= 0x9fff; sw += 7) {
      const error = refusal(act, { sw })
      assert.ok(exitCode(error) > 0 && error.message.endsWith('.'), `${act} ${sw.toString(16)}: ${error.message}`)
    }
  }
})

test.run()
