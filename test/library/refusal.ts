// Errors as the library promises them: typed, in words, and with one exit code each.
import { inspect } from 'node:util'
import * as assert from 'uvu/assert'
import { exitCode } from '../../src/cli/exit.ts'
import { type AnyCardError, CardError, type ErrorCode } from '../../src/index.ts'

/**
 * What `work` is refused with: a typed error of this code and this exit code, which says what happened in a sentence.
 */
export async function refused(code: ErrorCode, exit: number, work: () => unknown): Promise<AnyCardError> {
  let error: unknown
  try {
    await work()
  } catch (thrown) {
    error = thrown
  }
  if (error === undefined) throw new Error(`${code} was expected, and nothing was refused`)
  if (!(error instanceof CardError) || error.code !== code) {
    throw new Error(`${code} was expected, and this came: ${inspect(error)}`)
  }
  assert.is(exitCode(error), exit, `exit code of ${code}`)
  assert.match(error.message, /^[A-Z"'/]?.{15,}[.:\-\w)]$/su, `${code} says: ${error.message}`)
  return error as AnyCardError
}
