// takes: 15 s
// Names that a shell would act on, completed with Tab and run with Enter in the shells themselves: each arrives as it is.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SHELLS } from '../../src/cli/shells.ts'
import { tempDir } from '../support/temp.ts'
import { converse, type Step } from './terminal.ts'

const NAMES = [
  'plain',
  '$(touch TABBED)',
  '`touch TABBED`',
  ';touch TABBED',
  '&touch TABBED',
  '|touch TABBED',
  '>TABBED',
  'a b  c',
  "o'neil",
  '"quoted"',
  '$HOME',
  '~root',
  '*',
  '[a-z]?',
  '{a,b}',
  '#comment',
  '!!',
  'back\\slash',
  'name=value',
  '김마리아',
  'maria@lab.example',
]

/** How each shell is started at a terminal, with nothing but our script: a command, and the files that it reads. */
const START: Readonly<Record<string, (script: string) => readonly [command: string, files: Record<string, string>]>> = {
  bash: (script) => ["bash --rcfile '.bashrc' -i", { '.bashrc': `PS1='ready> '\n${script}` }],
  zsh: (script) => [
    'zsh -i',
    { '.zshrc': `PS1='ready> '; unsetopt zle_bracketed_paste\nautoload -Uz compinit; compinit -u -D\n${script}` },
  ],
  fish: (script) => [
    'fish -i',
    { 'fish/config.fish': `function fish_prompt; echo -n 'ready> '; end\nset -g fish_greeting\n${script}` },
  ],
}

/** A program that offers one name at a time, and notes what it is run with. */
const program = (folder: string) => `#!/bin/sh
cd '${folder}' || exit
if [ "$1" = completion ]; then exec head -n 1 offered; fi
shift
printf '%s\\n' "$@" >>taken
sed -i 1d offered
echo "ran $(wc -l <taken) of them"
`

for (const [shell, start] of Object.entries(START)) {
  // bash is there everywhere.
  if (shell !== 'bash' && spawnSync(shell, ['-c', 'true']).status !== 0) {
    console.log(`# skipped: ${shell} completes hostile names: ${shell} is not installed`)
    continue
  }
  test(`${shell} completes hostile names, and runs none`, async () => {
    // fish leaves the tilde of a completion as it is (complete(1)): it stands for a folder, and runs nothing.
    const names = NAMES.filter((name) => shell !== 'fish' || !name.startsWith('~'))
    const folder = tempDir('hostile')
    const [command, files] = start(SHELLS.get(shell) ?? '')
    mkdirSync(join(folder, 'fish'))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    writeFileSync(join(folder, 'offered'), names.map((name) => `${name}\n`).join(''))
    writeFileSync(join(folder, 'tessera'), program(folder))
    chmodSync(join(folder, 'tessera'), 0o755)
    const steps = names.flatMap((_, index): Step[] => [
      { see: 'ready> ', type: 'tessera info \t\r' },
      { see: `ran ${index + 1} of them`, type: '' },
    ])
    const places = { HOME: folder, ZDOTDIR: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
    const env = { ...process.env, ...places, PATH: `${folder}:${process.env.PATH}`, LC_ALL: 'C.UTF-8' }
    await converse(`cd '${folder}'; ${command}`, [...steps, { see: 'ready> ', type: '\x04' }], env)
    assert.equal(readFileSync(join(folder, 'taken'), 'utf8').trimEnd().split('\n'), names)
    assert.not(existsSync(join(folder, 'TABBED')))
  })
}

test.run()
