// takes: 15 s
// The parsers of what comes from outside are covered by their own tests: at least 95 % of the lines of each file.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { filesBelow, root } from '../runner/jobs.ts'
import { toRun } from '../support/program.ts'
import { tempDir } from '../support/temp.ts'

const LEAST = 95

/** Files that read octets from outside, and where their tests are: a folder or a file. */
const PARSERS: ReadonlyArray<{ readonly tests: string; readonly files: readonly string[] }> = [
  { tests: 'test/iso7816', files: filesBelow('src/iso7816', ['.ts']) },
  {
    tests: 'test/piv',
    files: [
      ...['application', 'certificate', 'contents', 'ecdsa', 'objects', 'public-key', 'templates'],
      ...['card/application', 'card/command', 'card/security'],
    ].map((name) => `src/piv/${name}.ts`),
  },
  {
    tests: 'test/x509',
    files: [
      'algorithms',
      'alternative-names',
      'ber',
      'certificate',
      'name',
      'name-text',
      'oid',
      'parts',
      'purposes',
    ].map((name) => `src/x509/${name}.ts`),
  },
  {
    tests: 'test/signin/account-file.test.ts',
    files: ['account', 'address', 'origin'].map((name) => `src/signin/${name}.ts`),
  },
  {
    tests: 'test/attest/refusals.test.ts',
    files: [
      ...['evidence', 'pin-rule', 'statements', 'tpm-key'].map((name) => `src/attest/${name}.ts`),
      ...['src/tpm/codec/attestation.ts', 'src/x509/revocation-list.ts'],
    ],
  },
  { tests: 'test/serve/framing.test.ts', files: ['src/serve/vpcd/framing.ts'] },
  { tests: 'test/serve/peer.test.ts', files: ['src/serve/vpcd/proc-net-tcp.ts'] },
  { tests: 'test/serve/vpcd-setup.test.ts', files: ['src/serve/vpcd/vpcd-setup.ts'] },
]

type Summary = Readonly<Record<string, { readonly lines: { readonly total: number; readonly pct: number } }>>

interface Raw {
  readonly result: { functions: readonly { readonly functionName: string }[] }[]
}

/**
 * Takes what is not of the source out of V8's counts: the block by which esbuild names a class. Mapped back to the source
 * it begins at the first line, and whatever stands before the class would count as reached.
 */
function withoutNames(path: string): void {
  const counts = JSON.parse(readFileSync(path, 'utf8')) as Raw
  for (const script of counts.result) {
    script.functions = script.functions.filter(({ functionName }) => functionName !== '<static_initializer>')
  }
  writeFileSync(path, JSON.stringify(counts))
}

/** Runs `tests` and answers how much they reach of those of `files` that they load. */
function coverage(tests: readonly string[], files: readonly string[]): Summary {
  const [raw, report] = [tempDir('cover'), tempDir('report')]
  const node = (args: readonly string[], environment: Record<string, string> = {}) =>
    execFileSync(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 300_000,
    })
  for (const name of tests) node(toRun(name), { NODE_V8_COVERAGE: raw })
  for (const file of readdirSync(raw)) withoutNames(join(raw, file))
  const included = files.flatMap((file) => ['--include', file])
  const where = ['--temp-directory', raw, '--reports-dir', report, '--reporter', 'json-summary']
  node(['node_modules/c8/bin/c8.js', 'report', '--exclude-after-remap', ...where, ...included])
  return JSON.parse(readFileSync(join(report, 'coverage-summary.json'), 'utf8')) as Summary
}

for (const { tests, files } of PARSERS) {
  test(`${tests} covers ${files.length} files`, () => {
    const summary = coverage(tests.endsWith('.ts') ? [tests] : filesBelow(tests, ['.test.ts']), files)
    for (const file of files) {
      const lines = summary[join(root, file)]?.lines
      console.log(`${file}: ${lines?.pct} % of ${lines?.total} lines`)
      assert.ok(lines && lines.total > 0 && lines.pct >= LEAST, `${file}: ${lines?.pct} % of lines are covered`)
    }
  })
}

test('what tests do not reach is seen', () => {
  // The tests of chaining write data objects and read none.
  const tlv = coverage(['test/iso7816/chaining.test.ts'], ['src/iso7816/tlv.ts'])[join(root, 'src/iso7816/tlv.ts')]
  assert.ok(tlv && tlv.lines.pct > 20 && tlv.lines.pct < LEAST, `${tlv?.lines.pct} %`)
})

test.run()
