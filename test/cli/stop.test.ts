// Told to stop: the card is closed first, what was half made is gone, and the exit code says why.
import { spawn } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Hooks, startProxy } from '../support/proxy.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { atExit, gate, tempDir, within } from '../support/temp.ts'
import { PROGRAM, SHELL_PROGRAM, secretFile, tessera } from './cli.ts'
import { converse } from './terminal.ts'

const home = tempDir('home')
const tpm = await startSwtpm()
const proxy = await startProxy(tpm.path)
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = proxy.tcti
const pin = secretFile(`${home}/pin`, '135790')

/** Runs a command line; `hooksFor` gets a function that signals it. */
async function run(argv: readonly string[], hooksFor: (kill: (signal: NodeJS.Signals) => void) => Hooks) {
  const [node, ...words] = PROGRAM
  const child = spawn(node, [...words, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  const forget = atExit(() => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  proxy.hooks = hooksFor((signal) => child.kill(signal))
  const code = await within(ended, 120_000, argv.join(' '))
  proxy.hooks = {}
  forget()
  return { code, output }
}

/** Signals once, at the first command of that name. */
const at =
  (name: string, signal: NodeJS.Signals) =>
  (kill: (signal: NodeJS.Signals) => void): Hooks => {
    let done = false
    return {
      onCommand: (exchange) => {
        if (exchange.name === name && !done) kill(signal)
        done ||= exchange.name === name
        return undefined
      },
    }
  }

/** How many NV indices the TPM has, as doctor says it. */
async function indices(): Promise<string> {
  const { stdout } = await tessera(['doctor'])
  return /(\d+) owner NV indices/.exec(stdout)?.[1] ?? stdout
}

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} while a card is made: no card, nothing in the TPM`, async () => {
    const { code, output } = await run(['create', 'work', '--pin', pin], at('NV_DefineSpace', signal))
    assert.is(code, expected, output)
    assert.not.match(output, 'was created')
    assert.is((await tessera(['list', '--json'])).stdout, '[]\n')
    assert.is(await indices(), '0')
  })
}

test('SIGINT while a key is made: the card is closed and works on', async () => {
  assert.is((await tessera(['create', 'work', '--pin', pin])).code, 0)
  const { code, output } = await run(['key', 'generate', '9a', '--pin-file', pin], at('Create', 'SIGINT'))
  assert.is(code, 130, output)
  assert.is((await tessera(['pin', 'verify', '--pin-file', pin])).code, 0)
  proxy.clear()
  assert.is((await tessera(['key', 'generate', '9a', '--pin-file', pin, '--yes'])).code, 0)
})

test('a second SIGINT does not wait for a TPM that does not answer', async () => {
  const held = gate()
  const { code } = await run(['pin', 'verify', '--pin-file', pin], (kill) => {
    // signals that come while one is pending are one: so again and again
    let again: NodeJS.Timeout | undefined
    void held.promise.then(() => clearInterval(again))
    return {
      onCommand: () => {
        again ??= setInterval(() => kill('SIGINT'), 100)
        return held.promise.then(() => undefined)
      },
    }
  }).finally(() => held.open())
  assert.is(code, 130)
  assert.is((await tessera(['pin', 'status'])).code, 0)
})

test('Ctrl-C at the PIN prompt, with the card open: no try is spent', async () => {
  const { screen, code } = await converse(`${SHELL_PROGRAM} pin verify`, [
    { see: '(5 tries left): ', type: '7391\x03' },
  ])
  assert.is(code, 130)
  assert.not.match(screen, '7391')
  assert.is(JSON.parse((await tessera(['pin', 'status', '--json'])).stdout).pin.triesLeft, 5)
})

test('Ctrl-C while a key is made at a terminal', async () => {
  let pressed = false
  const steps = [
    { see: 'tries left): ', type: '135790\r' },
    { see: 'Making a P-256 key', type: '\x03' },
  ]
  // The TPM answers when the key was pressed. The terminal does not show ^C, but signals everybody in the foreground.
  const fifo = `${home}/begin`
  const says = `console.log('pressed'); process.exit()`
  const watch = `process.on('SIGINT', () => { ${says} }); require('fs').writeFileSync('${fifo}', 'now'); setInterval(() => 0, 1e6)`
  const watcher = `mkfifo ${fifo}; '${process.execPath}' -e "${watch}" & read now <${fifo}`
  const shown = gate()
  proxy.hooks = { onCommand: ({ name }) => (name === 'Create' ? shown.promise.then(() => undefined) : undefined) }
  const onScreen = (screen: string) => {
    if (!pressed && screen.includes('pressed')) {
      pressed = true
      shown.open()
    }
  }
  const { screen, code } = await converse(`${watcher}; ${SHELL_PROGRAM} key generate 9d`, steps, process.env, onScreen)
  proxy.hooks = {}
  assert.is(code, 130)
  assert.ok(pressed)
  assert.not.match(screen, '135790')
})

test.run()
