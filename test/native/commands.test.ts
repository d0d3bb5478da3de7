// Commands are rows of one table: TypeScript and C++ know them by the same codes.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { native } from '../../src/native.ts'
import { CC } from '../../src/tpm/constants.ts'
import { commandName } from '../support/codes.ts'

test('the codes of src/tpm/constants.ts are those of native/tpm/commands.cc', () => {
  const sorted = (codes: Readonly<Record<string, number>>) => Object.entries(codes).sort(([, a], [, b]) => a - b)
  assert.equal(sorted(native().commandCodes), sorted(CC))
})

test('and those of the specification', () => {
  for (const [name, code] of Object.entries(CC)) assert.is(commandName(code), name)
})

test.run()
