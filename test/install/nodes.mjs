// npm run test:nodes: tests on each supported Node.js, with the native part that this checkout has built: one serves all.
//
//   node test/install/nodes.mjs          on all of them
//   node test/install/nodes.mjs 24 26    on these
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const WORDS = ['test/library', 'test/contract', 'test/tls', 'test/cli', 'test/pcsc']
const parts = JSON.parse(readFileSync(join(root, 'scripts/release/parts/package.json'), 'utf8')).dependencies
const all = Object.keys(parts).flatMap((name) => /^node-(\d+)-/.exec(name)?.[1] ?? [])
const majors = process.argv.length > 2 ? process.argv.slice(2) : [...new Set(all)]

for (const major of majors) {
  const folder = join(root, 'scripts/release/parts/node_modules', `node-${major}-${process.arch}`, 'bin')
  console.log(`\nNode ${major}`)
  const { status } = spawnSync(join(folder, 'node'), ['test/run', ...WORDS], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
  })
  if (status !== 0) {
    console.log(`Node ${major}: failed`)
    process.exitCode = 1
  }
}
