// The tests' own Chromium: one that ends before it has a page is started again, and what it said is kept.
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tempDir } from '../support/temp.ts'
import { noChromium, startChromium } from './support/chromium.ts'
import { startDesktop } from './support/desktop.ts'

/** A `chromium` that ends at its first starts. */
async function started(failing: number): Promise<void> {
  const [bin, { PATH }, desktop] = [tempDir('bin'), process.env, await startDesktop()]
  const program = join(bin, 'chromium')
  const script = ['#!/bin/sh', 'echo x >>starts', `test $(wc -l <starts) -gt ${failing} && exec /usr/bin/chromium "$@"`]
  writeFileSync(program, `${script.join('\n').replaceAll('starts', join(bin, 'starts'))}\necho its words >&2; exit 7\n`)
  chmodSync(program, 0o700)
  process.env.PATH = `${bin}:${PATH}`
  try {
    await (await startChromium(tempDir('home'), desktop.env)).stop()
  } finally {
    process.env.PATH = PATH
    await desktop.stop()
  }
}

test('a start that fails once, and one that always does', async () => {
  const why = noChromium()
  if (why !== undefined) return console.log(`# skipped: a start that fails once, and one that always does: ${why}`)
  await started(1)
  const error = await started(9).then(
    () => undefined,
    (cause: Error) => cause,
  )
  assert.match(error?.message ?? '', /Chromium ended \(7\), and had no page\nits words/)
})

test.run()
