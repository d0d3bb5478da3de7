// What there is to run: one job per test file, and one per linter.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Where the test files of this run are, once bundled: packages and this one's own name are found from there. */
export const bundles = join(root, 'build', `tests-${process.pid}`)
/** The variable that tells tests where that is. */
export const BUNDLES = 'TESSERA_TEST_BUNDLES'
export const bundleOf = (script: string, folder = bundles): string => join(folder, script.replace(/\.ts$/, '.js'))

export type Job = {
  /** The path from the root, or `lint/...`. */
  readonly name: string
  readonly argv: readonly [string, ...string[]]
  /** Seconds after which the job is ended and has failed. */
  readonly limit: number
  /** Seconds it usually takes: the longest begin first. */
  readonly takes: number
  /** `uvu`: the counts come from its closing lines. `exit`: one test, passed when it exits with 0. */
  readonly kind: 'uvu' | 'exit'
}

/** Only what hangs takes so long: a busy machine makes tests ten times slower, and that is no failure. */
const defaultLimit = 600
const longFactor = 20

/** Reads `// time limit: 300 s` and `// takes: 40 s` among the first five lines of a test file. */
export function readHints(text: string): { limit?: number; takes?: number } {
  const hints: { limit?: number; takes?: number } = {}
  for (const line of text.split('\n', 5)) {
    const [, key, seconds] = /^\/\/ (time limit|takes): (\d+) s$/.exec(line.trim()) ?? []
    if (key === 'time limit') hints.limit = Number(seconds)
    if (key === 'takes') hints.takes = Number(seconds)
  }
  return hints
}

/** All files below `directory` (a path from the root) that end in one of `endings`; build output is left out. */
export function filesBelow(directory: string, endings: readonly string[]): string[] {
  if (!existsSync(join(root, directory))) return []
  return readdirSync(join(root, directory), { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${directory}/${entry.name}`
      if (entry.isDirectory()) return /^(build|node_modules|dist)/.test(entry.name) ? [] : filesBelow(path, endings)
      return endings.some((ending) => entry.name.endsWith(ending)) ? [path] : []
    })
    .sort()
}

/** What the tests of a release end in (test/install): they need `npm run release` before them. */
export const RELEASED = '.install.ts'
const places = { usual: ['test/install/released'], all: ['test/install/released', 'test/install/released-long'] }
/** @param which the usual ones, or all */
export const releasedTests = (which: keyof typeof places): string[] =>
  places[which].flatMap((place) => filesBelow(place, [RELEASED]))

export function testJobs(long: boolean, names = filesBelow('test', ['.test.ts'])): Job[] {
  return names.map((name) => {
    const hints = readHints(readFileSync(join(root, name), 'utf8'))
    return {
      name,
      argv: [process.execPath, '--enable-source-maps', bundleOf(name)],
      limit: (hints.limit ?? defaultLimit) * (long ? longFactor : 1),
      takes: hints.takes ?? 0,
      kind: 'uvu',
    }
  })
}

export function lintJobs(): Job[] {
  const native = ['native', 'bench/native'].flatMap((place) => filesBelow(place, ['.cc', '.c', '.h']))
  const tools: Record<string, [string, ...string[]]> = {
    'lint/biome': ['node_modules/.bin/biome', 'check', '--error-on-warnings', '.'],
    'lint/types': ['node_modules/.bin/tsc', '-p', 'tsconfig.json'],
    'lint/types-of-pages': ['node_modules/.bin/tsc', '-p', 'src/web/pages'],
    'lint/clang-format': ['clang-format', '--dry-run', '--Werror', ...native],
  }
  return Object.entries(tools).map(([name, argv]) => ({ name, argv, limit: defaultLimit, takes: 0, kind: 'exit' }))
}
