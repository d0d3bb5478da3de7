// The fuzz harness finds what it is there for.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { readTlvs, TlvError } from '../../src/iso7816/tlv.ts'
import { octets } from '../support/octets.ts'
import { fuzz, fuzzCase } from './harness.ts'

const seeds = [octets('7c 02 80 00'), octets('53 04 01020304')]

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return ''
}

test('the same seed makes the same cases, another makes others', () => {
  const cases = (seed: number) => Array.from({ length: 50 }, (_, number) => hex(fuzzCase(seeds, seed, number)))
  assert.equal(cases(1), cases(1))
  assert.not.equal(cases(1), cases(2))
  assert.ok(new Set(cases(1)).size > 25)
})

test('a refusal is no failure', async () => {
  assert.ok((await fuzz('refusals', seeds, 0.2, readTlvs, { refusals: [TlvError] })) > 10)
})

test('an error of another kind is found, with its seed and input', async () => {
  const broken = (input: Uint8Array) => {
    if (input.length > 5) throw new TypeError('oh')
  }
  const message = await failure(fuzz('broken', seeds, 20, broken, { refusals: [TlvError] }))
  assert.match(message, /fuzz broken: TESSERA_TEST_SEED=\d+, case \d+, input [0-9a-f]{12,}: TypeError: oh/)
})

test('a rejection is found as well', async () => {
  const message = await failure(fuzz('late', seeds, 20, () => Promise.reject(new Error('late')), { refusals: [] }))
  assert.match(message, /case 0, .*Error: late/)
})

test('a target that refuses everything is found', async () => {
  const refuse = () => {
    throw new TlvError('no')
  }
  const message = await failure(fuzz('nothing', seeds, 0.2, refuse, { refusals: [TlvError] }))
  assert.match(message, 'every case was refused')
})

test('a case that takes too long is found', async () => {
  const slow = () => {
    const before = process.cpuUsage().user
    while (process.cpuUsage().user - before < 5000);
  }
  assert.match(await failure(fuzz('slow', seeds, 20, slow, { refusals: [], slowest: 2 })), /took more than 2 ms/)
})

test.run()
