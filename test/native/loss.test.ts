// takes: 6 s
// TPMs that go away, come back, are not there, or belong to somebody else for now: src/tpm/devices.ts over the native layer.

import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError, type ErrorCode, TpmError } from '../../src/errors.ts'
import { TpmDevice } from '../../src/tpm/devices.ts'
import { startProxy } from '../support/proxy.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir, within } from '../support/temp.ts'
import { asCommand, kindOf, leftovers, pw, random, SLOW_KEY, storageKey } from './support/rig.ts'

const deviceOf = (tcti: string, waitMs = 10_000) =>
  new TpmDevice({ tcti, stateFile: join(tempDir('state'), 'state'), createState: true, waitMs })

/** The error of `work`, which must have this code. */
function fails(code: ErrorCode, work: Promise<unknown>): Promise<CardError> {
  return within(work, 120_000, code).then(
    (value) => {
      throw new Error(`no ${code}, but ${value}`)
    },
    (error: unknown) => {
      if (!(error instanceof CardError)) throw error
      assert.is(error.code, code, error.message)
      return error
    },
  )
}

const octets = async (device: TpmDevice): Promise<number> => (await device.run(random(8)))[0]?.length ?? 0

test('a swtpm killed in the middle of a command, gone, and back', async () => {
  const swtpm = await startSwtpm()
  const device = deviceOf(swtpm.tcti)
  const key = await storageKey(await device.connect())
  const before = device.generation
  const make = { handles: [key.handle], auths: [pw()], params: SLOW_KEY }
  const gone = fails('ERR_TPM_GONE', device.run(asCommand('Create', make)))
  const others = [octets(device), octets(device)].map((other) => fails('ERR_TPM_GONE', other))
  while ((await device.counters()).Create === undefined) await new Promise(setImmediate)
  await swtpm.kill()
  const error = await gone
  assert.ok(error instanceof TpmError && error.command === 'Create')
  assert.match(error.message, /ended.*Whether the last command ran is not known/)
  await Promise.all(others)
  assert.ok(device.generation > before)
  const absent = await fails('ERR_TPM_ABSENT', octets(device))
  assert.match(absent.message, /does not listen/)
  await swtpm.restart()
  assert.is(await octets(device), 10)
  await storageKey(await device.connect())
  await device.close()
  await swtpm.stop()
})

test('restarted between two commands', async () => {
  const swtpm = await startSwtpm({ tcp: true })
  const device = deviceOf(swtpm.tcti)
  await octets(device)
  await swtpm.restart()
  await fails('ERR_TPM_GONE', octets(device))
  assert.is(await octets(device), 10)
  await device.close()
  await swtpm.stop()
})

test('the connection lost before and after the TPM did it: many callers, one new connection, nothing left', async () => {
  const swtpm = await startSwtpm()
  const proxy = await startProxy(swtpm.path)
  const device = deviceOf(proxy.tcti)
  for (const when of ['onCommand', 'onAnswer'] as const) {
    const key = await storageKey(await device.connect())
    await device.startSession('policy', undefined)
    let clients = 0
    proxy.hooks = {
      [when]: ({ name }: { name: string }) => (name === 'StartAuthSession' ? ('drop' as const) : undefined),
    }
    const srk = { handle: key.handle, name: key.name, area: key.area }
    const lost = [device.startSession('hmac', srk), octets(device), device.run(random(9)), octets(device)]
    await Promise.all(lost.map((one) => fails('ERR_TPM_GONE', one)))
    proxy.hooks = {
      onCommand: ({ name }) => {
        if (name === 'Startup') clients += 1
        return undefined
      },
    }
    assert.equal(await Promise.all([octets(device), octets(device), octets(device)]), [10, 10, 10])
    assert.is(clients, 1)
    assert.equal(await leftovers(proxy), [], when)
  }
  await device.close()
  await proxy.stop()
  await swtpm.stop()
})

