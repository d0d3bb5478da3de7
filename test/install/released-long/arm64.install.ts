// takes: 60 s
// time limit: 3600 s
// The package for arm64, on each Node.js by qemu.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../strangers/support/tools.ts'
import { MAJORS, nodeFolder, startReleased } from '../support/released.ts'

const { registry, computer, installed } = await startReleased()
const folder = await installed(24, '--cpu=arm64 --os=linux --libc=glibc')

test('what was installed for arm64 is refused on x64', async () => {
  assert.equal(readdirSync(join(folder, 'node_modules/@tessera-card')), ['linux-arm64-gnu'])
  const wrong = await computer(24).run(folder, 'node sign.mjs')
  assert.match(wrong.stdout, /^ERR_TPM_LIBRARY .*another kind of computer \(linux-arm64-gnu\)/, wrong.all)
})

for (const major of MAJORS) {
  test(`Node ${major} for arm64: a signature`, async () => {
    const words = ['-L', '/usr/aarch64-linux-gnu', join(nodeFolder(major, 'arm64'), 'bin/node'), 'sign.mjs']
    const env = { TESSERA_HOME: join(folder, 'home'), TESSERA_TCTI: 'embedded:' }
    const said = await run('qemu-aarch64', words, { cwd: folder, env, ms: 900_000 })
    assert.is(said.stdout, 'verifies true\n', said.all)
  })
}

test.after(() => registry.stop())
test.run()
