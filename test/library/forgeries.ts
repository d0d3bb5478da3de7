// Forging the TPM's answers through a proxy, and what an operation may make of it.
import * as assert from 'uvu/assert'
import { exitCode } from '../../src/cli/exit.ts'
import { CardError, type ErrorCode } from '../../src/index.ts'
import type { TpmProxy } from '../support/proxy.ts'
import { within } from '../support/temp.ts'
import { claimSize, concat, flipBit, refusal, shorten } from '../support/wire.ts'

export type Forgery = (answer: Uint8Array) => Uint8Array | 'drop'

/** Octets that follow a whole answer are noticed at the next command. */
export const FORGERIES: Readonly<Record<string, Forgery>> = {
  'last bit turned': (answer) => flipBit(answer),
  'a bit in the middle turned': (answer) => flipBit(answer, Math.min(answer.length - 1, 20)),
  'response code turned': (answer) => flipBit(answer, 9, 7),
  'cut short, and saying so': (answer) => shorten(answer, Math.max(10, answer.length - 3)),
  'nothing but a header': (answer) => shorten(answer, 10),
  'longer, and saying so': (answer) => claimSize(concat(answer, new Uint8Array(200)), answer.length + 200),
  'longer than any answer': (answer) => claimSize(concat(answer, new Uint8Array(5000)), answer.length + 5000),
  'of impossible size': (answer) => claimSize(answer, 0xffffffff),
  'more than it says': (answer) => concat(answer, new Uint8Array(7)),
  'another tag': (answer) => flipBit(answer, 1),
  'a refusal': () => refusal(0x101),
  lost: () => 'drop',
}

/** Every pair of forgery and place in long runs, every third one else. */
export const chosen = (forgery: number, at: number): boolean =>
  process.env.TESSERA_TEST_LONG === '1' || (forgery + at) % 3 === 0

/** What any operation may end with. A nonce that was forged makes the right PIN wrong; a lost session wants it again. */
export const COMMON: readonly ErrorCode[] = [
  'ERR_TPM',
  'ERR_TPM_ANSWER',
  'ERR_TPM_FAILURE',
  'ERR_TPM_GONE',
  'ERR_TPM_MEMORY',
  'ERR_TPM_TAMPERED',
  'ERR_PIN_REQUIRED',
]

/** Runs `work` with answer number `at` forged. Returns the command it was forged for, and what was thrown. */
export async function forging(proxy: TpmProxy, at: number, forge: Forgery, work: () => Promise<unknown>) {
  let count = 0
  let name: string | undefined
  proxy.hooks = {
    onAnswer: (exchange, answer) => {
      count += 1
      if (count !== at) return undefined
      name = exchange.name
      return forge(answer)
    },
  }
  try {
    await within(work(), 120_000, 'the operation')
    return { name, error: undefined }
  } catch (error) {
    return { name, error }
  } finally {
    proxy.hooks = {}
  }
}

export function judge(error: unknown, may: readonly ErrorCode[], what: string): void {
  if (error === undefined) return
  if (!(error instanceof CardError)) throw new Error(what, { cause: error })
  assert.ok(may.includes(error.code), `${what}: ${error.code} ${error.message}`)
  assert.ok(exitCode(error) > 0, what)
}

/**
 * A refusal that the TPM never gave leaves behind in it what nobody here knows of. When the room is used up one call
 * says so, and the next finds it free again.
 */
export async function onceMore<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof CardError) || error.code !== 'ERR_TPM_MEMORY') throw error
    return await work()
  }
}
