// Every program in examples/, and the library example of README.md, runs as it stands. (Scripts need more around them:
// test/strangers/example.test.ts. The sample service: test/relying-party.)
// takes: 10 s
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tempDir } from '../support/temp.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

function runs(name: string, ...args: string[]) {
  test(name, () => {
    const env = { ...process.env, TESSERA_HOME: tempDir('example') }
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: root,
      env,
      encoding: 'utf8',
      timeout: 300_000,
    })
    assert.is(status, 0, `${stdout}${stderr}`)
  })
}

for (const file of readdirSync(`${root}examples`).filter((name) => name.endsWith('.ts'))) {
  runs(`examples/${file}`, '--import', 'tsx', `examples/${file}`)
}

const blocks = [...readFileSync(`${root}README.md`, 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map(
  (match) => match[1] ?? '',
)
test('README.md has an example', () => assert.ok(blocks.length > 0))
for (const [index, block] of blocks.entries()) {
  runs(
    `README.md, example ${index + 1}`,
    '--input-type=module',
    '--eval',
    `process.env.TESSERA_TCTI = 'embedded:'\n${block}`,
  )
}

test.run()
