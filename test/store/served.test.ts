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
import { gate, tempDir, within } from '../support/temp.ts'
import { sampleCard } from './support/cards.ts'

const lockFile = (path: string) => native().lockFile(path)

function shop(lock = lockFile) {
  const home = new Home(tempDir('served'))
  return { home, served: new ServedCards({ home, lockFile: lock }), store: new CardStore({ home, lockFile }) }
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
  let looks = 0
  const many = gate()
  const { home, served } = shop((path) => {
    if (path.endsWith('.shown-lock')) looks += 1
    if (looks === 8) many.open()
    return lockFile(path)
  })
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
  try {
    await once(asking.stdout, 'data')
    assert.not(served.isShown('work'))
    looks = 0
    show(true)
    // It looks again for as long as it takes.
    await within(many.promise, 120_000, 'it gives up')
  } finally {
    asking.stdin.end()
    await once(asking, 'close')
  }
  const shown = async () => {
    while (!served.isShown('work')) await delay(5)
  }
  await within(shown(), 120_000, 'it is not shown')
  show(false)
  assert.not(served.isShown('work'))
  await end()
})

test('a card that is taken out is not shown any more, also where it never was', async () => {
  let looks = 0
  const { home, served } = shop((path) => {
    looks += 1
    return lockFile(path)
  })
  mkdirSync(home.run, { recursive: true })
  const other = lockFile(join(home.run, 'work.shown-lock'))
  const show = served.showing('work')
  show(true)
  show(false)
  other?.release()
  const [before] = [looks]
  await delay(100)
  assert.equal([looks, served.isShown('work')], [before, false])
})

test('a reader is named only while the card is in it: from before it is looked for until after', async () => {
  const { home, served, store } = shop()
  await store.create(sampleCard('work'))
  const lock = left(home, 'work', mark(4711))
  const show = served.showing('work')
  for (const [before, meanwhile, named] of [
    [true, true, "--card 'reader:There'"],
    [false, true, '--card reader:TEXT'],
    [true, false, '--card reader:TEXT'],
    [false, false, '--card reader:TEXT'],
  ] as const) {
    show(before)
    const look = async () => {
      show(meanwhile)
      return 'There'
    }
    const refused = await codeOf(refuseServed({ served, store }, 'work', look))
    assert.match(refused?.message ?? '', named, `${before}, then ${meanwhile}`)
    show(false)
  }
  lock?.release()
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
