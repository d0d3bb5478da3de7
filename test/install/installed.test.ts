// takes: 25 s
// time limit: 1800 s
// The package as npm installs it, from a registry on this machine: it works, and where its native part is missing or spoilt
// it says why, and what it says works. The native part is the checkout's; `npm run test:install` has the one of a release,
// and builds one from source.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { run, type Said } from '../strangers/support/tools.ts'
import { tempDir } from '../support/temp.ts'
import { packDependencies, startRegistry } from './support/registry.ts'
import { SIGN } from './support/sign.ts'

const KIND = `linux-${process.arch}-gnu`
const OTHER = process.arch === 'x64' ? 'linux-arm64-gnu' : 'linux-x64-gnu'
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

const tarballs = tempDir('tarballs')
execFileSync(process.execPath, [join(root, 'scripts/release/try.mjs'), tarballs], {
  stdio: ['ignore', 'ignore', 'inherit'],
})
packDependencies(tarballs)
const registry = await startRegistry(tarballs)
const cache = tempDir('cache')

interface Project {
  readonly folder: string
  run(line: string, ms?: number): Promise<Said>
  /** The native part's package, and a file in it. */
  native(kind: string, file?: string): string
}

function project(): Project {
  const folder = tempDir('project')
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  writeFileSync(join(folder, 'sign.mjs'), SIGN)
  const env = {
    npm_config_registry: registry.url,
    npm_config_cache: cache,
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
    TESSERA_HOME: join(folder, 'home'),
    TESSERA_TCTI: 'embedded:',
    NO_COLOR: '1',
  }
  return {
    folder,
    run: (line, ms = 120_000) => run('sh', ['-c', line], { cwd: folder, env, ms }),
    native: (kind, file = '') => join(folder, 'node_modules/@tessera-card', kind, file),
  }
}

/** "verifies true", or the error of the library. */
async function says(place: Project): Promise<string> {
  const { stdout, all } = await place.run('node sign.mjs')
  assert.ok(stdout, all)
  return stdout.trim()
}

/** The command that a message names, done; then all is well. */
async function follow(place: Project, message: string): Promise<void> {
  const [, command] = /: (npm [^:]*)\.$/.exec(message) ?? []
  assert.ok(command, message)
  const done = await place.run(command)
  assert.is(done.code, 0, done.all)
  assert.is(await says(place), 'verifies true', command)
}

const shared = project()

/** "Remove node_modules, and install the packages again." */
async function installAgain(): Promise<void> {
  const again = await shared.run('rm -r node_modules && npm install')
  assert.is(again.code, 0, again.all)
  assert.is(await says(shared), 'verifies true')
}

test('npm install runs no script, and a card works', async () => {
  const installed = await shared.run('npm install --foreground-scripts tessera-card')
  assert.is(installed.code, 0, installed.all)
  assert.not.match(installed.stdout + installed.stderr, /script|^> /m)
  const main = join(shared.folder, 'node_modules/tessera-card')
  assert.is(JSON.parse(readFileSync(join(main, 'package.json'), 'utf8')).scripts, undefined)
  assert.not(existsSync(join(main, 'binding.gyp')))
  assert.equal(readdirSync(join(shared.folder, 'node_modules/@tessera-card')), [KIND])
  assert.is(await says(shared), 'verifies true')
  const created = await shared.run('npx tessera create work && npx tessera-card list')
  assert.match(created.stdout, /^work /m, created.all)
  assert.ok(readdirSync(join(shared.folder, 'node_modules/tessera-card/dist')).includes('tessera.cjs.cache'))
})

test('optional packages were left out', async () => {
  const place = project()
  assert.is((await place.run('npm install --omit=optional tessera-card')).code, 0)
  const message = await says(place)
  assert.match(message, /^ERR_TPM_LIBRARY .* is not installed: optional packages were left out/)
  await follow(place, message)
})

test('node_modules of another kind of computer', async () => {
  renameSync(shared.native(KIND), shared.native(OTHER))
  const message = await says(shared)
  assert.match(message, new RegExp(`^ERR_TPM_LIBRARY .* made on another kind of computer \\(${OTHER}\\)`))
  await follow(shared, message)
  rmSync(shared.native(OTHER), { recursive: true, force: true })
})

/** To a Node.js for glibc, a computer with musl: its dynamic linker is there, and Node.js names no glibc. */
const MUSL = `const fs = require('node:fs')
const { existsSync } = fs
fs.existsSync = (path) => String(path).startsWith('/lib/ld-musl-') || existsSync(path)
require('node:module').syncBuiltinESMExports()
Object.defineProperty(process, 'report', { value: { getReport: () => ({ header: {} }) } })
`

test('a computer with musl: there is no ready-made part, and the message names the way by the source', async () => {
  writeFileSync(join(shared.folder, 'musl.cjs'), MUSL)
  const { stdout, all } = await shared.run('node --require ./musl.cjs sign.mjs')
  const kind = `linux-${process.arch}-musl`
  const message = `There is no ready-made native part for ${kind} (installed: ${KIND}). Build it here: npx tessera-card build-native.`
  assert.match(stdout, `ERR_TPM_LIBRARY ${message}`, all)
})

