// takes: 10 s
// `tessera serve`: a card of the embedded TPM in a reader, from its first to its last line.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openCard } from '../../src/index.ts'
import { secretFile, tessera } from '../cli/cli.ts'
import { seen } from '../pcsc/cards.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { tempDir } from '../support/temp.ts'
import { endServes, startServe } from './support/process.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'
const pin = secretFile(`${home}/pin`, '135790')
let pcscd: Pcscd

test.before(async () => {
  pcscd = await startPcscd()
  for (const name of ['work', 'spare']) assert.is((await tessera(['create', name, '--pin', pin])).code, 0)
})
test.after.each(endServes)
test.after(() => pcscd?.stop())

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`served until ${signal}: exit code 0, the card out of the reader, the TPM free`, async () => {
    const serve = await startServe(['serve', 'work', '--vpcd', `127.0.0.1:${pcscd.ports[0]}`])
    assert.is(await serve.line(), `Serving card 'work' at 127.0.0.1:${pcscd.ports[0]}.`)
    await seen(pcscd.readers[0], true)
    const card = await openCard({ reader: pcscd.readers[0] })
    await card.verifyPin('135790')
    await card.close()
    assert.is(await serve.stop(signal), 0, serve.stderr())
    await seen(pcscd.readers[0], false)
    assert.is((await tessera(['pin', 'verify', '--card', 'work', '--pin-file', pin])).code, 0)
  })
}

test('two cards in two readers, and JSON', async () => {
  const vpcd = `127.0.0.1:${pcscd.ports[0]}`
  const serve = await startServe(['serve', 'work', 'spare', '--vpcd', vpcd, '--json'])
  assert.equal(JSON.parse((await serve.line()) ?? ''), {
    serving: [
      { card: 'work', vpcd },
      { card: 'spare', vpcd: `127.0.0.1:${pcscd.ports[1]}` },
    ],
  })
  for (const reader of pcscd.readers) {
    await seen(reader, true)
    const card = await openCard({ reader })
    await card.verifyPin('135790')
    await card.close()
  }
  assert.is(await serve.stop('SIGTERM'), 0, serve.stderr())
  assert.is(serve.stderr(), '')
  for (const reader of pcscd.readers) await seen(reader, false)
})

test('the card in use by serve: another process is told where it is', async () => {
  const serve = await startServe(['serve', 'work', '--vpcd', `127.0.0.1:${pcscd.ports[0]}`, '--unlock-for', '1'])
  await serve.line()
  await seen(pcscd.readers[0], true)
  const mark = join(home, 'run', 'work.json')
  const { pid, way } = JSON.parse(readFileSync(mark, 'utf8'))
  assert.equal([pid, way], [serve.pid, `vpcd 127.0.0.1:${pcscd.ports[0]}`])
  assert.is(statSync(mark).mode & 0o777, 0o600)
  const began = performance.now()
  const { code, stderr } = await tessera(['pin', 'verify', '--card', 'work', '--pin-file', pin])
  assert.is(code, 9)
  assert.match(stderr, `by process ${serve.pid}`)
  assert.match(stderr, `--card 'reader:${pcscd.readers[0]}'`)
  assert.match(stderr, 'ERR_TPM_BUSY')
  assert.ok(performance.now() - began < 9000, 'it is not waited for ten seconds')
  const other = await tessera(['create', 'other'])
  assert.is(other.code, 9)
  assert.match(other.stderr, `Process ${serve.pid} holds the embedded TPM: it serves 'work'`)
  assert.is((await tessera(['info', 'work'])).code, 0)
  const doctor = await tessera(['doctor'])
  assert.is(doctor.code, 0, doctor.stdout)
  assert.match(doctor.stdout, `held by process ${serve.pid}, which serves card 'work'`)
  const there = await tessera(['pin', 'verify', '--card', `reader:${pcscd.readers[0]}`, '--pin-file', pin])
  assert.is(there.code, 0, there.stderr)
  assert.is(await serve.stop('SIGKILL'), null)
  assert.ok(existsSync(mark), 'left over')
  assert.is((await tessera(['pin', 'verify', '--card', 'work', '--pin-file', pin])).code, 0)
  const again = await startServe(['serve', 'work', '--vpcd', `127.0.0.1:${pcscd.ports[0]}`])
  await again.line()
  assert.is(await again.stop('SIGTERM'), 0)
  assert.not(existsSync(mark))
})

test('told to stop while nobody takes the card: at once', async () => {
  const serve = await startServe(['serve', 'work', '--vpcd', '127.0.0.1:1'])
  await serve.says('not in a reader')
  const told = performance.now()
  assert.is(await serve.stop('SIGTERM'), 0, serve.stderr())
  assert.ok(performance.now() - told < 30_000)
})

test('refused before anything is done', async () => {
  for (const [code, ...argv] of [
    [2, 'work', '--vpcd', '192.0.2.1:35963'],
    [2, 'work', '--vpcd', '127.0.0.1'],
    [2, 'work', 'work'],
    [3, 'nobody'],
  ] as const) {
    const { code: exit, stderr } = await tessera(['serve', ...argv])
    assert.is(exit, code, stderr)
  }
})

test.run()
