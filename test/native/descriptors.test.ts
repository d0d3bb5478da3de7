// takes: 1 s
// File descriptors: none of ours goes to a child, none is kept, and having none left is a typed failure.
import { spawnSync } from 'node:child_process'
import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { inProcess } from './support/elsewhere.ts'
import { kindOf, openTpm, random } from './support/rig.ts'

const own = (): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return []
    }
  })

/** What a child of this process finds open, besides its own. */
function inherited(): string[] {
  const { stdout } = spawnSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const links = [...stdout.matchAll(/ (\d+) -> (.*)/g)].filter(([, fd]) => Number(fd) > 2)
  return links.map(([, , path = '']) => path).filter((path) => !/^\/proc\/\d+\/fd$/.test(path))
}

test('a child inherits no way to a TPM', async () => {
  const before = inherited()
  const swtpm = await startSwtpm({ tcp: true })
  const tpms = [await openTpm(swtpm.tcti), await openTpm('embedded:', { stateFile: join(tempDir('state'), 'state') })]
  for (const tpm of tpms) await tpm.run([random(8)])
  assert.ok(own().some((path) => path.endsWith('.lock')))
  assert.equal(inherited(), before)
  for (const tpm of tpms) await tpm.close()
  await swtpm.stop()
})

test('opening and closing, also in vain, keeps no descriptor', async () => {
  const swtpm = await startSwtpm()
  const path = join(tempDir('state'), 'state')
  const round = async () => {
    await (await openTpm(swtpm.tcti)).close()
    await (await openTpm('embedded:', { stateFile: path })).close()
    await kindOf(openTpm('swtpm:path=/nowhere'))
    await kindOf(openTpm('embedded:', { stateFile: '/nowhere/state', waitMs: 0 }))
    await kindOf(openTpm('mssim:host=127.0.0.1,port=1', { waitMs: 0 }))
  }
  await round()
  const before = own().length
  for (let i = 0; i < 10; i += 1) await round()
  assert.ok(own().length <= before + 1, `${before} before, ${own().length} after`)
  await swtpm.stop()
})

test('no descriptor left: a typed failure, and it works again when there are some', async () => {
  const swtpm = await startSwtpm()
  const body = `
    await open(given.tcti).then((tpm) => tpm.close()) // everything is loaded
    // UBSan checks a class once, and through a pipe: with no descriptor left it takes sound objects for damaged ones.
    await open('swtpm:path=/nowhere').catch(() => undefined)
    const fs = require('node:fs')
    const taken = []
    const take = () => { try { for (;;) taken.push(fs.openSync('/dev/null')) } catch (error) { return error.code } }
    say(take())
    for (const spare of [0, 1, 2, 3]) {
      for (let i = 0; i < spare; i++) fs.closeSync(taken.pop())
      const opening = async () => open(given.tcti)
      await opening().then((tpm) => tpm.close(), (error) => say(spare + ' ' + error.layer + ' ' + typeof error.reason))
      take()
    }
    for (const fd of taken) fs.closeSync(fd)
    const tpm = await open(given.tcti)
    say(String((await tpm.run([random])).length))`
  const { code, signal, lines } = await inProcess(body, { tcti: swtpm.tcti })
  assert.equal([code, signal, lines[0], lines.at(-1)], [0, null, 'EMFILE', '1'], lines.join('\n'))
  const failures = lines.slice(1, -1)
  assert.ok(failures.length >= 2, lines.join('\n'))
  for (const failure of failures) assert.match(failure, /^\d tcti string$/)
  await swtpm.stop()
})

test.run()
