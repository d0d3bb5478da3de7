// takes: 6 s
// What JavaScript spends on one signature of a `once` key in this process, in promises, calls of the addon and memory.
// Counts and not times: promises and calls are the same on every machine, and memory nearly so.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { program } from '../support/program.ts'
import { tempDir } from '../support/temp.ts'
import type { Costs } from './promises-child.ts'

const COUNT = 2000
/** Most promises of a signature, that of the caller's `await` among them. */
const PROMISES = 11
/**
 * Most octets of V8's heap, with what the addon takes for its values and the answer. Measured: 9,400 to 10,300, by what V8
 * has compiled when the rounds begin. A cost of a kilobyte more is found; a busy machine is not.
 */
const HEAP = 11 * 1024

test('a signature: few promises, one call of the addon, little memory', async () => {
  // A young generation that has room for every round.
  const flags = ['--expose-gc', '--max-semi-space-size=64', '--min-semi-space-size=64']
  const args = [...flags, ...program('test/path/promises-child.ts'), tempDir('home'), String(COUNT)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const { promises, calls, heap } = JSON.parse(stdout) as Costs
  console.log(`${promises} promises, ${Math.round(heap)} octets of the heap`)
  assert.equal(calls, { run: 1 })
  assert.ok(promises <= PROMISES, `${promises} promises`)
  assert.ok(heap <= HEAP, `${heap} octets`)
})

test.run()
