// `tessera run` and `tessera serve --pcsc` as processes, with a card of the embedded TPM, and no pcscd anywhere.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PROGRAM, secretFile, tessera, tesseraProcess } from '../cli/cli.ts'
import { endServes, startServe } from '../serve/support/process.ts'
import { OPENSC } from '../strangers/support/opensc.ts'
import { run as runStranger } from '../strangers/support/tools.ts'
import { tempDir, within } from '../support/temp.ts'

const PIN = '90417325'
const LIMIT_MS = 120_000
const runtime = tempDir('runtime')
const home = tempDir('home')
Object.assign(process.env, { TESSERA_HOME: home, TESSERA_TCTI: 'embedded:', XDG_RUNTIME_DIR: runtime })
delete process.env.PCSCLITE_CSOCK_NAME
const pin = secretFile(join(home, 'pin'), PIN)

test.before(async () => {
  const created = await tessera(['create', 'work', '--pin', pin])
  assert.is(created.code, 0, created.stderr)
})
test.after.each(() => endServes())

const leftovers = () => (existsSync(join(runtime, 'tessera')) ? readdirSync(join(runtime, 'tessera')) : [])

test('a program finds the card, and so do those that it starts', async () => {
  const found = await tesseraProcess(['run', '--', 'sh', '-c', `pkcs11-tool --module '${OPENSC}' -L && cat`], {
    input: 'standard input',
  })
  assert.is(found.code, 0, found.stderr)
  assert.match(found.stdout, 'Slot 0 (0x0): Tessera work 00 00')
  assert.match(found.stdout, /token flags +: login required, rng, token initialized, PIN initialized/)
  assert.ok(found.stdout.endsWith('standard input'))
  assert.equal(leftovers(), [])
})

test('Tessera itself uses the card there', async () => {
  const words = ['--card', 'reader:Tessera work', 'pin', 'verify', '--pin-file', pin]
  const found = await tesseraProcess(['run', '--', ...PROGRAM, ...words])
  assert.is(found.code, 0, found.stderr)
})

test('where the system has no folder for sockets, one is made', async () => {
  const env = { XDG_RUNTIME_DIR: '' }
  const found = await tesseraProcess(['run', '--', 'sh', '-c', 'echo "$PCSCLITE_CSOCK_NAME"; opensc-tool -l'], { env })
  assert.is(found.code, 0, found.stderr)
  const [socket = '', ...rest] = found.stdout.split('\n')
  assert.match(rest.join('\n'), 'Tessera work 00 00')
  assert.not.ok(existsSync(socket))
})

test('the exit code is that of the program, or says which signal has ended it', async () => {
  for (const [script, code] of [
    ['exit 0', 0],
    ['exit 37', 37],
    ['kill -KILL $$', 137],
    ['kill -SEGV $$', 139],
  ] as const) {
    assert.is((await tesseraProcess(['run', '--', 'sh', '-c', script])).code, code, script)
  }
  assert.equal(leftovers(), [])
})

const TRAPS = `
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2', 'SIGQUIT']) process.on(signal, () => process.stdout.write(signal + '\\n'))
process.stdin.resume().on('end', () => process.exit(21))
process.stdout.write('ready\\n')
`

test('signals are the program’s, and it may live on', async () => {
  const [node, ...words] = PROGRAM
  const child = spawn(node, [...words, 'run', '--', process.execPath, '-e', TRAPS], {
    stdio: 'pipe',
  })
  const ended = once(child, 'close')
  let said = ''
  const until = (text: string) =>
    within(
      new Promise<void>((resolve) => {
        const look = () => {
          if (said.endsWith(`${text}\n`)) resolve()
        }
        child.stdout.on('data', look)
        look()
      }),
      LIMIT_MS,
      text,
    )
  child.stdout.on('data', (text: Buffer) => {
    said += text.toString()
  })
  await until('ready')
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2', 'SIGQUIT', 'SIGTERM'] as const) {
    child.kill(signal)
    await until(signal)
  }
  child.stdin.end()
  assert.equal(await within(ended, LIMIT_MS, 'the end'), [21, null])
  assert.equal(leftovers(), [])
})

/** As a user without any right of root, on a computer where nothing of Tessera's is set. */
const withoutRoot = (words: readonly string[]) => {
  const { PATH = '', TMPDIR = '' } = process.env
  const bare = ['env', '-i', `PATH=${PATH}`, `TMPDIR=${TMPDIR}`, `HOME=${tempDir('nobody')}`]
  return runStranger('unshare', ['--user', ...bare, ...PROGRAM, ...words])
}

