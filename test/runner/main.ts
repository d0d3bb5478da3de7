// The test runner. uvu alone exits with 0 when nothing ran; here no test, no closing counts, a signal, a time-out and
// a process left behind are failures. One process per file, two at a time.
//
//   node test/run                 everything, linters first
//   node test/run tpm/lock house  test files (and linters) whose path contains one of the words
//   node test/run --lint          the linters only
//   node test/run --long NAME     campaigns: see long.ts
//   node test/run --asan WORD     against native/build-asan (made by scripts/native.mjs --asan)
//   node test/run --install       the tests of a release alone: test/install/released; with --all on every Node, and arm64
//
// TESSERA_TEST_LONG=1: tests may read it and do more; time limits are 20 times as long.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { bundleTests } from './bundle.ts'
import { type Job, lintJobs, releasedTests, root, testJobs } from './jobs.ts'
import { runCampaigns } from './long.ts'
import { endAll } from './process.ts'
import { buildProgram } from './program.ts'
import { runAll } from './queue.ts'
import { closingLines, timeTable } from './report.ts'

function asanEnvironment(): Record<string, string> {
  const addon = join(root, 'native/build-asan/Release/tessera.node')
  if (!existsSync(addon)) throw new Error(`${addon} is not there. Run \`node scripts/native.mjs --asan\` first.`)
  const runtime = (name: string) => execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim()
  return {
    TESSERA_ADDON: addon,
    NODE_OPTIONS: `--require ${join(root, 'test/runner/other-addon.cjs')}`,
    // Node itself is not built with the sanitizer, so its runtime must be there before Node is.
    LD_PRELOAD: `${runtime('libasan.so')} ${runtime('libubsan.so')}`,
    // Leaks are not looked for: Node frees little at exit.
    ASAN_OPTIONS: 'detect_leaks=0:detect_stack_use_after_return=1:strict_string_checks=1',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  }
}

const FLAGS = ['--lint', '--asan', '--install', '--all']

function jobsFor(flags: readonly string[]): Job[] {
  if (flags.includes('--lint')) return lintJobs()
  const long = process.env.TESSERA_TEST_LONG === '1'
  if (flags.includes('--install')) return testJobs(long, releasedTests(flags.includes('--all') ? 'all' : 'usual'))
  return [...lintJobs(), ...testJobs(long).sort((a, b) => b.takes - a.takes)]
}

function chosenJobs(words: readonly string[], flags: readonly string[]): Job[] {
  const normal = words.map((word) => word.replace(/^\.\//, ''))
  return jobsFor(flags).filter((job) => normal.length === 0 || normal.some((word) => job.name.includes(word)))
}

async function main(): Promise<void> {
  const [mode, ...rest] = process.argv.slice(2)
  if (mode === '--long') {
    buildProgram()
    if (!(await runCampaigns(rest))) process.exitCode = 1
    return
  }
  const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'))
  const words = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
  const unknown = flags.filter((flag) => !FLAGS.includes(flag))
  if (unknown.length > 0) throw new Error(`unknown option ${unknown.join(' ')}. Known: ${FLAGS.join(', ')}.`)
  const environment: Record<string, string> = {
    ...(flags.includes('--asan') ? asanEnvironment() : {}),
    ...(flags.includes('--all') ? { TESSERA_TEST_ALL: '1' } : {}),
  }

  buildProgram()
  const waiting = chosenJobs(words, flags)
  if (waiting.some(({ kind }) => kind === 'uvu')) await bundleTests()
  const started = performance.now()
  const outcomes = await runAll(waiting, environment)
  console.log(`\n${timeTable(outcomes, (performance.now() - started) / 1000)}\n`)
  if (outcomes.length === 0) console.log(`No test matches ${words.join(' ')}.`)
  for (const line of closingLines(outcomes)) console.log(line)
  if (outcomes.length === 0 || outcomes.some((outcome) => outcome.failed > 0)) process.exitCode = 1
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    endAll()
    process.exit(1)
  })
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
