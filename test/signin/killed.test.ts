// takes: 4 s
// The process that is signed in is killed, or its files are somebody's leftovers: nobody else's process is ever touched.
import { type ChildProcess, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  watch as watchFolder,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { files } from '../../src/files/files.ts'
import { Locks } from '../../src/home/locks.ts'
import { openCard } from '../../src/index.ts'
import { native } from '../../src/native.ts'
import { accounts, forget, signIn, signInInBackground, signOutElsewhere } from '../../src/signin/index.ts'
import { SignedInMarks } from '../../src/signin/signed-in.ts'
import { atExit, gone, tempDir, within } from '../support/temp.ts'
import { ALICE, makeCard, PIN, refusedWith, startWorld } from './support.ts'

const { home, lab, service } = await startWorld()

const run = (name: string) => join(home, 'run', `${ALICE}${name}`)
const at = { address: ALICE, service: service.url, ca: service.ca, home, pin: PIN } as const

async function goneBy(pid: number): Promise<void> {
  const poll = async () => {
    while (!gone(pid)) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await within(poll(), 120_000, `process ${pid} does not end`)
}

async function signedIn(): Promise<number | undefined> {
  const [account] = await accounts({ home })
  assert.ok(account && 'address' in account)
  return account.signedIn?.pid
}

for (const method of ['certificate', 'challenge'] as const) {
  test(`${method}: killed while signed in: found out, cleared away, signed in anew`, async () => {
    const { pid, socket } = await signInInBackground({ ...at, method })
    assert.is(await signedIn(), pid)
    process.kill(pid, 'SIGKILL')
    await goneBy(pid)
    assert.ok(existsSync(socket) && existsSync(run('.session')), 'left behind')
    // Its threads may live a moment longer than the process, and with them its lock.
    const noticed = async () => {
      while ((await signedIn()) !== undefined) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await within(noticed(), 120_000, 'it is taken for signed in')
    assert.not(existsSync(socket) || existsSync(run('.session')))
    await refusedWith('ERR_SIGNED_OUT', signOutElsewhere(ALICE, { home }))
    const again = await signInInBackground({ address: ALICE, home, pin: () => PIN })
    assert.equal(await signOutElsewhere(ALICE, { home }), { reason: 'signed-out', told: true })
    await goneBy(again.pid)
  })
}

test('told to stop, it signs out first', async () => {
  const { pid } = await signInInBackground({ address: ALICE, home, pin: PIN })
  process.kill(pid, 'SIGTERM')
  await goneBy(pid)
  await service.saidLast('DELETE /session 204')
  assert.not(existsSync(run('.sock')))
})

test('told to stop just when it is signed in: nobody is, and nothing stays', async () => {
  const stop = new AbortController()
  const watch = watchFolder(join(home, 'accounts'), () => stop.abort())
  const error = await signInInBackground({ address: ALICE, home, pin: PIN, signal: stop.signal }).catch(
    (cause) => cause,
  )
  watch.close()
  assert.is(error, stop.signal.reason)
  const over = async () => {
    for (let lock = null; lock === null; await delay(20)) {
      lock = native().lockFile(run('.session-lock'))
      lock?.release()
    }
  }
  await within(over(), 120_000, 'somebody is signed in')
  await service.saidLast('DELETE /session 204')
  assert.not(existsSync(run('.sock')))
})

/** A process that has nothing to do with this. */
function bystander(): ChildProcess {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  atExit(() => child.kill('SIGKILL'))
  return child
}

const mark = (pid: number, socket: boolean) =>
  `${JSON.stringify({ version: 1, pid, user: 'alice', since: new Date().toISOString(), expires: new Date().toISOString(), background: true, socket })}\n`

test('a mark with the number of another process: nobody is signed in, and that process lives on', async () => {
  const other = bystander()
  writeFileSync(run('.session'), mark(other.pid ?? 0, true))
  writeFileSync(run('.sock'), '')
  assert.is(await signedIn(), undefined)
  writeFileSync(run('.session'), mark(other.pid ?? 0, true))
  assert.equal(await forget(ALICE, { home }), { signedOut: false })
  assert.not(gone(other.pid ?? 0))
  other.kill()
})

test('somebody has the lock and does not answer, or answers nonsense: an error, and nothing is signalled', async () => {
  await (await signIn(at)).signOut()
  const other = bystander()
  const lock = native().lockFile(run('.session-lock'))
  assert.ok(lock)
  writeFileSync(run('.session'), mark(other.pid ?? 0, true))
  const dead = await refusedWith('ERR_SIGNED_IN', signOutElsewhere(ALICE, { home }))
  assert.match(dead.message, 'does not answer')
  const server = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n{"reason":"because"}'))
  await new Promise<void>((resolve) => server.listen(run('.sock'), resolve))
  await refusedWith('ERR_SIGNED_IN', forget(ALICE, { home }))
  server.close()
  const answers = await refusedWith('ERR_SIGNED_IN', signIn(at))
  assert.match(answers.message, `To sign out: tessera signout ${ALICE}.`)
  // What signs nobody out is not advised.
  for (const [left, words] of [
    [mark(other.pid ?? 0, false), ', in another program: sign out there.'],
    ['', 'Another process is just signing in'],
  ] as const) {
    writeFileSync(run('.session'), left)
    const { message } = await refusedWith('ERR_SIGNED_IN', signIn(at))
    assert.match(message, words)
    assert.not.match(message, 'tessera signout')
  }
  assert.not(gone(other.pid ?? 0))
  other.kill()
  lock.release()
})

test('marks that cannot be read count as nothing', async () => {
  for (const text of ['', '{}', 'not JSON', mark(0, true), mark(1, true).replace('alice', 'a'.repeat(5000))]) {
    writeFileSync(run('.session'), text)
    assert.is(await signedIn(), undefined)
  }
  await (await signIn(at)).signOut()
  assert.not(existsSync(run('.session')))
})

test('the lock of a file that somebody has just removed is none', async () => {
  const folder = tempDir('run')
  const path = join(folder, `${ALICE}.session-lock`)
  let times = 0
  const late = (name: string) => {
    const lock = native().lockFile(name)
    times += 1
    if (times > 1) return lock
    // Between opening and locking it: forgotten, and another process has begun.
    unlinkSync(name)
    writeFileSync(name, '4711\n')
    return lock
  }
  const turn = await new SignedInMarks(folder, files, new Locks(files, late)).begin(ALICE)
  assert.equal([times, native().lockFile(path)], [2, null])
  await turn.end({ forget: true })
  assert.equal(readdirSync(folder), [])
})

test('a folder of sockets that others can reach into is refused', async () => {
  const open = tempDir('home')
  mkdirSync(join(open, 'run'), { mode: 0o755 })
  await (await makeCard(lab, { home: open, name: 'work' })).close()
  const before = readdirSync(join(open, 'run'))
  const { signInShared } = await import('../../src/signin/shared-session.ts')
  const pin = () => {
    throw new Error('a PIN was asked for')
  }
  const error = await refusedWith('ERR_IO', signInShared({ ...at, pin, home: open }, false))
  assert.match(error.message, 'chmod 700')
  assert.equal(readdirSync(join(open, 'run')), before)
})

test('who started it is killed before the PIN is there: nothing stays', async () => {
  const card = await openCard({ name: 'work', home })
  await card.close()
  const script = `
    import { signInInBackground } from ${JSON.stringify(new URL('../../src/signin/index.ts', import.meta.url))}
    const pin = () => { console.log('asked'); return new Promise(() => setInterval(() => {}, 1000)) }
    signInInBackground({ address: ${JSON.stringify(ALICE)}, home: ${JSON.stringify(home)}, pin })`
  const argv = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script]
  const starter = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  atExit(() => starter.kill('SIGKILL'))
  await within(new Promise((resolve) => starter.stdout.once('data', resolve)), 120_000, 'nobody is asked')
  const [keeper = ''] = readFileSync(`/proc/${starter.pid}/task/${starter.pid}/children`, 'utf8').trim().split(' ')
  assert.match(readFileSync(`/proc/${keeper}/cmdline`, 'utf8'), ALICE)
  starter.kill('SIGKILL')
  await goneBy(Number(keeper))
  assert.is(await signedIn(), undefined)
  await (await signIn({ address: ALICE, home, pin: PIN })).signOut()
})

test.run()
