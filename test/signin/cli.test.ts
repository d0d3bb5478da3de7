// takes: 30 s
// tessera signin, signout, accounts, forget: in the foreground, and in the background with a process that stays.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Result, SHELL_PROGRAM, secretFile, startProgram, tessera, tesseraProcess } from '../cli/cli.ts'
import { ok } from '../strangers/support/tools.ts'
import { gone, within } from '../support/temp.ts'
import { ALICE, PIN, startWorld, WRONG_PIN } from './support.ts'

const { home, service } = await startWorld()
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'

const pins = secretFile(join(home, 'pin'), PIN)
const socket = join(home, 'run', `${ALICE}.sock`)
const where = ['--service', service.url, '--ca-file', service.caFile, '--method', 'challenge']

/** A command with --json that ends with this code; what it answers. */
async function json(code: number, ...argv: string[]) {
  const result: Result = await tesseraProcess([...argv, '--json'])
  assert.is(result.code, code, `${argv.join(' ')}: ${result.stderr}${result.stdout}`)
  return JSON.parse(result.stdout === '' ? result.stderr : result.stdout)
}

/** Waits until a process is gone. */
async function goneBy(pid: number): Promise<void> {
  const poll = async () => {
    while (!gone(pid)) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await within(poll(), 120_000, `process ${pid} does not end`)
}

test('the first time it wants to know where; an address has to be one', async () => {
  const { error } = await json(2, 'signin', ALICE, '--pin-file', pins)
  assert.is(error.code, 'ERR_ACCOUNT_UNKNOWN')
  assert.is((await json(2, 'signin', 'alice', ...where)).error.code, 'ERR_USAGE')
  assert.is((await json(2, 'signin', ALICE, '--service', 'http://service.example')).error.code, 'ERR_USAGE')
  assert.equal(await json(0, 'accounts'), [])
  assert.is((await json(1, 'signout')).error.code, 'ERR_SIGNED_OUT')
  assert.is((await json(2, 'forget', ALICE, '--yes')).error.code, 'ERR_ACCOUNT_UNKNOWN')
})

test('in the foreground until it is told to stop', async () => {
  const running = await startProgram(['signin', ALICE, ...where, '--pin-file', pins, '--json'])
  const started = JSON.parse(running.firstLine)
  assert.equal([started.user, started.how, started.card, started.background], ['alice', 'challenge', 'work', false])
  const [account] = await json(0, 'accounts')
  assert.equal([account.signedIn.pid, account.signedIn.socket], [started.pid, socket])
  // The same address twice, while the first is there.
  const twice = await json(1, 'signin', ALICE, '--pin-file', pins)
  assert.is(twice.error.code, 'ERR_SIGNED_IN')
  assert.match(twice.error.message, `Process ${started.pid} is signed in`)
  assert.is(await running.stop('SIGINT'), 0)
  assert.not(existsSync(socket))
  const [after] = await json(0, 'accounts')
  assert.equal([after.signedIn, after.ended.reason], [null, 'signed-out'])
})

/** Signs in from a shell that has a lock by a high number, as scripts do; and whether that is free when the shell is gone. */
async function signInHoldingALock() {
  const lock = join(home, 'lock')
  const words = `signin ${ALICE} --background --json --pin-file '${pins}'`
  const { stdout } = await ok('bash', ['-c', `exec 200> '${lock}'; flock 200; exec ${SHELL_PROGRAM} ${words}`])
  await ok('flock', ['--nonblock', lock, 'true'])
  return JSON.parse(stdout)
}

test('in the background: it stays, others reach the service through it, signout ends it', async () => {
  const started = await signInHoldingALock()
  assert.equal([started.background, started.socket], [true, socket])
  assert.not(gone(started.pid))
  assert.equal([statSync(socket).mode & 0o777, statSync(join(home, 'run')).mode & 0o777], [0o600, 0o700])
  const curl = (...argv: string[]) => ok('curl', ['-sS', '--unix-socket', socket, ...argv])
  assert.match((await curl('http://service/')).stdout, 'Signed in as alice')
  const session = JSON.parse((await curl('-H', 'Accept: application/json', 'http://service/session')).stdout)
  assert.equal([session.user, session.how], ['alice', 'challenge'])
  assert.is(JSON.parse((await curl('http://elsewhere/')).stdout).error, 'wrong-host')
  // Nothing is told of who asks but what the session says.
  const forged = await curl(
    '-H',
    'Authorization: Bearer nobody',
    '-H',
    'Accept: application/json',
    'http://service/session',
  )
  assert.is(JSON.parse(forged.stdout).user, 'alice')
  assert.is(JSON.parse((await curl('http://tessera/session')).stdout).pid, started.pid)
  // Whose terminal it is not: nothing that closes a window reaches it.
  const [sid = '', tty = ''] = execFileSync('ps', ['-o', 'sid=,tty=', '-p', started.pid], { encoding: 'utf8' })
    .trim()
    .split(/\s+/)
  assert.equal([Number(sid), tty], [started.pid, '?'])
  assert.equal(await json(0, 'signout'), { signedOut: ALICE, told: true })
  await goneBy(started.pid)
  assert.not(existsSync(socket))
})

test('forget signs out first; nothing is left', async () => {
  const started = await json(0, 'signin', ALICE, '--background', '--pin-file', pins)
  assert.is((await json(2, 'forget', ALICE)).error.code, 'ERR_USAGE')
  assert.not(gone(started.pid))
  assert.equal(await json(0, 'forget', ALICE, '--yes'), { forgotten: ALICE, signedOut: true })
  await goneBy(started.pid)
  assert.equal(readdirSync(join(home, 'accounts')), [])
  assert.equal(
    readdirSync(join(home, 'run')).filter((name) => name.includes('alice')),
    [],
  )
})

test('a wrong PIN: one try, an error of its class through the pipe, nobody stays', async () => {
  const wrong = secretFile(join(home, 'wrong'), WRONG_PIN)
  const { error } = await json(4, 'signin', ALICE, ...where, '--background', '--pin-file', wrong)
  assert.equal([error.code, error.triesLeft], ['ERR_PIN_WRONG', 4])
  assert.equal(await json(0, 'accounts'), [])
})

test('sentences say what happens and what does not', async () => {
  const started = await tesseraProcess(['signin', ALICE, ...where, '--background', '--pin-file', pins])
  assert.match(started.stdout, 'Closing this window does not sign out. To sign out: tessera signout alice@lab.example.')
  assert.match(started.stdout, / until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, in the background \(process/)
  assert.match(
    (await tessera(['accounts'])).stdout,
    /^alice@lab\.example +signed in since .* UTC \(process \d+, in the background\) +https:\S+ +challenge +work +9a /m,
  )
  assert.is((await tessera(['accounts', '--quiet'])).stdout, `${ALICE}\n`)
  assert.match((await tessera(['signout', ALICE])).stdout, 'The account stays remembered')
  const forgotten = await tessera(['forget', ALICE, '--yes'])
  assert.match(forgotten.stdout, 'The card and its certificate are as they were.')
  assert.match(readFileSync(join(home, 'cards/work.card'), 'utf8'), 'tessera')
})

test.run()
