// Words that must not be in the tree, a lock file that names no host, and what the package ships.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { filesBelow, root } from '../runner/jobs.ts'
import { treeFiles } from './tree.ts'

const self = 'test/house/hygiene.test.ts'
const code = /\.(ts|mjs|cjs|js|cc|c|h)$/
const text = /\.(ts|mjs|cjs|js|cc|c|h|md|json|gyp|txt|sh|yml)$|^(bin|scripts|test|\.ci)\/[^.]+$/

const rules: ReadonlyArray<{ what: string; files: RegExp; pattern: RegExp }> = [
  { what: 'a way around the type checker', files: code, pattern: /\bas any\b|@ts-(ignore|nocheck|expect-error)/ },
  { what: 'a linter switched off', files: code, pattern: /biome-ignore-(all|start)|NOLINTBEGIN/ },
  { what: 'a test that is left out', files: /\.test\.ts$/, pattern: /\.(skip|only)\(/ },
  {
    what: 'a class that is another one in other contexts (node:util/types, isError)',
    files: /^src\/.+\.ts$/,
    pattern: /\binstanceof (Error|\w*Array|ArrayBuffer|Promise|Date|Map|Set|RegExp|(Aggregate|Type|Syntax)Error)\b/,
  },
  { what: 'work left for later', files: text, pattern: /\b(TODO|FIXME|XXX)\b/ },
  { what: 'a path of one machine', files: text, pattern: /(^|[^\w.}~)/-])\/(home|root|work|Users)\/\w/m },
]

function broken(path: string, content: string): string[] {
  return rules
    .filter(({ files, pattern }) => files.test(path) && pattern.test(content))
    .map(({ what, pattern }) => `${path}: ${what}: ${pattern.exec(content)?.[0].trim()}`)
}

test('the tree has none of the words that are not wanted', () => {
  const files = treeFiles().filter((path) => path !== self && !path.endsWith('package-lock.json'))
  assert.ok(files.includes('package.json') && files.some((path) => path.startsWith('src/')))
  const found = files.flatMap((path) => broken(path, readFileSync(join(root, path), 'utf8')))
  assert.equal(found, [])
})

test('each of them is found', () => {
  const samples: ReadonlyArray<readonly [string, string, number]> = [
    ['src/a.ts', 'const a = b as any', 1],
    ['src/a.ts', '// @ts-ignore', 1],
    ['src/a.ts', '/* biome-ignore-all lint: no */', 1],
    ['test/a.test.ts', `test.only('x', () => {})`, 1],
    ['test/a.test.ts', `test.skip('x', () => {})`, 1],
    ['src/a.ts', 'if (a instanceof Error) b()', 1],
    ['src/a.ts', 'a instanceof Uint8Array', 1],
    ['src/a.ts', 'a instanceof CardError', 0],
    ['scripts/setup', '# FIXME', 1],
    ['native/tpm/a.cc', '// TODO: more', 1],
    ['README.md', `see /${'home'}/somebody/tessera`, 1],
    ['src/a.ts', `open('/${'root'}/x')`, 1],
    ['src/a.ts', `const company = many; cd ~/${'work'}/x; p = a~/${'home'}/x; relative/${'work'}/x`, 0],
  ]
  for (const [path, content, count] of samples) assert.is(broken(path, content).length, count, `${path}: ${content}`)
})

const namesHost = (lock: string): boolean => /"resolved"|registry\.|\.tgz"/.test(lock)

test('the lock files name no registry', () => {
  const locks = treeFiles().filter((path) => path.endsWith('package-lock.json'))
  assert.equal(locks, [
    'bench/package-lock.json',
    'bench/peers/package-lock.json',
    'package-lock.json',
    'scripts/release/parts/package-lock.json',
    'test/install/packages/package-lock.json',
    'test/strangers/packages/package-lock.json',
  ])
  for (const lock of locks) assert.not(namesHost(readFileSync(join(root, lock), 'utf8')), lock)
  assert.ok(namesHost('"resolved": "https://registry.example/a.tgz"'))
})

const mustShip = [
  'package.json',
  'LICENSE',
  'README.md',
  'bin/tessera',
  'bin/tessera-card',
  'bin/package.json',
  'require/index.cjs',
  'require/load.cjs',
  'bin/code-cache.js',
  'scripts/native.mjs',
  'native/CMakeLists.txt',
  'native/addon.cc',
  'examples/sign.ts',
  'dist/index.js',
  'dist/index.d.ts',
  'dist/commonjs/index.d.ts',
  'dist/commonjs/package.json',
  'dist/cli/main.js',
  'dist/tessera.1',
  'dist/tessera.cjs',
  'dist/tls/worker.js',
  'dist/web/pages/app.js',
  'dist/web/pages/icon.svg',
  'dist/web/pages/index.html',
  'dist/web/pages/style.css',
]
const mayShip =
  /^(package\.json|LICENSE|README\.md|CHANGELOG\.md|SECURITY\.md|require\/\w+\.cjs|bin\/(tessera|tessera-card|code-cache\.js|package\.json)|scripts\/native\.mjs|docs\/.+|examples\/.+\.(ts|sh|mjs)|examples\/ci\/package\.json|dist\/tessera\.(cjs|1)|dist\/commonjs\/package\.json|dist\/.+\.(js|d\.ts)|dist\/web\/pages\/\w+\.(html|css|svg)|native\/CMakeLists\.txt|native\/addon\.cc|native\/(common|kdf|net|pcsc|provider|static|terminal|tls|tpm)\/\w+\.(cc|c|h)|native\/static\/(\w+\.cmake|exports))$/

test('the package ships what it needs and nothing else', () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], {
    cwd: root,
  })
  const [pack] = JSON.parse(output.toString()) as [{ files: Array<{ path: string }> }]
  const paths = pack.files.map((file) => file.path)
  const sources = filesBelow('native', ['.cc', '.h']).filter((path) => !/^native\/(witness|tests)\//.test(path))
  assert.equal(
    [...mustShip, ...sources].filter((path) => !paths.includes(path)),
    [],
  )
  assert.equal(
    paths.filter((path) => !mayShip.test(path)),
    [],
  )
})

test('what must not be shipped is told apart', () => {
  for (const path of [
    'test/run',
    'native/witness/main.cc',
    'native/build/Release/tessera.node',
    'src/index.ts',
    '.ci/run',
  ]) {
    assert.not(mayShip.test(path), path)
  }
})

/** Headers of a second OpenSSL in what the compiler read for the addon. */
const foreignOpenssl = (dependencies: string): string[] =>
  (dependencies.match(/\S*\/openssl\/\w+\.h/g) ?? []).filter((path) => !path.includes('/include/node/'))

test("the addon is compiled against Node's own OpenSSL headers", () => {
  const files = filesBelow('native', ['.cc']).length > 0 ? dependencyFiles() : []
  assert.ok(files.length > 0, 'no dependency files: native/build is not there')
  const found = files.flatMap((path) => foreignOpenssl(readFileSync(path, 'utf8')))
  assert.equal([...new Set(found)], [])
  assert.equal(foreignOpenssl('a.o: /usr/include/node/openssl/evp.h /usr/include/openssl/ec.h'), [
    '/usr/include/openssl/ec.h',
  ])
})

function dependencyFiles(): string[] {
  const directory = 'native/build/CMakeFiles/tessera_objects.dir'
  return execFileSync('find', [directory, '-name', '*.d'], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter((path) => path !== '')
    .map((path) => join(root, path))
}

test.run()
