// takes: 12 s
// Every transcript below transcripts/ on the embedded TPM; some, or all in the long run, on a swtpm as well.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { parseTranscript, patternOf, runTranscript } from './transcript.ts'

const folder = join(root, 'test/cli/transcripts')
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'))
const swtpm = await startSwtpm()
const onBoth = (name: string) => process.env.TESSERA_TEST_LONG === '1' || ['life.txt', 'names.txt'].includes(name)

test('there are transcripts', () => assert.ok(names.length > 4))

for (const tcti of ['embedded:', swtpm.tcti]) {
  for (const name of names.filter((one) => tcti === 'embedded:' || onBoth(one))) {
    test(`${name} on ${tcti.slice(0, tcti.indexOf(':'))}`, async () => {
      const place = tempDir('transcript')
      mkdirSync(join(place, 'work'))
      process.env.TESSERA_HOME = join(place, 'home')
      process.env.TESSERA_TCTI = tcti
      process.chdir(join(place, 'work'))
      const steps = await runTranscript(name, readFileSync(join(folder, name), 'utf8'))
      process.chdir(root)
      assert.ok(steps > 3)
    })
  }
}

test('what is written otherwise than it is found is a failure', async () => {
  process.env.TESSERA_HOME = join(tempDir('transcript'), 'home')
  const good = "$ tessera list\nNo cards. Make one: 'tessera create NAME'.\n"
  assert.is(await runTranscript('good', `# words\n\n${good}\n$ echo one; echo two >&2; exit 3\none\n2> two\n[3]\n`), 2)
  const bad = [
    good.replace('No', 'Nor'),
    `${good}[1]\n`,
    `${good}2> more\n`,
    `${good}more\n`,
    '$ echo a\n',
    '$ exit 3\n',
  ]
  for (const transcript of bad) {
    const error = await runTranscript('bad', transcript).catch((reason: unknown) => reason)
    assert.instance(error, Error, transcript)
    assert.match(String(error), 'line 1')
  }
  assert.throws(() => parseTranscript('\nfoo\n'), /line 2/)
})

test('placeholders stand for what they say and for nothing else', () => {
  const rows: ReadonlyArray<readonly [readonly string[], string, boolean]> = [
    [['a <n>.'], 'a 12.\n', true],
    [['a <n>.'], 'a 12x\n', false],
    [['a', '...', 'z'], 'a\nb\nc\nz\n', true],
    [['a', '...'], 'a\n', true],
    [['a', '...', 'z'], 'a\nb\n', false],
    [['<id>'], `${'0f'.repeat(16)}\n`, true],
    [['create <name>'], 'create <name>\n', true],
    [['(x) $ [y]'], '(x) $ [y]\n', true],
    [[], '', true],
    [[], 'x\n', false],
  ]
  for (const [lines, found, expected] of rows) assert.is(patternOf(lines).test(found), expected, lines.join())
})

test.after(() => swtpm.stop())

test.run()
