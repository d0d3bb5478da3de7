// Exit codes: complete, and as the contract says.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { EXIT, EXIT_CODES, exitCode, failureOf } from '../../src/cli/exit.ts'
import { ADVICE } from '../../src/cli/messages-errors.ts'
import { CardError, ERROR_CODES, type ErrorCode, PinError, TpmError, UsageError } from '../../src/errors.ts'
import { root } from '../runner/jobs.ts'

test('every error code has an exit code, and no other code has one', () => {
  assert.equal(Object.keys(EXIT_CODES).sort(), Object.keys(ERROR_CODES).sort())
})

test('every exit code is one of the published ones, and no error is ok', () => {
  const published: number[] = Object.values(EXIT)
  for (const [code, exit] of Object.entries(EXIT_CODES)) {
    assert.ok(published.includes(exit), code)
    assert.ok(exit >= 1 && exit <= 10, code)
  }
})

const contract: ReadonlyArray<readonly [ErrorCode, number]> = [
  ['ERR_IO', 1],
  ['ERR_DISK_FULL', 1],
  ['ERR_CARD_BUSY', 1],
  ['ERR_USAGE', 2],
  ['ERR_SLOT', 2],
  ['ERR_ALGORITHM', 2],
  ['ERR_CARD_NAME', 2],
  ['ERR_CARD_AMBIGUOUS', 2],
  ['ERR_TCTI', 2],
  ['ERR_CARD_NOT_FOUND', 3],
  ['ERR_PIN_WRONG', 4],
  ['ERR_PIN_REQUIRED', 4],
  ['ERR_PIN_FORMAT', 4],
  ['ERR_PIN_BLOCKED', 5],
  ['ERR_PUK_BLOCKED', 6],
  ['ERR_PUK_WRONG', 6],
  ['ERR_HELP_DESK_REFUSED', 6],
  ['ERR_PIN_CHANGE_REQUIRED', 7],
  ['ERR_PIN_LAST_TRY', 7],
  ['ERR_NOT_SUPPORTED', 8],
  ['ERR_TPM_NO_PIN_INDEX', 8],
  ['ERR_TPM_ABSENT', 9],
  ['ERR_TPM_LOCKOUT', 9],
  ['ERR_TPM_BUSY', 9],
  ['ERR_TPM_OWNER_AUTH', 9],
]
for (const [code, exit] of contract) {
  test(`${code} ends with ${exit}`, () => assert.is(EXIT_CODES[code], exit))
}

test('docs/cli.md says the same, row by row', () => {
  const text = readFileSync(join(root, 'docs/cli.md'), 'utf8')
  const section = text.slice(text.indexOf('## Exit codes'), text.indexOf('## JSON'))
  const rows = new Map(
    [...section.matchAll(/^\| (\d+) \|.*\| ([^|]*) \|$/gm)].map((row) => [Number(row[1]), row[2] ?? '']),
  )
  const listed = (exit: number) => [...(rows.get(exit) ?? '').matchAll(/ERR_[A-Z_]+[A-Z]/g)].map(([code]) => code)
  for (const [code, exit] of Object.entries(EXIT_CODES)) {
    if (exit === EXIT.tpm && code.startsWith('ERR_TPM')) continue // "all other ERR_TPM_..."
    assert.ok(listed(exit).includes(code), `${code} in row ${exit}`)
  }
  for (const exit of rows.keys()) {
    for (const code of listed(exit)) {
      if (code !== 'ERR_INTERNAL' && code !== 'ERR_TPM') assert.is(EXIT_CODES[code as ErrorCode], exit, code)
    }
  }
})

test('where 1 is an answer, no failure is 1', () => {
  assert.is(failureOf(undefined), 1)
  assert.is(failureOf({}), 1)
  assert.is(failureOf({ oneIsAnswer: true }), 12)
})

test('what was thrown is told apart', () => {
  assert.is(exitCode(new PinError('ERR_PIN_BLOCKED', '')), 5)
  assert.is(exitCode(new TpmError('ERR_TPM_GONE', '')), 9)
  assert.is(exitCode(new CardError('ERR_CARD_NOT_FOUND', '')), 3)
  assert.is(exitCode(new UsageError('ERR_USAGE', '')), 2)
  assert.is(exitCode(new TypeError('a bug')), 1)
  assert.is(exitCode('not even an error'), 1)
})

test('advice is for codes that exist', () => {
  for (const code of Object.keys(ADVICE)) assert.ok(code in ERROR_CODES, code)
})

test.run()
