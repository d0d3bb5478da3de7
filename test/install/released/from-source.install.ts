// takes: 60 s
// time limit: 1800 s
// Where no ready-made native part fits, the package builds its own: everything that this takes is in the package.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../strangers/support/tools.ts'
import { MAJORS, startReleased } from '../support/released.ts'

const { registry, installed } = await startReleased()

test('built from source, where no ready-made one fits', async () => {
  const folder = await installed(MAJORS[0] ?? 20, '--omit=optional')
  assert.not(existsSync(join(folder, 'node_modules/@tessera-card')))
  const env = { npm_config_registry: registry.url, npm_config_cache: join(folder, '.cache'), NO_COLOR: '1' }
  const here = (line: string) =>
    run('sh', ['-c', line], {
      cwd: folder,
      env: { ...env, TESSERA_HOME: join(folder, 'home'), TESSERA_TCTI: 'embedded:' },
      ms: 1_500_000,
    })
  const before = await here('node sign.mjs')
  assert.match(before.stdout, /^ERR_TPM_LIBRARY /, before.all)
  const built = await here('npx tessera-card build-native')
  assert.is(built.code, 0, built.all)
  const after = await here('node sign.mjs')
  assert.is(after.stdout.trim(), 'verifies true', after.all)
})

test.after(() => registry.stop())
test.run()
