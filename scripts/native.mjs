// Builds the native addon from source with cmake, without network.
//
//   node scripts/native.mjs              native/build/Release/tessera.node
//   node scripts/native.mjs --witness    the same, and the witness program of the tests beside it
//   node scripts/native.mjs --bench      the same, and the C programs of bench/
//   node scripts/native.mjs --asan       native/build-asan/Release/tessera.node, with sanitizers
//
// scripts/setup runs it in a checkout, `npx tessera-card build-native` where the package is installed and no ready-made
// addon fits; gyp tools reach it through binding.gyp.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

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

// Settings of an outer make would change what cmake and make do.
function cleanEnvironment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([key]) => !/^(npm_|MAKE|MFLAGS$|GNUMAKEFLAGS$)/i.test(key)),
  )
}

// The header files of node-addon-api: in the published package beside the sources (scripts/release/pack.mjs).
function findNodeAddonApi() {
  const inside = join(root, 'native/node-addon-api')
  if (existsSync(inside)) return inside
  try {
    return dirname(createRequire(import.meta.url).resolve('node-addon-api/package.json'))
  } catch {
    return fail('the package node-addon-api is not installed. Run `npm ci --ignore-scripts` first.')
  }
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((argument) => !known.includes(argument))
if (unknown.length > 0) fail(`unknown argument ${unknown.join(' ')}. Known: ${known.join(' ')}.`)

const nodeDir = findNodeDir()
const nodeAddonApi = findNodeAddonApi()
const asan = wanted.includes('--asan')
const out = join(root, 'native', asan ? 'build-asan' : 'build')
const options = {
  TESSERA_NODE_INCLUDE: join(nodeDir, 'include/node'),
  TESSERA_NODE_ADDON_API: nodeAddonApi,
  // A compiler newer than ours may know new warnings: errors in a checkout, but not where the package is installed.
  TESSERA_WERROR: existsSync(join(root, 'test')) ? 'ON' : 'OFF',
  TESSERA_SANITIZE: asan ? 'ON' : 'OFF',
  TESSERA_WITNESS: wanted.includes('--witness') ? 'ON' : 'OFF',
  TESSERA_BENCH: wanted.includes('--bench') ? 'ON' : 'OFF',
}

const NEEDED =
  'Needed: cmake, make, a C++20 compiler, the headers of tpm2-tss, libtpms and pcsc-lite (Debian and Ubuntu: apt-get install ' +
  'cmake make g++ pkg-config libtss2-dev libtpms-dev libpcsclite-dev; Alpine: apk add cmake make g++ pkgconf linux-headers ' +
  'tpm2-tss-dev libtpms-dev pcsc-lite-dev).'

function cmake(words, hint) {
  const { error, status } = spawnSync('cmake', words, {
    env: cleanEnvironment(),
    stdio: ['ignore', 'inherit', 'inherit'],
    cwd: root,
  })
  if (error?.code === 'ENOENT') fail(`there is no cmake. ${NEEDED}`)
  if (error) fail(error.message)
  if (status !== 0) fail(hint)
}

function configure() {
  const settings = { CMAKE_BUILD_TYPE: 'Release', CMAKE_LIBRARY_OUTPUT_DIRECTORY: join(out, 'Release'), ...options }
  const words = Object.entries(settings).map(([key, value]) => `-D${key}=${value}`)
  cmake(
    ['-S', join(root, 'native'), '-B', out, '-G', 'Unix Makefiles', '--log-level=WARNING', ...words],
    `the messages above say why. ${NEEDED}`,
  )
}

// What a build directory was made for. Another place or Node: begin anew. Other options: configure again.
const stampFile = join(out, 'tessera-options.json')
const base = JSON.stringify([root, nodeDir, process.version, process.arch])
let before = {}
try {
  before = JSON.parse(readFileSync(stampFile, 'utf8'))
} catch {
  // None yet, or half written: begin anew.
}
try {
  if (before.base !== base) rmSync(out, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
} catch (error) {
  fail(`${error.message}. Run it as the user whose files these are.`)
}
if (before.base !== base || JSON.stringify(before.options) !== JSON.stringify(options)) {
  configure()
  writeFileSync(stampFile, JSON.stringify({ base, options }))
}
cmake(['--build', out, '-j', String(Math.min(4, availableParallelism()))], "the compiler's messages above say why.")
