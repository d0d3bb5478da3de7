// Marks of cards that are served: they mean something exactly as long as whoever serves the card lives.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Home } from '../../src/home/home.ts'
import { ServedCards } from '../../src/home/served.ts'
import { native } from '../../src/native.ts'
import { refuseServed } from '../../src/tpm/busy.ts'
import { CardStore } from '../../src/tpm/store/store.ts'
import { tempDir } from '../support/temp.ts'

const lockFile = (path: string) => native().lockFile(path)

function shop() {
  const home = new Home(tempDir('served'))
  return { home, served: new ServedCards({ home, lockFile }), store: new CardStore({ home, lockFile }) }
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error as { code: string; message: string },
  )

/** What another process would have left: a mark, and its lock while it lives. */
function left(home: Home, name: string, text: string): { release(): void } | null {
  mkdirSync(home.run, { recursive: true })
  writeFileSync(join(home.run, `${name}.json`), text)
  return lockFile(join(home.run, `${name}.json-lock`))
}

const mark = (pid: number) => `${JSON.stringify({ version: 1, pid, way: 'vpcd 127.0.0.1:35963' })}\n`

test('a mark of this process: readable by its owner alone, once a card, gone at the end', async () => {
  const { home, served } = shop()
  const end = await served.begin('work', 'vpcd 127.0.0.1:1')
  const path = join(home.run, 'work.json')
  assert.equal(JSON.parse(readFileSync(path, 'utf8')), { version: 1, pid: process.pid, way: 'vpcd 127.0.0.1:1' })
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.is(statSync(home.run).mode & 0o777, 0o700)
  const again = await codeOf(served.begin('work', 'x'))
  assert.is(again?.code, 'ERR_CARD_BUSY')
  assert.match(again?.message ?? '', `Another process (${process.pid}) serves card 'work' already`)
  await (await served.begin('other', 'x'))()
  assert.equal(await served.elsewhere(), [], 'this process is not elsewhere')
  await end()
  assert.not(existsSync(path))
  await (await served.begin('work', 'x'))()
})

test("another process's mark: while it lives, and not after", async () => {
  const { home, served, store } = shop()
  assert.equal(await served.elsewhere(), [])
  const lock = left(home, 'work', mark(4711))
  assert.equal(await served.elsewhere(), [{ name: 'work', pid: 4711, way: 'vpcd 127.0.0.1:35963' }])
  const own = await codeOf(refuseServed({ served, store }, 'work'))
  assert.is(own?.code, 'ERR_TPM_BUSY')
  assert.match(own?.message ?? '', "Card 'work' is served to PC/SC by process 4711 (vpcd 127.0.0.1:35963)")
  assert.match(own?.message ?? '', '--card reader:TEXT')
  const other = await codeOf(refuseServed({ served, store }, 'other'))
  assert.match(other?.message ?? '', "Process 4711 holds the embedded TPM: it serves 'work'")
  lock?.release()
  assert.equal(await served.elsewhere(), [])
  assert.is(await codeOf(refuseServed({ served, store }, 'work')), undefined)
  await (await served.begin('work', 'x'))()
})

test('a process that only asks is not taken for one that shows the card, and keeps nobody from showing it', async () => {
  const { home, served } = shop()
  const end = await served.begin('work', 'x')
  const show = served.showing('work')
  assert.not(served.isShown('work'))
  show(true)
  assert.ok(served.isShown('work'))
  assert.equal(await served.shown(), ['work'])
  show(false)
  const asking = spawn('flock', ['-s', join(home.run, 'work.shown-lock'), 'sh', '-c', 'echo asking; read -r _'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(asking.stdout, 'data')
  assert.not(served.isShown('work'))
  show(true)
  asking.stdin.end()
  await once(asking, 'close')
  while (!served.isShown('work')) await delay(5)
  show(false)
  await end()
})

test('what is no mark means nothing', async () => {
  const { home, served } = shop()
  const wrong = ['', '{}', 'null', mark(0), mark(1.5), mark(2 ** 31), mark(1).replace('1,"pid"', '2,"pid"')]
  for (const text of [...wrong, mark(1).replace('{', '{"more":1,'), mark(1) + 'x'.repeat(5000), '{'.repeat(4000)]) {
    const lock = left(home, 'work', text)
    assert.equal(await served.elsewhere(), [], text.slice(0, 80))
    lock?.release()
  }
  const elsewhere = join(tempDir('elsewhere'), 'mark')
  writeFileSync(elsewhere, mark(1))
  symlinkSync(elsewhere, join(home.run, 'link.json'))
  writeFileSync(join(home.run, '.hidden.json'), mark(1))
  writeFileSync(join(home.run, 'a b.json'), mark(1))
  assert.equal(await served.elsewhere(), [])
})

test.run()