test('a native part of another version', async () => {
  const file = shared.native(KIND, 'package.json')
  writeFileSync(file, readFileSync(file, 'utf8').replace(`"version": "${version}"`, '"version": "0.0.1"'))
  const message = await says(shared)
  assert.match(message, `has version 0.0.1, and tessera-card ${version}. Remove node_modules, and install`)
  await installAgain()
})

const addon = () => shared.native(KIND, 'tessera.node')

test('a native part that is cut short, is no library, or is for another processor: said, and never loaded', async () => {
  const whole = readFileSync(addon())
  const machine = Buffer.from(whole)
  machine.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18)
  const other = process.arch === 'x64' ? 'arm64' : 'x64'
  const spoilt: ReadonlyArray<readonly [Uint8Array, RegExp]> = [
    [whole.subarray(0, whole.length / 2), /is damaged\. Remove node_modules, and install the packages again\.$/],
    [whole.subarray(0, 10), /is damaged/],
    [new Uint8Array(0), /is damaged/],
    [Buffer.from('#!/bin/sh\n'.repeat(100)), /is damaged/],
    [machine, new RegExp(`is for ${other}, and this Node.js is for ${process.arch}\\. Remove node_modules`)],
  ]
  for (const [octets, expected] of spoilt) {
    rmSync(addon())
    writeFileSync(addon(), octets)
    const message = await says(shared)
    assert.match(message, /^ERR_TPM_LIBRARY /)
    assert.match(message, expected)
  }
  await installAgain()
})

test('what the dynamic linker says is in the message, with what can be done', async () => {
  const build = (text: string, ...flags: string[]) => {
    writeFileSync(join(shared.folder, 'lib.c'), text)
    rmSync(addon(), { force: true })
    execFileSync('cc', ['-shared', '-fPIC', '-o', addon(), join(shared.folder, 'lib.c'), ...flags])
  }
  const kept = readFileSync(addon())
  build('void SSL_of_another(void); void napi_register_module_v1(void) { SSL_of_another(); }', '-Wl,-z,now')
  assert.match(
    await says(shared),
    `(${addon()}: undefined symbol: SSL_of_another). The native part uses the OpenSSL 3 inside Node.js 20 and later, and Node.js ${process.version} with OpenSSL ${process.versions.openssl} lacks a part of it.`,
  )
  const electron = `Object.defineProperty(process, 'versions', { value: { ...process.versions, electron: '40.0.0' } })`
  writeFileSync(join(shared.folder, 'electron.cjs'), electron)
  const inElectron = await shared.run('node --require ./electron.cjs sign.mjs')
  assert.match(
    inElectron.stdout,
    /, and Electron lacks a part of it\. Run the program that uses the card with Node\.js/,
  )
  build('int nothing;')
  assert.match(await says(shared), /did not self-register.*Build it here: npx tessera-card build-native\.$/)
  rmSync(addon())
  writeFileSync(addon(), kept)
})

test('a native part that this user may not read', async () => {
  // Root may read everything, unless it is told not to.
  const asOther = process.getuid?.() === 0 ? 'setpriv --bounding-set=-dac_override,-dac_read_search ' : ''
  chmodSync(addon(), 0)
  const { stdout, all } = await shared.run(`${asOther}node sign.mjs`)
  assert.match(stdout, /^ERR_TPM_LIBRARY .*EACCES.*This user may not read the file/, all)
  chmodSync(addon(), 0o644)
})

test('a build from source goes before the ready-made one', async () => {
  const own = join(shared.folder, 'node_modules/tessera-card/native/build/Release')
  mkdirSync(own, { recursive: true })
  writeFileSync(join(own, 'tessera.node'), '')
  assert.match(
    await says(shared),
    `The native part in ${own}/tessera.node cannot be loaded (it is damaged). Build it again`,
  )
  rmSync(own, { recursive: true })
})

test('two copies of the package in one process, and two versions', async () => {
  const second = join(shared.folder, 'second/node_modules')
  for (const name of readdirSync(join(shared.folder, 'node_modules'))) {
    cpSync(join(shared.folder, 'node_modules', name), join(second, name), { recursive: true, verbatimSymlinks: true })
  }
  writeFileSync(join(shared.folder, 'second/sign.mjs'), SIGN.replaceAll('card-', 'second-'))
  const both = async () => {
    const { stdout, all } = await shared.run(
      `node --input-type=module -e "await import('./sign.mjs'); await import('./second/sign.mjs')"`,
    )
    assert.is(stdout, 'verifies true\nverifies true\n', all)
  }
  await both()
  for (const name of ['tessera-card', `@tessera-card/${KIND}`]) {
    const file = join(second, name, 'package.json')
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(version, '99.0.0'))
  }
  await both()
})

test.after(() => registry.stop())
test.run()
