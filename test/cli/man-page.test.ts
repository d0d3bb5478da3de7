// The man page says everything that the table of commands has, and man's own checkers find no fault in it.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { EXIT } from '../../src/cli/exit.ts'
import { manPage } from '../../src/cli/man-page.ts'
import { TEXT } from '../../src/cli/messages.ts'
import { EXIT_CODES } from '../../src/cli/messages-help.ts'
import { GLOBAL_OPTIONS, OPTIONS, type OptionName } from '../../src/cli/options.ts'
import { COMMANDS } from '../../src/cli/table.ts'
import { root } from '../runner/jobs.ts'
import { tempDir } from '../support/temp.ts'

const page = manPage('1.2.3', '2026-11-30')
const file = join(tempDir('man'), 'tessera.1')
writeFileSync(file, page)

/** Runs one of man's programs on the page; undefined, and a line for the report, where it is not installed. */
function checked(program: string, ...args: readonly string[]) {
  const { error, status, stdout, stderr } = spawnSync(program, [...args, file], {
    encoding: 'utf8',
    env: { ...process.env, MANWIDTH: '500', LC_ALL: 'C.UTF-8' },
  })
  if (error !== undefined) console.log(`# skipped: ${program}: it is not installed`)
  return error === undefined ? { status, stdout, stderr } : undefined
}

test('mandoc finds no fault', () => {
  const found = checked('mandoc', '-Tlint', '-Wwarning')
  if (found !== undefined) assert.equal(found, { status: 0, stdout: '', stderr: '' })
})

test('groff, as man runs it, has nothing to warn of', () => {
  const found = checked('man', '--warnings', '--local-file', '--encoding=UTF-8', '--ditroff')
  if (found !== undefined) assert.equal([found.status, found.stderr], [0, ''])
})

test('what is shown is every command with its options, as --help has them', () => {
  const found = checked('mandoc', '-Tutf8', '-Owidth=500')
  if (found === undefined) return
  // Bold is a character, a backspace and the character again.
  const parts = found.stdout.split('\b')
  const shown = parts.map((part, at) => (at < parts.length - 1 ? part.slice(0, -1) : part)).join('')
  const start = (row: string) => shown.indexOf(`tessera ${row}\n`)
  for (const { words, args = '', options = [] } of COMMANDS) {
    const usage = [words, ...args.split(' ').filter(Boolean)].join(' ').replaceAll(/[<>]/g, '')
    const at = start(usage)
    assert.ok(at > 0, usage)
    const own = shown.slice(at, shown.indexOf('\n   tessera ', at + 1))
    for (const text of [TEXT.commands[words], ...options.flatMap(optionTexts)])
      assert.ok(own.includes(text), `${words}: ${text}`)
  }
  for (const text of GLOBAL_OPTIONS.flatMap(optionTexts)) assert.ok(shown.includes(text), text)
})

const optionTexts = (name: OptionName) => [OPTIONS[name].flags.replaceAll(/[<>]/g, ''), TEXT.options[name]]

test('every exit code is explained', () =>
  assert.equal(
    EXIT_CODES.map(([code]) => code),
    Object.values(EXIT).sort((one, other) => one - other),
  ))

test('text that roff would act on is text', () => {
  const odd = manPage('1.2.3', '2026-11-30')
  assert.not.match(odd, /^\.(?!TH|SH|SS|TP)/m)
  assert.not.match(odd, /^'/m)
})

test('it is in the package, where npm finds it', () => {
  const { man } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { man: string }
  const built = readFileSync(join(root, man), 'utf8')
  assert.is(built.slice(built.indexOf('\n')), page.slice(page.indexOf('\n')))
  assert.match(built, /^\.TH TESSERA 1 \d{4}-\d\d-\d\d "tessera \d/)
})

test.run()
