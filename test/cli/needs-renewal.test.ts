// needs-renewal: 0 is due, 1 is not due, and no failure is either.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { tempDir } from '../support/temp.ts'
import { SHELL_PROGRAM, secretFile, tessera } from './cli.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'
const pin = secretFile(join(home, 'pin'), '135790')

test.before(async () => {
  assert.is((await tessera(['create', 'work', '--pin', pin])).code, 0)
  assert.is((await tessera(['create', 'empty'])).code, 0)
  assert.is((await tessera(['key', 'generate', '9a', '--card', 'work', '--pin-file', pin])).code, 0)
  const words = ['cert', 'self-sign', '9a', '--days', '100', '--card', 'work', '--pin-file', pin]
  assert.is((await tessera(words)).code, 0)
  writeFileSync(join(home, 'cards', 'damaged.card'), 'no card file')
  mkdirSync(join(home, 'cards', 'folder.card'))
})

const states: ReadonlyArray<readonly [string, string, number]> = [
  ['due', '9a --card work --within 101', 0],
  ['due, whatever the slot', '--card work --within 101', 0],
  ['not due', '9a --card work', 1],
  ['no certificate in the slot', '9c --card work', 8],
  ['no certificate on the card', '--card empty', 8],
  ['a damaged card file', '--card damaged', 12],
  ['a card file that cannot be read', '--card folder', 12],
  ['no such card', '--card nobody', 3],
  ['no such slot', '9z --card work', 2],
  ['no number of days', '--within 0 --card work', 2],
  ['no such option', '--witin 3 --card work', 2],
]
for (const [what, line, expected] of states) {
  for (const flags of [[], ['--json'], ['--quiet']]) {
    test(`${what}${flags.join('')}: ${expected}`, async () => {
      const { code, stderr } = await tessera(['needs-renewal', ...line.split(' '), ...flags])
      assert.is(code, expected, stderr)
    })
  }
}

/** The lines that a script of the shell writes to standard error. */
const errorsOf = (script: string): string =>
  spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8', cwd: tempDir('shell') }).stderr

test('an answer that cannot be written: 12', () => {
  const full = errorsOf(`${SHELL_PROGRAM} needs-renewal 9a --card work >/dev/full; echo $? >&2`)
  assert.match(full, /(^|\n)12\n$/)
  // The reader has closed its end before the program begins.
  const gone = `mkfifo go; { read _ <go; ${SHELL_PROGRAM} needs-renewal 9a --card work; echo $? >&2; } | { exec <&-; echo >go; }`
  assert.match(errorsOf(gone), /(^|\n)12\n$/)
})

test('a program that is not built: 12', () => {
  const place = tempDir('bin')
  mkdirSync(join(place, 'bin'))
  const program = join(place, 'bin', 'tessera.cjs')
  writeFileSync(program, readFileSync(join(root, 'bin/tessera'), 'utf8').replace(/^#!.*\n/, ''))
  assert.is(spawnSync(process.execPath, [program, 'needs-renewal']).status, 12)
  assert.is(spawnSync(process.execPath, [program, 'list']).status, 1)
})

test.run()
