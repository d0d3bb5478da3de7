// Builds the native addon with cmake-js, without network.
//
//   node scripts/native.mjs              native/build/Release/tessera.node
//   node scripts/native.mjs --witness    the same, and the witness program of the tests beside it
//   node scripts/native.mjs --bench      the same, and the C programs of bench/
//   node scripts/native.mjs --asan       native/build-asan/Release/tessera.node, with sanitizers
//
// npm runs it as the "install" script; gyp tools reach it through binding.gyp.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const known = ['--witness', '--bench', '--asan']

function fail(message) {
  process.stderr.write(`tessera: the native addon was not built: ${message}\n`)
  process.exit(1)
}

// The headers of the Node that runs this, and no others: the addon uses the OpenSSL inside it.
function findNodeDir() {
  const places = [dirname(dirname(process.execPath)), dirname(dirname(realpathSync(process.execPath)))]
  if (process.env.npm_config_nodedir) places.push(process.env.npm_config_nodedir)
  const found = places.find((place) => existsSync(join(place, 'include/node/node_api.h')))
  if (!found) {
    fail(
      `no headers for this Node (${process.version}): include/node/node_api.h is not in ${[...new Set(places)].join(', ')}. ` +
        'Use a Node with its headers (the official tarball and the NodeSource packages have them), or set npm_config_nodedir.',
    )
  }
  const text = readFileSync(join(found, 'include/node/node_version.h'), 'utf8')
  const part = (name) => new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1]
  const version = ['MAJOR', 'MINOR', 'PATCH'].map(part).join('.')
  if (version !== process.versions.node) {
    fail(
      `the headers in ${found} are of Node ${version}, but this is Node ${process.versions.node}. Install matching ones.`,
    )
  }
  if (!existsSync(join(found, 'include/node/openssl/evp.h')) && !process.config.variables.node_shared_openssl) {
    fail(
      `the headers in ${found} come without OpenSSL's (include/node/openssl). Use the official Node or NodeSource's.`,
    )
  }
  return found
}

// Settings of an outer npm or make would change what cmake-js and make do: npm_config_* and MAKEFLAGS above all.
function cleanEnvironment(nodeDir) {
  const environment = {}
  for (const [key, value] of Object.entries(process.env)) {
    if (!/^(npm_|MAKE|MFLAGS$|GNUMAKEFLAGS$|NODE_OPTIONS$)/i.test(key)) environment[key] = value
  }
  // With it cmake-js takes the headers from there and downloads none.
  environment.npm_config_nodedir = nodeDir
  return environment
}

function resolvePackage(name) {
  try {
    return dirname(require.resolve(`${name}/package.json`))
  } catch {
    return fail(`the package ${name} is not installed. Run \`npm ci\` first.`)
  }
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((argument) => !known.includes(argument))
if (unknown.length > 0) fail(`unknown argument ${unknown.join(' ')}. Known: ${known.join(' ')}.`)

const nodeDir = findNodeDir()
const cmakeJs = resolvePackage('cmake-js')
const nodeAddonApi = resolvePackage('node-addon-api')
const asan = wanted.includes('--asan')
const out = join(root, 'native', asan ? 'build-asan' : 'build')
const options = {
  TESSERA_NODE_ADDON_API: nodeAddonApi,
  // A compiler newer than ours may know new warnings: errors in a checkout, but not where the package is installed.
  TESSERA_WERROR: existsSync(join(root, 'test')) ? 'ON' : 'OFF',
  TESSERA_SANITIZE: asan ? 'ON' : 'OFF',
  TESSERA_WITNESS: wanted.includes('--witness') ? 'ON' : 'OFF',
  TESSERA_BENCH: wanted.includes('--bench') ? 'ON' : 'OFF',
}

function cmake(command) {
  const custom = Object.entries(options).map(([key, value]) => `--CD${key}=${value}`)
  const fixed = ['-d', join(root, 'native'), '-O', out, '-G', 'Unix Makefiles', '-B', 'Release', '-l', 'warn']
  const jobs = ['-p', String(Math.min(4, availableParallelism()))]
  const result = spawnSync(process.execPath, [join(cmakeJs, 'bin/cmake-js'), command, ...fixed, ...jobs, ...custom], {
    env: cleanEnvironment(nodeDir),
    stdio: ['ignore', 'inherit', 'inherit'],
    cwd: root,
  })
  if (result.status !== 0 && command === 'build') fail("the compiler's messages above say why.")
  if (result.status !== 0) {
    fail(
      'the messages above say why. Needed: cmake, make, a C++20 compiler, the headers of tpm2-tss, libtpms and pcsc-lite ' +
        '(Debian and Ubuntu: apt-get install cmake make g++ pkg-config libtss2-dev libtpms-dev libpcsclite-dev).',
    )
  }
}

// What a build directory was made for. Another place, Node or cmake-js: begin anew. Other options: configure again.
const stampFile = join(out, 'tessera-options.json')
const base = JSON.stringify([
  root,
  nodeDir,
  process.version,
  process.arch,
  readFileSync(join(cmakeJs, 'package.json'), 'utf8'),
])
let before = {}
try {
  before = JSON.parse(readFileSync(stampFile, 'utf8'))
} catch {
  // None yet, or half written: begin anew.
}
if (before.base !== base) rmSync(out, { recursive: true, force: true })
if (before.base !== base || JSON.stringify(before.options) !== JSON.stringify(options)) {
  cmake('configure')
  mkdirSync(out, { recursive: true })
  writeFileSync(stampFile, JSON.stringify({ base, options }))
}
cmake('build')
