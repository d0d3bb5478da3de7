// takes: 20 s
// A command that waits, for a CA to decide or for a session to end, has no secret in its memory meanwhile: neither PIN nor
// password, nor what is sent of them. Afterwards it reads its files again.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PROGRAM, secretFile, tessera } from '../cli/cli.ts'
import { PASSWORDS } from '../lab-ca/support.ts'
import { search } from '../support/memory.ts'
import { within } from '../support/temp.ts'
import { ALICE, PIN, startLab, startWorld } from './support.ts'

const LIMIT = 120_000
const { home, service } = await startWorld()
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'

/** One file for both: which line is which is remembered. */
const secrets = secretFile(join(home, 'secrets'), PASSWORDS.alice, PIN)
const pin = secretFile(join(home, 'pin'), PIN)

const login = Buffer.from(`alice:${PASSWORDS.alice}`).toString('base64')
const needles = new Map<string, Uint8Array>([
  ['PIN', Buffer.from(PIN)],
  ['password', Buffer.from(PASSWORDS.alice)],
  ['login', Buffer.from(login)],
  ['login, UTF-16', Buffer.from(login, 'utf16le')],
])

/** Nothing of them is in its memory, which was looked at: what it works with is found there. */
function holdsNone(pid: number, known: string, what: string): void {
  const { found, octets } = search(pid, new Map([...needles, ['known', Buffer.from(known)]]))
  assert.ok(octets > 10_000_000, `${octets} octets were looked at`)
  assert.ok(
    found.some((one) => one.startsWith('known ')),
    `${what}: the look finds nothing`,
  )
  assert.equal(
    found.filter((one) => !one.startsWith('known ')),
    [],
    what,
  )
}

interface Command {
  readonly pid: number
  /** Waits for a line of its output in which this is. */
  said(what: RegExp): Promise<void>
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<number | null>
}

let running: ChildProcess | undefined
// One that failed would keep this process from ending.
test.after.each(() => void running?.kill('SIGKILL'))

let lab: Awaited<ReturnType<typeof startLab>> | undefined
test.after.each(async () => {
  await lab?.close()
  lab = undefined
})

/** A CA that does not decide at once, and the options of a command that enrols there. */
async function waitingLab() {
  lab = await startLab({ pending: true })
  return { lab, where: ['--est', lab.url, '--ca-file', lab.certificateFile, '--template', 'smartcard-user'] }
}

/** Looks at a command that waits as it is then. The CA decides before the command goes on. */
async function whileItWaits(command: Command, what: string, { registration, url }: NonNullable<typeof lab>) {
  await command.said(/Asking again/)
  command.kill('SIGSTOP')
  holdsNone(command.pid, url, what)
  const [entry] = await registration.entries()
  await registration.approve(entry?.id ?? 0)
  command.kill('SIGCONT')
  assert.is(await within(command.ended, LIMIT * 2, what), 0)
}

function start(argv: readonly string[]): Command {
  const [node, ...before] = PROGRAM
  const child = spawn(node, [...before, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  running = child
  const lines: string[] = []
  let look = () => {}
  const listen = (stream: Readable) =>
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      look()
    })
  listen(child.stdout)
  listen(child.stderr)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    pid: child.pid ?? 0,
    said: (what) => {
      const found = new Promise<void>((resolve, reject) => {
        look = () => lines.some((line) => what.test(line)) && resolve()
        look()
        void ended.then(() => reject(new Error(`it ended: ${lines.join('\n')}`)))
      })
      return within(found, LIMIT, `${argv[0]} does not say ${what}`)
    },
    kill: (signal) => void child.kill(signal),
    ended,
  }
}

test('signin in the foreground', async () => {
  for (const method of ['challenge', 'certificate']) {
    const where = ['--service', service.url, '--ca-file', service.caFile, '--method', method]
    const command = start(['signin', ALICE, ...where, '--pin-file', pin, '--json'])
    await command.said(/"user"/)
    holdsNone(command.pid, ALICE, method)
    command.kill('SIGTERM')
    assert.is(await within(command.ended, LIMIT, 'signin'), 0)
  }
})

test('enroll --wait: nothing while it waits, and its files are read again', async () => {
  const { lab, where } = await waitingLab()
  const login = ['--user', 'alice', '--password-file', secrets, '--pin-file', secrets]
  await whileItWaits(start(['enroll', '9c', ...where, ...login, '--wait', '600']), 'enroll', lab)
  assert.match((await tessera(['cert', 'show', '9c'])).stdout, 'alice')
})

test('station --wait: nothing while it waits, and the first PIN is read again', async () => {
  const { lab, where } = await waitingLab()
  // The first PIN is taken before the password.
  const both = secretFile(join(home, 'first'), PIN, PASSWORDS.alice)
  const login = ['--user', 'alice', '--password-file', both, '--pin', both]
  await whileItWaits(start(['station', 'handed-over', ...where, ...login, '--wait', '600']), 'station', lab)
})

test.run()
