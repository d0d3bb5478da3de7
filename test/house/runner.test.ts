// The runner's own judgement: what uvu alone would let pass as green.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { placeOf } from '../runner/bundle.ts'
import { addDone, CAMPAIGN_NAMES, CAMPAIGNS, campaignTable } from '../runner/campaigns.ts'
import { filesBelow, type Job, readHints, root, testJobs } from '../runner/jobs.ts'
import { longOptions } from '../runner/long.ts'
import { type Ending, judge, uvuCounts } from '../runner/outcome.ts'
import { run } from '../runner/process.ts'
import { closingLines } from '../runner/report.ts'

const job: Job = { name: 'x.test.ts', argv: ['true'], limit: 10, takes: 0, kind: 'uvu' }
const ended: Ending = { output: '', code: 0, signal: null, seconds: 1, timedOut: false, leftovers: [] }
const counts = (total: number, passed: number, skipped = 0): string =>
  `  (${passed} / ${total})\n\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1.00ms\n\n`

const cases: ReadonlyArray<readonly [string, Partial<Ending>, number, number]> = [
  ['all passed', { output: counts(3, 3) }, 3, 0],
  ['a failed test', { output: counts(3, 2), code: 1 }, 2, 1],
  ['a failed test though the exit code is 0', { output: counts(3, 2) }, 2, 1],
  ['an exit code without a failed test', { output: counts(3, 3), code: 1 }, 3, 1],
  ['no closing counts', { output: 'nothing' }, 0, 1],
  ['no test', { output: counts(0, 0) }, 0, 1],
  ['a signal', { output: counts(2, 2), code: null, signal: 'SIGSEGV' }, 2, 1],
  ['a time-out', { code: null, signal: 'SIGTERM', timedOut: true }, 0, 1],
  ['uvu skipped one', { output: counts(2, 2, 1) }, 2, 1],
  ['a process left behind', { output: counts(2, 2), leftovers: ['12 (swtpm)'] }, 2, 1],
  ['not started', { code: null, startError: 'ENOENT' }, 0, 1],
  ['one that said why it could not', { output: `# skipped: a: no reader\n${counts(2, 2)}` }, 1, 0],
]

for (const [what, ending, passed, failed] of cases) {
  test(`judged: ${what}`, () => {
    const outcome = judge(job, { ...ended, ...ending })
    assert.equal([outcome.passed, outcome.failed], [passed, failed], outcome.faults.join('; '))
  })
}

test('a linter is one test', () => {
  const lint: Job = { ...job, kind: 'exit' }
  assert.is(judge(lint, ended).passed, 1)
  assert.is(judge(lint, { ...ended, code: 1 }).failed, 1)
  assert.is(judge(lint, { ...ended, code: 1 }).passed, 0)
  assert.is(judge(lint, { ...ended, code: null, startError: 'ENOENT' }).failed, 1)
})

test('counts are those of the last closing lines, with or without colours', () => {
  const red = String.fromCharCode(27)
  assert.equal(uvuCounts(`${counts(1, 1)}${counts(5, 4)}`), { total: 5, passed: 4, skipped: 0 })
  assert.equal(uvuCounts(counts(5, 4).replace('  Passed:    4', `${red}[31m  Passed:    4${red}[39m`))?.passed, 4)
})

test('the last line is the count alone, the reasons come before it', () => {
  const skipped = judge(job, { ...ended, output: `# skipped: a: no reader\n${counts(2, 2)}` })
  const failed = judge(job, { ...ended, output: counts(2, 1), code: 1 })
  assert.equal(closingLines([skipped, failed]), [
    'skipped: x.test.ts: a: no reader',
    'failed: x.test.ts',
    '2 passed, 1 failed',
  ])
})

test('hints are read from the first lines', () => {
  assert.equal(readHints('// time limit: 300 s\n// takes: 40 s\nimport x'), { limit: 300, takes: 40 })
  assert.equal(readHints('import x'), {})
})

test('a hint only ever raises the limit: a busy machine is no failure', () => {
  const { limit } = testJobs(false).find(({ name }) => name === 'test/house/runner.test.ts') ?? { limit: 0 }
  assert.is(limit, 600)
  assert.equal(
    testJobs(false).filter((other) => other.limit < limit),
    [],
  )
})

