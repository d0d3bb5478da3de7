// Every error code is thrown somewhere, and met by a test somewhere; or there is a reason here.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ERROR_CODES, type ErrorCode } from '../../src/errors.ts'
import { filesBelow, root } from '../runner/jobs.ts'

/** Only tables of all codes: what stands there is thrown and met by nobody. */
const TABLES = [
  'src/errors.ts',
  'src/cli/exit.ts',
  'src/cli/messages-errors.ts',
  'test/cli/exit.test.ts',
  'test/tpm/failure.test.ts',
  'test/library/error-codes.test.ts',
]

/** Why no test meets a code. */
const NOT_MET: Partial<Record<ErrorCode, string>> = {
  ERR_OBJECT_ABSENT: 'of the command line: to be met in test/cli',
  ERR_READER_NOT_FOUND: 'of readers: to be met in test/pcsc',
  ERR_READER_BUSY: 'of readers: to be met in test/pcsc',
  ERR_CARD_REMOVED: 'of readers: to be met in test/pcsc',
  ERR_CARD_RESET: 'of readers: to be met in test/pcsc',
  ERR_PCSC: 'of readers: to be met in test/pcsc',
}

const codes = Object.keys(ERROR_CODES) as ErrorCode[]

function missing(folder: string, reasons: Partial<Record<ErrorCode, string>>): string[] {
  const texts = filesBelow(folder, ['.ts'])
    .filter((path) => !TABLES.includes(path))
    .map((path) => readFileSync(join(root, path), 'utf8'))
  return codes.filter((code) => {
    const named = new RegExp(`\\b${code}\\b(?!_)`)
    return reasons[code] === undefined && !texts.some((text) => named.test(text))
  })
}

test('every code is thrown in src', () => {
  assert.equal(missing('src', {}), [])
})

test('every code is met by a test, or has a reason', () => {
  assert.equal(missing('test', NOT_MET), [])
})

test('a code that nobody throws is found', () => {
  assert.ok(missing('test/support', {}).length > codes.length / 2)
})

test.run()
