// Completion: what is offered where, and that the shells which are here get it.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { candidates } from '../../src/cli/complete.ts'
import { COMMANDS } from '../../src/cli/table.ts'
import { tempDir } from '../support/temp.ts'
import { PROGRAM, tessera } from './cli.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
mkdirSync(join(home, 'cards'))
// Broken ones have names as well, and may have to be destroyed.
for (const name of ['desk', 'work']) writeFileSync(join(home, 'cards', `${name}.card`), 'not a card')

const offered = async (line: string) => {
  let asked = false
  const cards = async () => {
    asked = true
    return ['desk', 'work']
  }
  const addresses = async () => ['maria@lab.example', 'anna@lab.example']
  const users = async () => ['maria', 'with\u001b[31m']
  const found = await candidates(COMMANDS, line.split(' '), { cards, addresses, users })
  return { found, asked }
}

/** What stands before `|` is typed; after it, all or some of what is offered. */
const rows: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['ke', ['key']],
  ['key ', ['generate', 'list', 'info', 'import', 'move', 'delete', 'attest']],
  ['key i', ['info', 'import']],
  ['pin change', ['change', 'change-puk']],
  ['help-desk ', ['respond']],
  ['info ', ['desk', 'work']],
  ['rename d', ['desk']],
  ['rename desk ', []],
  ['list --card w', ['work']],
  ['--card w', ['work']],
  ['--card work pin ver', ['verify']],
  ['--json key --quiet gen', ['generate']],
  ['key generate 9', ['9a', '9c', '9d', '9e', '90', '91', '92', '93', '94', '95']],
  ['key move 9a key-', ['key-management']],
  ['key generate 9a -a RSA', ['RSA-2048', 'RSA-3072']],
  ['key generate 9a --pin-policy ', ['never', 'once', 'always']],
  ['sign 9a ', []],
  ['sign 9a file -o ', []],
  ['sign 9a file --padding ', ['pkcs1', 'pss']],
  ['decrypt 9a file --encryption-padding ', ['oaep', 'pkcs1']],
  ['sign 9a file --hash SHA-3', ['SHA-384']],
  ['create x --puk ', ['default', 'prompt', 'none']],
  ['create x --admin-key ', ['default', 'random']],
  ['create x --pin-tries ', []],
  ['admin-key change r', ['random']],
  ['object get ch', ['chuid']],
  ['object put chuid ', []],
  ['completion f', ['fish']],
  ['serve d', ['desk']],
  ['serve desk w', ['work']],
  ['reset desk --o', ['--owner-password-file']],
  ['list --j', ['--json']],
  ['list --last', []],
  ['signin m', ['maria@lab.example']],
  ['forget ', ['maria@lab.example', 'anna@lab.example']],
  ['enroll --user ', ['maria']],
  ['lab-ca user add m', ['maria']],
  ['enroll --template smartcard-u', ['smartcard-user']],
  ['nothing ', []],
  ['pin nothing ', []],
]
for (const [line, expected] of rows) {
  test(`offered: tessera ${line}`, async () =>
    assert.equal([...(await offered(line)).found].sort(), [...expected].sort()))
}

test('every command and every option of it is offered', async () => {
  for (const { words, options = [] } of COMMANDS) {
    const [first = '', second] = words.split(' ')
    assert.ok((await offered('')).found.includes(first))
    if (second !== undefined) assert.ok((await offered(`${first} `)).found.includes(second))
    const { found } = await offered(`${words} -`)
    assert.ok(found.length >= options.length + 6 && found.every((word) => word.startsWith('--')), words)
  }
})

test('cards are looked for only where one may stand', async () => {
  assert.is((await offered('key ')).asked, false)
  assert.is((await offered('destroy ')).asked, true)
})

test('by the program: one a line, or JSON', async () => {
  assert.is((await tessera(['completion', 'bash', '--', 'destroy', ''])).stdout, 'desk\nwork\n')
  assert.is((await tessera(['--json', 'completion', 'bash', '--', '--card', 'w'])).stdout, '["work"]\n')
  const { code, stderr } = await tessera(['completion', 'csh'])
  assert.is(code, 2)
  assert.match(stderr, 'bash, zsh, fish')
})

/** A folder with a program `tessera` in it, for shells that look for one. */
function installed(): NodeJS.ProcessEnv {
  const folder = tempDir('bin')
  const program = join(folder, 'tessera')
  writeFileSync(program, `#!/bin/sh\nexec ${PROGRAM.map((word) => `'${word}'`).join(' ')} "$@"\n`)
  chmodSync(program, 0o755)
  return { ...process.env, PATH: `${folder}:${process.env.PATH}` }
}

const ASK: Readonly<Record<string, string>> = {
  bash: `source <(tessera completion bash)
    ask() { COMP_WORDS=(tessera "$@"); COMP_CWORD=$#; _tessera; echo "\${COMPREPLY[*]}"; }
    ask key ge; ask destroy ""; ask sign 9a fi; complete -p tessera`,
  fish: `tessera completion fish | source
    function __fish_complete_path; end
    for line in 'key ge' 'destroy ' 'sign 9a fi'; echo (complete -C "tessera $line"); end; complete -c tessera | head -n 1`,
  zsh: `compdef() { complete=$*; }; compadd() { shift; echo "$*"; }; _files() { echo; }
    source <(tessera completion zsh)
    ask() { words=(tessera "$@"); CURRENT=$#words; _tessera; }
    ask key ge; ask destroy ""; ask sign 9a fi; echo $complete`,
}

test('names of files that are no names of cards are not offered', async () => {
  for (const name of ['$(touch TABBED)', 'a b', ';id']) writeFileSync(join(home, 'cards', `${name}.card`), 'no card')
  assert.is((await tessera(['completion', 'bash', '--', 'destroy', ''])).stdout, 'desk\nwork\n')
})

for (const [shell, script] of Object.entries(ASK)) {
  const here = spawnSync(shell, ['-c', 'true']).status === 0
  // bash is there everywhere.
  if (!here && shell !== 'bash') {
    console.log(`# skipped: ${shell} completes: ${shell} is not installed`)
    continue
  }
  test(`${shell} completes`, () => {
    const { stdout, stderr } = spawnSync(shell, ['-c', script], {
      env: installed(),
      encoding: 'utf8',
      timeout: 120_000,
    })
    const [keys, cards, files, registered] = stdout.split('\n')
    assert.equal([keys, cards, files], ['generate', 'desk work', ''], stderr)
    assert.match(registered ?? '', 'tessera')
  })
}

test.run()
