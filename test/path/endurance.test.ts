// time limit: 900 s
// takes: 10 s
// A program that signs for a long time: its memory does not grow, and nothing of it stays in the TPM. A million
// signatures in `npm run test:long`.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { handles } from '../library/tpm-view.ts'
import { done } from '../support/done.ts'
import { program } from '../support/program.ts'
import { startProxy } from '../support/proxy.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import type { Tenth } from './endurance-child.ts'

const LONG = process.env.TESSERA_TEST_LONG === '1'
const COUNT = LONG ? 1_000_000 : 6000
const MIB = 1024 * 1024
/** With little room for new objects memory shows what is kept, and not what is on its way out. */
const FLAGS = ['--expose-gc', '--max-semi-space-size=1', ...program('test/path/endurance-child.ts')]

async function sign(tcti: string, home: string): Promise<Tenth[]> {
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, [...FLAGS, tcti, home, String(COUNT)])
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Tenth)
}

/** From the second tenth on, when all is compiled. In a short run that takes longer than the run. */
function grows(tenths: readonly Tenth[]): void {
  const [, warm, ...rest] = tenths
  const last = rest.at(-1)
  if (warm === undefined || last === undefined) throw new Error('it has told nothing')
  const growth = { rss: (last.rss - warm.rss) / MIB, heap: (last.heap - warm.heap) / MIB }
  console.log(`${COUNT} signatures: RSS ${growth.rss.toFixed(2)} MiB more, heap ${growth.heap.toFixed(2)} MiB more`)
  assert.ok(growth.heap < 1, `the heap grew by ${growth.heap} MiB`)
  done(COUNT, 'signatures')
  if (LONG) assert.ok(growth.rss < 1, `the memory of the process grew by ${growth.rss} MiB`)
}

test(`embedded: ${COUNT} signatures`, async () => {
  grows(await sign('embedded:', tempDir('home')))
})

test(`swtpm: ${COUNT} signatures, and nothing of them in the TPM`, async () => {
  const swtpm = await startSwtpm()
  grows(await sign(swtpm.tcti, tempDir('home')))
  const proxy = await startProxy(swtpm.path)
  const left = await Promise.all([0x80000000, 0x02000000, 0x03000000].map((first) => handles(proxy.transmit, first)))
  assert.equal(left.flat(), [])
  await proxy.stop()
  await swtpm.stop()
})

test.run()