test('a swtpm that another client holds: a bounded wait, and words; it is taken when it comes free', async () => {
  for (const tcp of [false, true]) {
    const swtpm = await startSwtpm({ tcp })
    const holder = connect(tcp ? { port: swtpm.port } : { path: swtpm.path })
    await once(holder, 'connect')
    const started = performance.now()
    const busy = await fails('ERR_TPM_BUSY', octets(deviceOf(swtpm.tcti, 300)))
    assert.ok(performance.now() - started < 9000, 'not the ten seconds of others')
    assert.match(busy.message, /another program holds it\. Close that program, or try again later/)
    const waiting = deviceOf(swtpm.tcti)
    const first = octets(waiting)
    holder.destroy()
    assert.is(await first, 10)
    await waiting.close()
    await swtpm.stop()
  }
})

test('somebody who listens and is no TPM', async () => {
  const says: Record<string, [string, ErrorCode]> = {
    nothing: ['', 'ERR_TPM_GONE'],
    words: ['HTTP/1.1 400 Bad Request\r\n\r\n', 'ERR_TPM_ANSWER'],
    'what it heard': ['echo', 'ERR_TPM_ANSWER'],
  }
  for (const [what, [text, code]] of Object.entries(says)) {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', (heard) => socket.end(text === 'echo' ? Buffer.concat([heard, heard]) : text))
    })
    const path = join(tempDir('other'), 'sock')
    await new Promise<void>((resolve) => server.listen(path, resolve))
    const device = deviceOf(`swtpm:path=${path}`, 2000)
    await fails(code, octets(device)).catch((error) => {
      throw new Error(`${what}: ${error.message}`)
    })
    server.close()
  }
})

test('a TPM 1.2 is told apart', async () => {
  const swtpm = await startSwtpm()
  const old = Uint8Array.of(0, 0xc4, 0, 0, 0, 10, 0, 0, 0, 0x1e)
  const proxy = await startProxy(swtpm.path, { onAnswer: () => old })
  assert.match((await fails('ERR_TPM_ANSWER', octets(deviceOf(proxy.tcti)))).message, /^This is a TPM 1\.2/)
  await proxy.stop()
  await swtpm.stop()
})

test('addresses where nobody is, and addresses that are none', async () => {
  const nowhere: Record<string, ErrorCode> = {
    'swtpm:path=/nowhere/sock': 'ERR_TPM_ABSENT',
    'swtpm:host=127.0.0.1,port=1': 'ERR_TPM_ABSENT',
    'swtpm:host=host.invalid,port=2321': 'ERR_TPM_ABSENT',
    'device:/nowhere/tpm0': 'ERR_TPM_ABSENT',
    'device:/etc/hostname': 'ERR_TCTI',
    'device:': 'ERR_TCTI',
    'swtpm:port=0': 'ERR_TCTI',
    'swtpm:port=65536': 'ERR_TCTI',
    'swtpm:path=/a,path=/b': 'ERR_TCTI',
    'swtpm:speed=9': 'ERR_TCTI',
    [`swtpm:path=/${'x'.repeat(200)}`]: 'ERR_TCTI',
    'embedded:here': 'ERR_TCTI',
    'unheard:of': 'ERR_TCTI',
    '': 'ERR_TCTI',
  }
  for (const [tcti, code] of Object.entries(nowhere)) {
    const device = deviceOf(tcti, 1000)
    await fails(code, octets(device))
    await fails(code, octets(device)) // and nothing else the second time
    await device.close()
  }
})

test('a connection that was given up does not take the next one with it', async () => {
  const swtpm = await startSwtpm()
  const device = deviceOf(swtpm.tcti)
  const old = await device.connect()
  await swtpm.restart()
  await fails('ERR_TPM_GONE', octets(device))
  const now = await device.connect()
  assert.is.not(old, now)
  assert.is(await kindOf(old.run([random(8)])), 'closed/')
  assert.is(await octets(device), 10)
  assert.is(await device.connect(), now)
  await device.close()
  await swtpm.stop()
})

test.run()