test('--create: a card for the program alone, without root, with its PIN; nothing stays, and no TCP port is open', async () => {
  const script = `
    test "$(id -u)" != 0 || exit 91
    test -n "$TESSERA_PIN" || exit 92
    pkcs11-tool --module '${OPENSC}' -L
    ssh-keygen -D '${OPENSC}'
    echo text > "$TESSERA_HOME/text"
    pkcs11-tool --module '${OPENSC}' --login --pin env:TESSERA_PIN --sign --id 01 -m ECDSA-SHA256 -i "$TESSERA_HOME/text" -o "$TESSERA_HOME/signature"
    wc -c < "$TESSERA_HOME/signature"
    awk 'NR > 1 && $4 == "0A" { print "listens " $2 " " $10 }' /proc/net/tcp /proc/net/tcp6
    ls -l /proc/$PPID/fd | sed -n 's/.*socket:.\\([0-9]*\\).*/own \\1/p'
    echo "home $TESSERA_HOME"
  `
  const found = await withoutRoot(['run', '--create', '--', 'sh', '-c', script])
  assert.is(found.code, 0, found.all)
  assert.match(found.stdout, 'Slot 0 (0x0): Tessera work 00 00', found.all)
  assert.match(found.stdout, /^ecdsa-sha2-nistp256 /m, found.all)
  assert.match(found.stdout, /^64$/m, found.all)
  assert.match(found.stderr, /^The card 'work' is this program's alone, and is gone after it\. Its PIN is \d{8}/m)
  const ports = [...found.stdout.matchAll(/^listens \S+ (\d+)$/gm)].map(([, inode]) => inode)
  const own = [...found.stdout.matchAll(/^own (\d+)$/gm)].map(([, inode]) => inode)
  assert.ok(own.length > 0, found.all)
  assert.equal(
    own.filter((inode) => ports.includes(inode)),
    [],
    'sockets of Tessera that listen on a TCP port',
  )
  const [, place = '/'] = /^home (.*)$/m.exec(found.stdout) ?? []
  assert.not.ok(existsSync(place), place)
})

test('what is refused', async () => {
  for (const [words, code, text] of [
    [['run', '--', 'no-such-program'], 2, 'There is no program "no-such-program"'],
    [['run', '--', home], 2, 'could not be started'],
    [['run'], 2, 'program'],
    [['run', '--card', 'reader:x', '--', 'true'], 8, 'not with a card in a reader'],
    [['run', '--card', 'other', '--', 'true'], 3, 'other'],
    [['run', '--create', '--card', 'reader:x', '--', 'true'], 8, 'not with a card in a reader'],
    [['run', '--create', '--tcti', 'device:/dev/tpm0', '--', 'true'], 2, 'Leave --tcti out'],
    [['serve', 'work', '--pcsc', '--vpcd', '127.0.0.1:1'], 2, 'one kind of reader'],
    [['serve', 'work', '--shell'], 2, '--shell is for serve --pcsc'],
  ] as const) {
    const found = await tesseraProcess(words)
    assert.is(found.code, code, `${words}: ${found.stderr}`)
    assert.match(found.stderr, text)
  }
  assert.equal(leftovers(), [])
})

test('serve --pcsc: the card is there until it is stopped, and others are told where', async () => {
  const serve = await startServe(['serve', 'work', '--pcsc'])
  assert.is(await serve.line(), "Serving card 'work' in the reader 'Tessera work 00 00'.")
  const [, socket = ''] = /PCSCLITE_CSOCK_NAME=(.*)$/.exec((await serve.line()) ?? '') ?? []
  assert.is(socket, join(runtime, 'tessera', 'pcsc'))
  assert.match((await serve.line()) ?? '', `P11_KIT_SERVER_ADDRESS=unix:path=${join(runtime, 'tessera', 'pkcs11')}`)
  const env = { PCSCLITE_CSOCK_NAME: socket }
  const listed = await runStranger('opensc-tool', ['-l'], { env })
  assert.match(listed.stdout, 'Tessera work 00 00', listed.all)
  // Its TPM belongs to that process.
  const busy = await tesseraProcess(['run', '--', 'true'])
  assert.is(busy.code, 9)
  assert.match(busy.stderr, `PCSCLITE_CSOCK_NAME=${socket}`)
  const there = await tesseraProcess(['pin', 'verify', '--pin-file', pin], { env })
  assert.is(there.code, 0, there.stderr)
  const twice = await tesseraProcess(['serve', 'work', '--pcsc'])
  assert.is(twice.code, 9, twice.stderr)
  assert.is(await serve.stop('SIGTERM'), 0, serve.stderr())
  assert.not.ok(existsSync(socket))
  assert.is((await tesseraProcess(['run', '--', 'true'])).code, 0)
})

test('serve --pcsc --shell: lines that a shell reads', async () => {
  const serve = await startServe(['serve', 'work', '--pcsc', '--shell'])
  const lines = [await serve.line(), await serve.line()].join('\n')
  const said = await runStranger('sh', ['-c', `${lines}\nopensc-tool -l; echo "$P11_KIT_SERVER_ADDRESS"`])
  assert.match(said.stdout, 'Tessera work 00 00', said.all)
  assert.match(said.stdout, /^unix:path=\//m, said.all)
  assert.is(await serve.stop('SIGTERM'), 0, serve.stderr())
})

test.run()
