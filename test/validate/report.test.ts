// takes: 6 s
// Reports: what is in them, that nothing in them is markup, and reports side by side.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError } from '../../src/errors.ts'
import { html } from '../../src/validate/html.ts'
import { junit } from '../../src/validate/junit.ts'
import { type Report, readReport, writeReport } from '../../src/validate/report.ts'
import { type Check, LATE, type Result, runChecks, wasRun } from '../../src/validate/result.ts'
import { distributionOf } from '../../src/validate/timing/distribution.ts'
import { PROGRAM, tessera } from '../cli/cli.ts'
import { atExit, tempDir } from '../support/temp.ts'

const folder = tempDir('reports')
process.env.TESSERA_HOME = join(folder, 'home')
const at = (...names: string[]) => join(folder, ...names)
const read = (...names: string[]) => readReport(readFileSync(at(...names)), 'it')

/** Markup, what turns a text around, what a terminal acts on, and what XML has no character for. */
const HOSTILE = `<script>alert(1)</script> "quotes" 'single' & \u202e \u001b[31m \u0000 ]]> <img src=x onerror=alert(1)>`

const result = (more: Partial<Result>): Result => ({
  ...{ id: 'edge.01', title: 'a title', source: 'a source', class: 'N', group: 'card' },
  ...{ verdict: 'pass', says: '', took: 3 },
  ...more,
})
const reportOf = (title: string, ...results: Result[]): Report => ({
  ...{ format: 'tessera-validation', version: 1, made: '2026-01-31T12:00:00.000Z', by: { tessera: '1', node: 'v24' } },
  ...{ subject: { kind: 'card', title, facts: { fact: title } }, classes: ['N'], finished: true, results },
})
const hostile = reportOf(
  HOSTILE,
  result({
    ...{ id: HOSTILE.slice(0, 90), title: HOSTILE, source: HOSTILE, verdict: 'fail', says: HOSTILE },
    facts: { [HOSTILE]: HOSTILE },
    times: { [HOSTILE]: distributionOf([1, 2, 3]) },
    figures: [
      {
        ...{ name: HOSTILE, value: 1, passes: HOSTILE, verdict: 'fail', falseAlarm: 0 },
        attack: { name: HOSTILE, gives: HOSTILE, source: HOSTILE },
      },
    ],
  }),
)

test('a chip that is simulated: the report says so on every page', async () => {
  const { code, stdout, stderr } = await tessera([
    'validate',
    '--simulate',
    'z32h330',
    '--classes',
    'R',
    '-o',
    at('chip'),
  ])
  assert.is(code, 0, stdout + stderr)
  const report = read('chip', 'report.json')
  assert.is(report.subject.title, 'Nations Technologies Z32H330 at 33 MHz, simulated')
  assert.match(html(report), '<mark>simulated</mark>')
  assert.match(html(report), 'mark{position:fixed')
  assert.not.match(html({ ...report, subject: { ...report.subject, facts: {} } }), '<mark>')
})

test('a TPM: the three files, for their user alone, and the same again from the JSON', async () => {
  const { code, stdout, stderr } = await tessera(['validate', '--classes', 'R', '--out', at('tpm')])
  assert.is(code, 0, stdout + stderr)
  const report = read('tpm', 'report.json')
  assert.equal([report.finished, report.subject.kind, report.classes], [true, 'tpm', ['R']])
  assert.ok(report.results.length > 100)
  assert.ok(report.results.every(({ source }) => source !== ''))
  assert.ok(report.results.filter((one) => one.class !== 'R').every(({ verdict }) => verdict === 'skipped'))
  assert.is(readFileSync(at('tpm', 'report.html'), 'utf8'), html(report))
  assert.is(readFileSync(at('tpm', 'junit.xml'), 'utf8'), junit(report))
  assert.is(statSync(at('tpm', 'report.html')).mode & 0o777, 0o600)
})

test('HTML: every text is text; nothing is loaded and nothing runs, in a browser too', () => {
  const page = html(hostile)
  assert.not.match(page, /<(script|img|iframe|link|object)/i)
  for (const odd of ['\u202e', '\u001b', '\u0000']) assert.not(page.includes(odd))
  assert.not.match(page.replaceAll(/"[^"]*"/g, '""'), /<[^>]*\s(src|href)=/)
  writeFileSync(at('hostile.html'), page)
  const words = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${at('profile')}`, '--dump-dom']
  const dom = execFileSync('chromium', [...words, `file://${at('hostile.html')}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 120_000,
  }).toString()
  assert.match(dom, '&lt;script&gt;alert(1)&lt;/script&gt;')
  assert.not.match(dom, /<script|<img/)
})

test('JUnit: XML that a parser takes, with every failure', () => {
  writeFileSync(at('hostile.xml'), junit(hostile))
  const script =
    'import sys,xml.etree.ElementTree as t; r=t.parse(sys.argv[1]).getroot(); print(r.get("tests"), r.get("failures"), len(r.findall(".//testcase/failure")))'
  assert.is(
    execFileSync('python3', ['-c', script, at('hostile.xml')])
      .toString()
      .trim(),
    '1 1 1',
  )
})

