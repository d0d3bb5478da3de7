// time limit: 900 s
// takes: 26 s
// The PIN machine: random walks over a card in a TPM, against a model of a page.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startSwtpm } from '../support/swtpm.ts'
import { home, walked } from './walk.ts'

const FACTOR = process.env.TESSERA_TEST_LONG === '1' ? 120 : 1

/** What a walk has to come past to be worth anything. */
const WANTED = [
  'verify: ok',
  'verify: ERR_PIN_WRONG',
  'verify: ERR_PIN_BLOCKED',
  'verify: ERR_PIN_FORMAT',
  'verify: ERR_PIN_LAST_TRY',
  'verifyField: ok',
  'verifyField: ERR_PIN_WRONG',
  'verifyField: ERR_PIN_BLOCKED',
  'changePin: ok',
  'changePin: ERR_PIN_WRONG',
  'changePin: ERR_PIN_BLOCKED',
  'changePin: ERR_PIN_FORMAT',
  'changePuk: ok',
  'changePuk: ERR_PUK_WRONG',
  'changePuk: ERR_PUK_BLOCKED',
  'changePuk: ERR_PUK_FORMAT',
  'unblock: ok',
  'unblock: ERR_PUK_WRONG',
  'unblock: ERR_PUK_BLOCKED',
  'unblock: ERR_PUK_FORMAT',
  'unblock: ERR_PIN_FORMAT',
  'challenge: ok',
  'respond: ok',
  'respond: ERR_HELP_DESK_REFUSED',
  'respond: ERR_PIN_FORMAT',
  ...['9a', '9c', '9e'].flatMap((slot) => [`sign ${slot}: ok`, `sign ${slot}: ERR_PIN_CHANGE_REQUIRED`]),
  'sign 9a: ERR_PIN_REQUIRED',
  'sign 9c: ERR_PIN_REQUIRED',
  ...['status', 'read', 'lock', 'clear', 'reopen', 'recreate'].map((kind) => `${kind}: ok`),
]

test('embedded: a long walk', async () => {
  const seen = await walked('embedded', { home: home(), tcti: 'embedded:' }, 8000 * FACTOR)
  assert.equal([...seen.keys()].sort(), [...WANTED].sort())
})

test('swtpm: a shorter one', async () => {
  const swtpm = await startSwtpm()
  try {
    await walked('swtpm', { home: home(), tcti: swtpm.tcti }, 1000 * FACTOR)
  } finally {
    await swtpm.stop()
  }
})

test.run()
