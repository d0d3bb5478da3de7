// npm run test:install: the packages of a release, on computers with nothing but Node.js, by each package manager and each
// version of Node.js, and on arm64 by qemu.
//
// Needs `npm run release` before it: it tests the tarballs in build/release/out.
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { run } from '../strangers/support/tools.ts'
import { tempDir } from '../support/temp.ts'
import { bareComputer } from './support/bare.ts'
import { packDependencies, startRegistry } from './support/registry.ts'
import { SIGN } from './support/sign.ts'

const out = join(root, 'build/release/out')
const nodes = join(root, 'scripts/release/parts/node_modules')
const packages = join(root, 'test/install/packages/node_modules')
if (!existsSync(join(out, 'SHA256SUMS')))
  throw new Error('There is no release in build/release/out. Run `npm run release` first.')

const tarballs = tempDir('tarballs')
for (const name of readdirSync(out).filter((name) => name.endsWith('.tgz')))
  copyFileSync(join(out, name), join(tarballs, name))
packDependencies(tarballs)
const registry = await startRegistry(tarballs)

const REGISTRY = {
  npm_config_registry: registry.url,
  npm_config_cache: '/app/.cache',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
  YARN_REGISTRY: registry.url,
  YARN_CACHE_FOLDER: '/app/.cache',
  YARN_NPM_REGISTRY_SERVER: registry.url,
  YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
  YARN_NODE_LINKER: 'node-modules',
  YARN_ENABLE_GLOBAL_CACHE: 'false',
  YARN_ENABLE_TELEMETRY: 'false',
  YARN_NPM_MINIMAL_AGE_GATE: '0',
  NO_COLOR: '1',
}

function project(): string {
  const folder = tempDir('project')
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  writeFileSync(join(folder, 'sign.mjs'), SIGN)
  writeFileSync(join(folder, '.npmrc'), `registry=${registry.url}\n`)
  return folder
}

/** What installs the package, and the oldest Node.js that it runs on. */
const MANAGERS: ReadonlyArray<readonly [name: string, oldest: number, line: string]> = [
  ['npm 11', 20, 'node /packages/npm-11/bin/npm-cli.js install tessera-card'],
  ['npm 12', 22, 'node /packages/npm-12/bin/npm-cli.js install tessera-card'],
  ['pnpm', 20, 'node /packages/pnpm/bin/pnpm.cjs add --store-dir /app/.store tessera-card'],
  ['yarn 1', 20, 'node /packages/yarn/bin/yarn.js add tessera-card'],
  ['yarn 4', 20, ': > yarn.lock; node /packages/@yarnpkg/cli-dist/bin/yarn.js add tessera-card'],
]
const MAJORS = [20, 22, 24, 26]

for (const major of MAJORS) {
  const computer = bareComputer(join(nodes, `node-${major}-x64`), packages)
  for (const [name, oldest, line] of MANAGERS.filter(([, oldest]) => major >= oldest)) {
    test(`Node ${major}, ${name} (from Node ${oldest} on): installed, a signature`, async () => {
      const folder = project()
      const started = performance.now()
      const installed = await computer.run(folder, line, { env: REGISTRY })
      assert.is(installed.code, 0, installed.all)
      const signed = await computer.run(folder, 'node sign.mjs')
      assert.is(signed.stdout, 'verifies true\n', signed.all)
      console.log(
        `# Node ${major}, ${name}: ${((performance.now() - started) / 1000).toFixed(1)} s to the first signature`,
      )
    })
  }

  test(`Node ${major}: the program, doctor, read-only node_modules`, async () => {
    const folder = project()
    const npx = `node /packages/npm-${major < 22 ? 11 : 12}/bin/npx-cli.js`
    assert.is((await computer.run(folder, MANAGERS[0]?.[2] ?? '', { env: REGISTRY })).code, 0)
    const created = await computer.run(folder, `${npx} tessera create work`, { env: REGISTRY })
    assert.is(created.code, 0, created.all)
    const doctor = await computer.run(folder, 'node node_modules/.bin/tessera doctor')
    assert.is(doctor.code, 0, doctor.all)
    assert.match(doctor.stdout, /^ok +TPM at embedded:/m, doctor.all)
    const serve = await computer.run(folder, 'node node_modules/.bin/tessera serve work')
    assert.is(serve.code, 1, serve.all)
    assert.match(serve.stderr, /vpcd.* is not installed.*ERR_PCSC_UNAVAILABLE/s, serve.all)
    const readOnly = await computer.run(folder, 'node sign.mjs && node node_modules/.bin/tessera list', {
      readOnly: true,
    })
    assert.is(readOnly.code, 0, readOnly.all)
    assert.match(readOnly.stdout, /^verifies true\n[\s\S]*work/, readOnly.all)
  })
}

