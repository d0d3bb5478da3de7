// takes: 6 s
// docs/ci.md and examples/ci: what they show runs.
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PROGRAM } from '../cli/cli.ts'
import { root } from '../runner/jobs.ts'
import { run } from '../strangers/support/tools.ts'
import { tempDir } from '../support/temp.ts'

/** A project that has this package installed. */
function project(): string {
  const folder = tempDir('project')
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/tessera-card'))
  return folder
}

test('examples/ci: npm test', async () => {
  const folder = project()
  cpSync(join(root, 'examples/ci'), folder, { recursive: true })
  const said = await run('npm', ['test'], { cwd: folder })
  assert.is(said.code, 0, said.all)
  assert.match(said.stdout, /^# pass 1$/m, said.all)
})

test('the same test by uvu', async () => {
  const folder = project()
  const text = readFileSync(join(root, 'examples/ci/card.test.mjs'), 'utf8')
  writeFileSync(join(folder, 'card.test.mjs'), `${text.replace("'node:test'", "'uvu'")}\ntest.run()\n`)
  symlinkSync(join(root, 'node_modules/uvu'), join(folder, 'node_modules/uvu'))
  const said = await run(process.execPath, ['card.test.mjs'], { cwd: folder })
  assert.is(said.code, 0, said.all)
  assert.match(said.stdout, /Passed: +1/, said.all)
})

for (const more of [[], ['--swtpm']]) {
  test(`tessera lab${more.map((word) => ` ${word}`)} -- sh test.sh`, async () => {
    const folder = tempDir('script')
    const [, script = ''] = /^```sh\n([\s\S]*?)^```$/m.exec(readFileSync(join(root, 'docs/ci.md'), 'utf8')) ?? []
    writeFileSync(join(folder, 'test.sh'), script)
    const [node, ...words] = PROGRAM
    const said = await run(node, [...words, 'lab', ...more, '--', 'sh', '-e', 'test.sh'], { cwd: folder })
    assert.is(said.code, 0, said.all)
    assert.match(said.stdout, 'Private Key Object; EC', said.all)
    assert.match(said.stdout, 'MII', said.all)
  })
}

test('the exit code of tessera lab is that of the program', async () => {
  const [node, ...words] = PROGRAM
  assert.is((await run(node, [...words, 'lab', '--', 'sh', '-c', 'exit 37'])).code, 37)
})

test.run()
