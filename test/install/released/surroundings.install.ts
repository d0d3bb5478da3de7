// takes: 30 s
// Places where a native part is not always let in: it works, or the message says what does.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../strangers/support/tools.ts'
import { tempDir } from '../../support/temp.ts'
import { nodeFolder, startReleased } from '../support/released.ts'
import { dockerDefault, noExecutableMemory } from '../support/seccomp.ts'

const { registry, computer, installed } = await startReleased()
const folder = await installed(24)
const here = computer(24)

test('Bun is refused in words', async () => {
  const said = await here.run(folder, '/packages/@oven/bun-linux-x64/bin/bun run sign.mjs')
  assert.match(said.stdout, /^ERR_TPM_LIBRARY .* Bun lacks a part of it/, said.all)
})

test('a file system that is mounted noexec', async () => {
  const node = `${nodeFolder(24, 'x64')}/bin/node`
  const mount = `mount --bind '${folder}' '${folder}' && mount -o remount,bind,noexec '${folder}' && cd '${folder}' && '${node}' sign.mjs`
  const said = await run('unshare', ['-rm', 'sh', '-c', mount], { env: { TESSERA_HOME: tempDir('home') } })
  assert.match(said.stdout, /^ERR_TPM_LIBRARY .*mounted noexec.*Install the package in another folder/, said.all)
})

test("the system calls of Docker's default", async () => {
  const said = await here.run(folder, 'node sign.mjs', { seccomp: dockerDefault() })
  assert.is(said.stdout, 'verifies true\n', said.all)
})

test('a system where no memory may become executable: Node.js needs --jitless there, the card nothing', async () => {
  const seccomp = noExecutableMemory()
  const alone = await here.run(folder, 'node -e "for (let n = 0; n < 1e6; n += 1) Math.sqrt(n)"', { seccomp })
  assert.is.not(alone.code, 0, 'the filter does what it says')
  const said = await here.run(folder, 'node --jitless sign.mjs', { seccomp })
  assert.is(said.stdout, 'verifies true\n', said.all)
})

test.after(() => registry.stop())
test.run()
