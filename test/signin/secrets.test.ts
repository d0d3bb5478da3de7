// takes: 15 s
// Neither the PIN nor what a service gives to who is signed in is anywhere but where it is used: not in a file, not in what
// is said, not where other processes look, and the PIN not in the memory of the process that goes on.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PROGRAM, secretFile, tessera } from '../cli/cli.ts'
import { search } from '../support/memory.ts'
import { atExit, gone, tempDir, within } from '../support/temp.ts'
import { forgedService } from './forged.ts'
import { ALICE, PIN, startWorld, WRONG_PIN } from './support.ts'

const { home, service } = await startWorld()
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'
const pins = secretFile(join(tempDir('pins'), 'pin'), PIN)

const TOKEN = 'Zx81-a-session-that-nobody-else-has-q7Pn'
const minute = () => new Date(Date.now() + 60_000).toISOString()
const said: string[] = []

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function assertNowhere(where: string, texts: readonly (string | Buffer)[]): void {
  for (const secret of [PIN, WRONG_PIN, TOKEN]) {
    for (const text of texts) assert.not(text.includes(secret), `${where}: ${secret}`)
  }
}

const looks = (pid: number) => [readFileSync(`/proc/${pid}/cmdline`), readFileSync(`/proc/${pid}/environ`)]

/** Runs a command to its end, and looks at the processes below it while it does. */
async function run(...argv: string[]): Promise<{ code: number | null; stdout: string }> {
  const [node, ...before] = PROGRAM
  const child = spawn(node, [...before, ...argv, '--log-level', 'debug'], { stdio: ['ignore', 'pipe', 'pipe'] })
  atExit(() => child.kill('SIGKILL'))
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let over = false
  void ended.then(() => {
    over = true
  })
  let seen = 0
  const watch = async () => {
    while (!over) {
      try {
        const below = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')
        for (const pid of [child.pid ?? 0, ...below.filter(Boolean).map(Number)]) {
          assertNowhere(`process ${pid}`, looks(pid))
          seen += 1
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === undefined) throw error // anything but a process that is gone
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const [code] = await within(Promise.all([ended, watch()]), 120_000, argv.join(' '))
  assert.ok(seen > 0)
  said.push(stdout, stderr)
  return { code, stdout }
}

test('by a challenge, in the background, with a service that gives a token', async () => {
  const giving = await forgedService((call, _message, _response, url) => {
    if (call === 'POST /challenge')
      return { nonce: Buffer.alloc(32, 1).toString('base64url'), audience: url, expires: minute() }
    if (call === 'DELETE /session') return {}
    return { user: 'alice', address: ALICE, expires: minute(), session: TOKEN }
  })
  const caFile = secretFile(join(tempDir('ca'), 'ca.pem'), giving.ca)
  const wrong = secretFile(join(tempDir('pins'), 'wrong'), WRONG_PIN)
  const where = ['--service', giving.url, '--ca-file', caFile, '--method', 'challenge', '--background', '--json']
  assert.is((await run('signin', ALICE, ...where, '--pin-file', wrong)).code, 4)
  const { code, stdout } = await run('signin', ALICE, ...where, '--pin-file', pins)
  assert.is(code, 0)
  const { pid } = JSON.parse(stdout) as { pid: number }
  assertNowhere('the process in the background', looks(pid))
  const needles = new Map([PIN].map((pin) => ['the PIN', Buffer.from(pin)]))
  const { found, octets } = search(pid, needles)
  assert.equal(found, [])
  assert.ok(octets > 10_000_000)
  assert.equal(
    search(pid, new Map([['the address', Buffer.from(ALICE)]])).found.length > 0,
    true,
    'the look finds things',
  )
  said.push((await tessera(['accounts', '--json'])).stdout, (await tessera(['accounts'])).stdout)
  assert.ok(statSync(join(home, 'run', `${ALICE}.sock`)).isSocket())
  assertNowhere(
    'files',
    filesBelow(home).map((path) => readFileSync(path)),
  )
  said.push((await tessera(['signout'])).stdout)
  while (!gone(pid)) await new Promise((resolve) => setTimeout(resolve, 20))
  await giving.close()
})

test('by the certificate', async () => {
  const where = [
    '--service',
    service.url,
    '--ca-file',
    service.caFile,
    '--method',
    'certificate',
    '--background',
    '--json',
  ]
  const { code, stdout } = await run('signin', ALICE, ...where, '--pin-file', pins)
  assert.is(code, 0)
  const { pid } = JSON.parse(stdout) as { pid: number }
  assert.equal(search(pid, new Map([['the PIN', Buffer.from(PIN)]])).found, [])
  assertNowhere(
    'files',
    filesBelow(home).map((path) => readFileSync(path)),
  )
  said.push((await tessera(['forget', ALICE, '--yes'])).stdout)
})

test('nothing that was said has it, at any level', () => {
  assert.ok(said.join('').length > 500)
  assertNowhere('output', said)
  assertNowhere('the log of the service', service.log)
})

test.run()