test('bundled modules are where their sources are or what ships, from wherever the runner was started', () => {
  const before = process.cwd()
  process.chdir('/')
  try {
    assert.is(placeOf('src/index.ts'), pathToFileURL(join(root, 'src/index.ts')).href)
    for (const [source, built] of [
      ['src/tls/worker-file.ts', 'dist/tls/worker-file.js'],
      ['src/signin/background.ts', 'dist/signin/background.js'],
    ] as const) {
      assert.is(fileURLToPath(placeOf(source)), join(root, built))
      assert.ok([source, built].every((path) => existsSync(join(root, path))))
    }
  } finally {
    process.chdir(before)
  }
})

const shell = (script: string, limit = 10): Job => ({ ...job, argv: ['sh', '-c', script], limit })

test('a job that does not end is ended, with what it started', async () => {
  const ending = await run(shell('sleep 60 & sleep 60', 1), {})
  assert.is(ending.timedOut, true)
  assert.ok(ending.seconds < 50, `${ending.seconds}`)
})

test('a process left behind is named and ended', async () => {
  const ending = await run(shell('sleep 60 & echo $!'), {})
  assert.is(ending.code, 0)
  assert.is(ending.leftovers.length, 1)
  assert.match(ending.leftovers[0] ?? '', /\(sleep\)/)
  assert.not(isAlive(Number(ending.output)))
})

// Without an init that waits for it, an ended orphan stays as a zombie.
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

test('a signal, a missing program and the environment are seen', async () => {
  assert.is((await run(shell('kill -SEGV $$'), {})).signal, 'SIGSEGV')
  assert.match((await run({ ...job, argv: ['/nowhere/at/all'] }, {})).startError ?? '', /ENOENT/)
  const ending = await run(shell('echo "$TESSERA_HOME|$NODE_ENV|$npm_config_x|$MORE"'), { MORE: 'more' })
  assert.match(ending.output, /tessera-\w+\/home\|\|\|more\n/)
})

const inCampaigns: readonly string[] = Object.values(CAMPAIGNS).flatMap(({ files }) => files)

test('campaigns: each has tests, and what can do more is in one', () => {
  const names = filesBelow('test', ['.test.ts'])
  for (const part of inCampaigns)
    assert.ok(
      names.some((name) => name.includes(part)),
      part,
    )
  const asks = /process\.env\.TESSERA_TEST_LONG/
  const canDoMore = names.filter((name) => asks.test(readFileSync(join(root, name), 'utf8')))
  const left = canDoMore.filter((name) => !inCampaigns.some((part) => name.includes(part)))
  assert.equal(
    left,
    ['test/cli/transcripts.test.ts'],
    'TESSERA_TEST_LONG=1 node test/run cli/transcripts: on both TPMs',
  )
})

test('campaigns: what is asked for', () => {
  assert.equal(longOptions(['fuzz', '--minutes', '5', '--seed', '7', '--json', 'x.json']), {
    ...{ campaigns: ['fuzz'], minutes: 5, seed: 7, json: 'x.json' },
  })
  assert.equal(longOptions([]).campaigns, CAMPAIGN_NAMES)
  assert.is(longOptions([]).minutes, undefined)
  for (const [wrong, said] of [
    [['fuz'], /unknown campaign fuz\. Known: power-loss, /],
    [['--minutes', '0'], /--minutes takes a number from 1/],
    [['--minutes', 'x'], /--minutes takes/],
    [['--seed', '-1'], /seed/],
    [['--sed', '1'], /--sed/],
  ] as const)
    assert.throws(() => longOptions(wrong), said)
})

test('campaigns: the table adds up what tests say they have done', () => {
  const done = addDone(addDone({}, '# done: 3 kills\nx\n# done: 2 points\n'), '# done: 4 kills\n')
  assert.equal(done, { kills: 7, points: 2 })
  const findings = [{ file: 'a.test.ts', seed: 9, output: '' }]
  const rows = campaignTable([
    { campaign: 'kill', rounds: 2, seconds: 90, done: { kills: 1234 }, findings: [] },
    { campaign: 'fuzz', rounds: 1, seconds: 60, done: {}, findings },
  ])
  assert.equal(rows.split('\n').slice(1), [
    'kill      2       1.5 min  1,234 kills  none',
    'fuzz      1       1.0 min               1',
  ])
})

test.run()