test('what is no report is refused by name', () => {
  for (const text of ['', 'no JSON', '{}', '[]', '{"format":"tessera-validation","version":2}'])
    assert.throws(() => readReport(Buffer.from(text), 'FILE'), /FILE cannot be read/)
  assert.equal(readReport(writeReport(hostile), 'it').results[0]?.title, HOSTILE)
})

test('side by side: what differs, and medians', async () => {
  const times = (us: number) => ({ ECDSA: distributionOf([us, us, us]) })
  const first = reportOf('one', result({}), result({ id: 'edge.02', times: times(1500) }))
  const second = reportOf('other', result({ verdict: 'fail', says: 'no' }), result({ id: 'edge.02', times: times(20) }))
  for (const [name, report] of Object.entries({ first, second })) writeFileSync(at(name), writeReport(report))
  const { code, stdout } = await tessera(['validate', 'compare', at('first'), at('second'), '-o', at('both.html')])
  assert.is(code, 0)
  assert.match(stdout, /^edge\.01 +pass +fail$/m)
  assert.match(stdout, /^ECDSA +1\.50 ms +20\.0 us$/m)
  assert.not.match(stdout, /^edge\.02/m)
  assert.match(readFileSync(at('both.html'), 'utf8'), /<svg/)
  const one = await tessera(['validate', 'compare', at('first')])
  assert.is(one.code, 2)
})

test('a run that is stopped leaves its report; only the same run goes on with it', async () => {
  const [node, program] = PROGRAM
  const words = ['validate', '--classes', 'R,T', '--out', at('stopped'), '--json']
  const child = spawn(node, [program, ...words], { stdio: 'ignore' })
  const forget = atExit(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  while (!existsSync(at('stopped', 'report.json'))) {
    const watcher = watch(folder, { recursive: true })
    await Promise.race([once(watcher, 'change'), ended.then(() => assert.unreachable())])
    watcher.close()
  }
  child.kill('SIGINT')
  assert.equal(await ended, [130, null])
  forget()
  const stopped = read('stopped', 'report.json')
  assert.is(stopped.finished, false)
  assert.ok(stopped.results.some(({ verdict }) => verdict !== 'skipped'))
  const { code, stderr } = await tessera(['validate', '--classes', 'R', '--out', at('stopped'), '--resume'])
  assert.is(code, 2)
  assert.match(stderr, 'with other classes')
})

test('what a run before has is not run again; what it did not come to is', async () => {
  const skipped = { verdict: 'skipped' } as const
  const before = [
    result({ id: 'a', says: 'before' }),
    result({ id: 'b', ...skipped, says: LATE }),
    result({ id: 'c', ...skipped, says: 'Not run: it was not named.' }),
    result({ id: 'd', ...skipped, says: 'the card is not contactless' }),
  ]
  const done = new Map(before.filter(wasRun).map((one) => [one.id, one]))
  const results: Result[] = []
  const checks = ['a', 'b', 'c', 'd'].map((id) => ({
    ...result({ id }),
    run: async () => ({ verdict: 'pass', says: 'now' }) as const,
  }))
  await runChecks(checks, { classes: ['N'], before: done, onResult: (one) => void results.push(one) })
  assert.equal(
    results.map(({ says }) => says),
    ['before', 'now', 'now', 'the card is not contactless'],
  )
})

test('a card that cannot be made in the TPM is one failure, and the report stays', async () => {
  assert.is((await tessera(['create', 'other', '--tcti', 'embedded:'])).code, 0)
  const home = join(process.env.TESSERA_HOME ?? '', 'cards', 'tessera-validate-scratch.card')
  mkdirSync(home, { recursive: true })
  const words = ['validate', '--tpm', 'embedded:', '--only', 'edge', '--out', at('no-card')]
  const { code, stdout } = await tessera(words)
  rmdirSync(home)
  assert.is(code, 1, stdout)
  const edge = read('no-card', 'report.json').results.filter(({ id }) => id.startsWith('edge.'))
  assert.equal([edge.length, edge[0]?.verdict], [77, 'fail'])
  assert.ok(edge.slice(1).every(({ verdict, says }) => verdict === 'skipped' && says === `Not run: ${edge[0]?.says}`))
})

test('what is not there any more ends a run, and every check has its result', async () => {
  const check = (id: string, run: Check['run']): Check => ({ ...result({ id }), run })
  const results: Result[] = []
  const gone = () => Promise.reject(new CardError('ERR_CARD_IDENTITY', 'Another card is there.'))
  const checks = [
    check('a', async () => ({ verdict: 'pass', says: 'fine' })),
    check('b', () => Promise.reject(new Error('odd'))),
    check('c', gone),
    check('d', () => Promise.reject(new Error('never run'))),
  ]
  await runChecks(checks, { classes: ['N'], onResult: (one) => void results.push(one) })
  assert.equal(
    results.map(({ verdict, says }) => `${verdict} ${says}`),
    ['pass fine', 'fail odd', 'fail Another card is there.', 'skipped Not run: Another card is there.'],
  )
})

test.run()