const computer = bareComputer(join(nodes, 'node-24-x64'), packages)
const installed = project()
const there = await computer.run(installed, MANAGERS[1]?.[2] ?? '', { env: REGISTRY })
assert.is(there.code, 0, there.all)

test('Bun is refused in words', async () => {
  const bun = '/packages/@oven/bun-linux-x64/bin/bun'
  const said = await computer.run(installed, `${bun} run sign.mjs`)
  assert.match(said.stdout, /^ERR_TPM_LIBRARY .* Bun lacks a part of it/, said.all)
})

test('a file system that is mounted noexec', async () => {
  if (process.getuid?.() !== 0) return console.log('# skipped: a noexec mount: it takes root')
  const node = join(nodes, 'node-24-x64/bin/node')
  const mount = `mount --bind '${installed}' '${installed}' && mount -o remount,bind,noexec '${installed}' && cd '${installed}' && '${node}' sign.mjs`
  const said = await run('unshare', ['-m', 'sh', '-c', mount], { env: { TESSERA_HOME: tempDir('home') } })
  assert.match(said.stdout, /^ERR_TPM_LIBRARY .*mounted noexec.*Install the package in another folder/, said.all)
})

test('arm64, by qemu', async () => {
  const folder = project()
  const line = `${MANAGERS[1]?.[2]} --cpu=arm64 --os=linux --libc=glibc`
  const there = await computer.run(folder, line, { env: REGISTRY })
  assert.is(there.code, 0, there.all)
  assert.equal(readdirSync(join(folder, 'node_modules/@tessera-card')), ['linux-arm64-gnu'])
  const wrong = await computer.run(folder, 'node sign.mjs')
  assert.match(wrong.stdout, /^ERR_TPM_LIBRARY .*another kind of computer \(linux-arm64-gnu\)/, wrong.all)
  for (const major of MAJORS) {
    const words = ['-L', '/usr/aarch64-linux-gnu', join(nodes, `node-${major}-arm64/bin/node`), 'sign.mjs']
    const env = { TESSERA_HOME: join(folder, 'home'), TESSERA_TCTI: 'embedded:' }
    const said = await run('qemu-aarch64', words, { cwd: folder, env, ms: 300_000 })
    assert.is(said.stdout, 'verifies true\n', said.all)
  }
})

test('the same version in all packages, notices and a list of parts in each', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const file of readdirSync(out).filter((name) => name.endsWith('.tgz'))) {
    const folder = join(tempDir('package'), 'x')
    mkdirSync(folder)
    execFileSync('tar', ['-xzf', join(out, file), '-C', folder])
    const read = (name: string) => readFileSync(join(folder, 'package', name), 'utf8')
    const manifest = JSON.parse(read('package.json'))
    assert.is(manifest.version, version)
    assert.equal([manifest.scripts, manifest.devDependencies, manifest.gypfile], [undefined, undefined, undefined])
    for (const wanted of Object.values(manifest.optionalDependencies ?? {})) assert.is(wanted, version)
    const bom = JSON.parse(read('sbom.cdx.json'))
    assert.is(bom.bomFormat, 'CycloneDX')
    for (const { name } of bom.components) assert.match(read('THIRD_PARTY.md'), `## ${name} `)
    rmSync(folder, { recursive: true })
  }
})

test.after(() => registry.stop())
test.run()
