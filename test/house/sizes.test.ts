// No source file over 500 lines; those over 300 are named, for somebody to question.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { treeFiles } from './tree.ts'

const refuse = 500
const question = 300
const places = /^(src|native|test|scripts|bench|examples|bin|\.ci)\//
const exempt = /(^|\/)vectors\/|\.(json|svg|pem|der|bin)$/

const linesOf = (text: string): number => text.split('\n').length - (text.endsWith('\n') ? 1 : 0)

function longerThan(limit: number, files: ReadonlyArray<readonly [string, string]>): string[] {
  return files
    .map(([path, text]) => [path, linesOf(text)] as const)
    .filter(([path, lines]) => places.test(path) && !exempt.test(path) && lines > limit)
    .map(([path, lines]) => `${path}: ${lines} lines`)
}

test('no source file is too long', () => {
  const files = treeFiles().map((path) => [path, readFileSync(join(root, path), 'utf8')] as const)
  assert.ok(files.some(([path]) => places.test(path)))
  for (const long of longerThan(question, files)) console.log(`over ${question}: ${long}`)
  assert.equal(longerThan(refuse, files), [])
})

test('a file that is too long is found, vectors and lock files are not', () => {
  const text = 'x\n'.repeat(refuse + 1)
  const paths = ['src/a.ts', 'native/tpm/b.cc', 'test/vectors/c.ts', 'src/d.json', 'docs/e.md']
  const found = longerThan(
    refuse,
    paths.map((path) => [path, text]),
  )
  assert.equal(found, ['src/a.ts: 501 lines', 'native/tpm/b.cc: 501 lines'])
  assert.equal(longerThan(refuse, [['src/a.ts', 'x\n'.repeat(refuse)]]), [])
})

test.run()
