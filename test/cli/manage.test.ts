// Managing a card as a person does it at a terminal: the name typed, keys typed twice.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startProxy } from '../support/proxy.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { SHELL_PROGRAM, secretFile, tessera } from './cli.ts'
import { converse, type Step } from './terminal.ts'

const home = tempDir('home')
const tpm = await startSwtpm()
const proxy = await startProxy(tpm.path)
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = proxy.tcti
const at = (name: string) => join(home, name)
const pin = secretFile(at('pin'), '135790')
const KEY = '000102030405060708090a0b0c0d0e0f'

async function expect(code: number, ...argv: string[]) {
  const result = await tessera(argv)
  assert.is(result.code, code, `${argv.join(' ')}: ${result.stderr}${result.stdout}`)
  return result
}

test('an admin key is typed twice and never shown; what is none is asked for again', async () => {
  await expect(0, 'create', 'work', '--pin', pin)
  const { screen, code } = await converse(`${SHELL_PROGRAM} admin-key change`, [
    { see: 'tries left): ', type: '135790\r' },
    { see: 'New admin key', type: '0001\r' },
    { see: '32, 48 or 64', type: '' },
    { see: 'New admin key', type: `${KEY}\r` },
    { see: 'again: ', type: `${KEY}\r` },
  ])
  assert.is(code, 0, screen)
  assert.match(screen, 'The admin key was changed')
  assert.not.match(screen, '0001')
  await expect(0, 'key', 'generate', '9a', '--admin-key-file', secretFile(at('key'), KEY), '--quiet')
})

/** Whether a command that asks for the PIN has the echo off while it talks to the TPM before that, and is then on again. */
async function echoes(command: string, ...steps: Step[]): Promise<boolean[]> {
  const echo = (settings: string) => !/-echo\b/.test(settings)
  const during: boolean[] = []
  let terminal = ''
  proxy.hooks.onCommand = () => {
    if (during.length > 0) return undefined
    during.push(echo(spawnSync('stty', ['-a', '-F', terminal], { encoding: 'utf8' }).stdout))
    return undefined
  }
  const { screen } = await converse(`tty; ${command}; stty -a`, steps, process.env, (shown) => {
    terminal ||= /\/dev\/pts\/\d+(?=\s)/.exec(shown)?.[0] ?? ''
  })
  proxy.hooks = {}
  return [...during, echo(screen)]
}

test('from its start on, a command that will ask for a PIN hides what is typed; then the terminal is as before', async () => {
  const verify = `${SHELL_PROGRAM} pin verify`
  const right: Step = { see: 'tries left): ', type: '135790\r' }
  assert.equal(await echoes(verify, right), [false, true])
  assert.equal(await echoes(verify, { see: 'tries left): ', type: '\x03' }), [false, true])
  // Another program may read the terminal; nothing is asked; nothing is secret.
  assert.equal(await echoes(`${verify} | cat`, right), [true, true])
  assert.equal(await echoes(`${verify} --pin-file ${pin}`), [true, true])
  assert.equal(await echoes(`${SHELL_PROGRAM} pin status`), [true, true])
})

test('a list that is wider than the terminal is shown in blocks', async () => {
  const list = (columns: number) => converse(`stty cols ${columns}; ${SHELL_PROGRAM} list`, [])
  assert.match((await list(200)).screen, /NAME +STATE +PIN TRIES/)
  assert.match((await list(40)).screen, /NAME: +work\s+STATE: +ready\s+PIN TRIES: +5 of 5/)
})

test('reset wants the very name, and destroys nothing without it', async () => {
  const before = readFileSync(at('cards/work.card'))
  const wrong = await converse(`${SHELL_PROGRAM} reset work`, [{ see: "card's name (work)", type: 'yes\r' }])
  assert.is(wrong.code, 2)
  assert.match(wrong.screen, 'Not confirmed')
  assert.equal(readFileSync(at('cards/work.card')), before)
  const right = await converse(`${SHELL_PROGRAM} reset work`, [{ see: "card's name (work)", type: 'work\r' }])
  assert.is(right.code, 0, right.screen)
  assert.match(right.screen, 'the PIN is the default one')
})

test('object delete wants yes; a decrypted text is not written to a terminal', async () => {
  await expect(0, 'pin', 'change', '--pin-file', secretFile(at('change'), '12345678', '135790'))
  await expect(0, 'object', 'put', '5fff01', pin, '--pin-file', pin)
  const line = `${SHELL_PROGRAM} object delete 5fff01 --pin-file ${pin}`
  assert.is((await converse(line, [{ see: 'Type yes', type: 'no\r' }])).code, 2)
  assert.is((await converse(line, [{ see: 'Type yes', type: 'yes\r' }])).code, 0)
  for (const command of [
    ['decrypt', '9d', pin],
    ['object', 'get', 'chuid'],
  ]) {
    const { code, stderr } = await tessera(command, { tty: true })
    assert.is(code, 2)
    assert.match(stderr, 'binary')
  }
})

test('a reset that loses its TPM half way says that there is no card', async () => {
  proxy.hooks = { onCommand: (exchange) => (exchange.name === 'NV_DefineSpace' ? 'drop' : undefined) }
  const { stderr } = await expect(9, 'reset', 'work', '--yes')
  proxy.hooks = {}
  assert.match(stderr, 'Make it: tessera create work')
  await expect(3, 'info', 'work')
  await expect(0, 'create', 'work', '--pin', pin)
  await expect(0, 'destroy', 'work', '--yes')
})

test.after(async () => {
  await proxy.stop()
  await tpm.stop()
})

test.run()
