// What a release refuses to ship, each on a file that has that fault: scripts/release/gates.mjs.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { tempDir } from '../support/temp.ts'

const folder = tempDir('gates')
const THIS_NODE = { 'this Node': process.execPath }

/** What is wrong with a file, by the gates of a release. @param nodes paths of programs, by name */
function wrong(file: string, nodes: Readonly<Record<string, string>> = THIS_NODE, limit = '2.28'): string[] {
  const program = `import { gates } from ${JSON.stringify(join(root, 'scripts/release/gates.mjs'))}
    console.log(JSON.stringify(gates(${JSON.stringify(file)}, ${JSON.stringify(Object.entries(nodes))}, { glibc: '${limit}' })))`
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }))
}

const ENTRY = 'int napi_register_module_v1, node_api_module_get_api_version_v1;\n'

/** A shared library of C text, stripped and bound at once unless `flags` say otherwise. */
function library(text: string, ...flags: string[]): string {
  const [source, file] = [join(folder, 'a.c'), join(folder, 'a.node')]
  writeFileSync(source, text)
  execFileSync('cc', ['-shared', '-fPIC', '-s', '-Wl,-z,now', '-o', file, source, ...flags])
  return file
}

test('a library with none of the faults passes', () => {
  const text = `${ENTRY}int napi_create_object(void); __attribute__((visibility("hidden"))) int f(void) { return napi_create_object(); }`
  assert.equal(wrong(library(text)), [])
})

const OTHER = join(folder, 'libother.so.1')
execFileSync('cc', ['-shared', '-Wl,-soname,libother.so.1', '-o', OTHER, '-x', 'c', '/dev/null'])

const FAULTS: ReadonlyArray<readonly [what: string, text: string, flags: readonly string[], expected: string]> = [
  ['another library', ENTRY, ['-Wl,--no-as-needed', OTHER], 'a.node needs libother.so.1'],
  [
    'a symbol too many',
    `${ENTRY}int more;`,
    [],
    'a.node exports more, napi_register_module_v1, node_api_module_get_api_version_v1',
  ],
  [
    'a function that this Node lacks',
    `${ENTRY}int SSL_new_thing(void); static int (*p)(void) = SSL_new_thing; __attribute__((visibility("hidden"))) void* q(void) { return p; }`,
    ['-O0'],
    'a.node does not load in this Node: SSL_new_thing',
  ],
  ['not bound at once', ENTRY, ['-Wl,-z,lazy'], 'a.node is not bound at once (-z now)'],
  ['an executable stack', ENTRY, ['-Wl,-z,execstack'], 'a.node wants an executable stack'],
  ['too large', `${ENTRY}__attribute__((visibility("hidden"), used)) char big[3000000] = { 1 };`, [], 'a.node has 30'],
]

for (const [what, text, flags, expected] of FAULTS) {
  test(`${what} is refused`, () => {
    const found = wrong(library(text, ...flags), expected.includes('this Node') ? THIS_NODE : {})
    assert.is(found.length, 1, found.join('\n'))
    assert.ok(found[0]?.startsWith(expected), found[0])
  })
}

test('the native part that is built here is for this system alone', () => {
  const found = wrong(join(root, 'native/build/Release/tessera.node'), {}, '2.4').join('\n')
  for (const word of ['needs libstdc++.so.6', 'needs glibc 2.', 'exports ', 'is not stripped'])
    assert.match(found, word)
})

test.run()
