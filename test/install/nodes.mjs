// npm run test:nodes: tests on the supported versions of Node.js, with the native part that this checkout has built: one
// serves all. The last line is `N passed, N failed`.
//
//   node test/install/nodes.mjs          what CI runs: on each version a part
//   node test/install/nodes.mjs --all    library, contract, TLS, the program and PC/SC on every version
//   node test/install/nodes.mjs 24 26    the same on these
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const ALL = ['test/library', 'test/contract', 'test/keys', 'test/tls', 'test/cli', 'test/pcsc']
/** `npm test` runs everything on the Node.js of the machine. The newest differs most from the oldest. */
const SHARE = {
  20: ['test/contract/embedded'],
  22: ['test/contract/embedded', 'test/tls/embedded'],
  24: ['test/contract/embedded', 'test/tls/embedded'],
  26: ['test/contract/embedded', 'test/keys', 'test/tls', 'test/pcsc/select'],
}

const parts = JSON.parse(readFileSync(join(root, 'scripts/release/parts/package.json'), 'utf8')).dependencies
const supported = [...new Set(Object.keys(parts).flatMap((name) => /^node-(\d+)-/.exec(name)?.[1] ?? []))]
const words = process.argv.slice(2)
const wrong = words.filter((word) => word !== '--all' && !supported.includes(word))
if (wrong.length > 0) {
  console.error(`unknown argument ${wrong.join(' ')}. Known: --all, ${supported.join(', ')}.`)
  process.exit(2)
}

function chosen() {
  const named = words.filter((word) => word !== '--all')
  if (named.length > 0) return named.map((major) => [major, ALL])
  const own = process.version.slice(1).split('.')[0]
  return supported
    .filter((major) => words.includes('--all') || major !== own)
    .map((major) => [major, words.length > 0 ? ALL : SHARE[major]])
}

/** The counts of its last line; one failed where there is none. */
async function run(major, groups) {
  const folder = join(root, 'scripts/release/parts/node_modules', `node-${major}-${process.arch}`, 'bin')
  console.log(`\nNode ${major}`)
  const child = spawn(join(folder, 'node'), ['test/run', ...groups], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(-10_000)
    process.stdout.write(text)
  })
  const [status] = await once(child, 'close')
  const [, passed, failed] = /^(\d+) passed, (\d+) failed\n$/m.exec(said.split('\n').slice(-2).join('\n')) ?? [0, 0, 1]
  return { passed: Number(passed), failed: Math.max(Number(failed), status === 0 ? 0 : 1) }
}

const total = { passed: 0, failed: 0 }
for (const [major, groups] of chosen()) {
  const { passed, failed } = await run(major, groups)
  if (failed > 0) console.log(`Node ${major}: failed`)
  total.passed += passed
  total.failed += failed
}
console.log(`\n${total.passed} passed, ${total.failed} failed`)
if (total.failed > 0) process.exitCode = 1
