// `tessera web` as a program: it opens the browser, says where the page is where there is none, and ends when it is told to.
import { chmodSync, existsSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startProgram } from '../cli/cli.ts'
import { tempDir, within } from '../support/temp.ts'

const NO_DESKTOP = { BROWSER: '', DISPLAY: '', WAYLAND_DISPLAY: '', TESSERA_TCTI: 'embedded:' }
const ADDRESS = /^http:\/\/127\.0\.0\.1:\d+\/#[\w-]{43}$/

test('the browser gets the address', async () => {
  const folder = tempDir('browser')
  const [browser, got] = [join(folder, 'browser'), join(folder, 'got')]
  writeFileSync(browser, `#!/bin/sh\necho "$1" > "${got}.part" && mv "${got}.part" "${got}"\n`)
  chmodSync(browser, 0o755)
  const came = new Promise<void>((resolve) => {
    const watcher = watch(folder, () => {
      if (!existsSync(got)) return
      watcher.close()
      resolve()
    })
  })
  const web = await startProgram(['web', '--json'], { ...NO_DESKTOP, BROWSER: browser })
  const { url, opened } = JSON.parse(web.firstLine)
  assert.match(url, ADDRESS)
  assert.is(opened, true)
  await within(came, 120_000, 'the browser')
  assert.is(readFileSync(got, 'utf8').trim(), url)
  assert.is(await web.stop('SIGINT'), 0)
})

test('without a browser the address is printed, each time another one', async () => {
  const programs = await Promise.all([
    startProgram(['web', '--json'], NO_DESKTOP),
    startProgram(['web', '--json'], { ...NO_DESKTOP, BROWSER: join(tempDir('none'), 'nobody') }),
    startProgram(['web', '--json', '--url-only'], { ...NO_DESKTOP, BROWSER: '/bin/false' }),
  ])
  const said = programs.map(({ firstLine }) => JSON.parse(firstLine))
  for (const { url, opened } of said) {
    assert.match(url, ADDRESS)
    assert.is(opened, false)
  }
  assert.is(new Set(said.map(({ url }) => new URL(url).port)).size, 3)
  assert.is(new Set(said.map(({ url }) => new URL(url).hash)).size, 3)
  assert.equal(await Promise.all(programs.map((one) => one.stop('SIGTERM'))), [0, 0, 0])
})

test.run()
