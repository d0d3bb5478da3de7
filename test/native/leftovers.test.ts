// takes: 8 s
// Slots of the TPM: nothing of ours stays in them after a call that failed or a process that was killed, and where others
// have taken them we do with fewer or say so.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TpmError } from '../../src/errors.ts'
import { bySession, command as commandOf, NO_PASSWORD } from '../../src/tpm/command.ts'
import { TpmDevice } from '../../src/tpm/devices.ts'
import type { KeyBlob } from '../../src/tpm/loaded-keys.ts'
import type { Srk } from '../../src/tpm/srk.ts'
import { CC } from '../support/codes.ts'
import { type Hooks, startProxy, type TpmProxy } from '../support/proxy.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { gate } from '../support/temp.ts'
import { create, eccKey, eccStorage, RH, sealed, signDigest } from '../support/templates.ts'
import { answerCode, answerOutput, ascii, command, passwordArea, Reader, u16, u32 } from '../support/wire.ts'
import { childProcess } from './support/elsewhere.ts'
import { leftovers, random } from './support/rig.ts'

const digest = signDigest(new Uint8Array(32).fill(9))

interface Bench {
  readonly proxy: TpmProxy
  readonly device: TpmDevice
  readonly srk: Srk
  key(): Promise<KeyBlob>
  stop(): Promise<void>
}

async function startBench(): Promise<Bench> {
  const swtpm = await startSwtpm()
  const proxy = await startProxy(swtpm.path)
  const device = new TpmDevice({ tcti: proxy.tcti, stateFile: '', createState: false })
  const srk = await device.srk({ make: { ownerPassword: new Uint8Array(0) } })
  return {
    proxy,
    device,
    srk,
    async key() {
      const made = await device.call(commandOf(CC.Create, [srk], [NO_PASSWORD], create(eccKey())))
      const reader = new Reader(made.rest())
      return { private: reader.tpm2bWhole(), public: reader.tpm2bWhole() }
    },
    async stop() {
      await device.close()
      assert.equal(await leftovers(proxy), [])
      await proxy.stop()
      await swtpm.stop()
    },
  }
}

const sign = async ({ device, srk }: Bench, blob: KeyBlob): Promise<void> => {
  const key = await device.keys.get(blob, srk)
  await device.run(commandOf(CC.Sign, [key], [NO_PASSWORD], digest))
}

/** An object of somebody else's, put there past us; its handle. */
async function foreignObject(proxy: TpmProxy): Promise<number> {
  const made = await proxy.transmit(command(CC.CreatePrimary, [RH.owner], create(eccStorage()), [passwordArea()]))
  assert.is(answerCode(made), 0)
  return new Reader(answerOutput(CC.CreatePrimary, made)).u32()
}

/** What a card does, in short: a session, a key, a secret in and out; everything flushed as src/tpm does it. */
async function oneCall(bench: Bench, blob: KeyBlob): Promise<void> {
  const { device, srk } = bench
  await device.withSession('hmac', srk, async (session) => {
    const auth = { ...bySession(session.handle), attributes: 0x21 }
    await device.run(commandOf(CC.Create, [srk], [auth], create(sealed(), ascii('a'), ascii('b'))))
    await device.withSession('policy', srk, (policy) =>
      device.run(commandOf(CC.PolicyCommandCode, [policy.handle], [], u32(CC.Sign))),
    )
    const key = await device.keys.get(blob, srk)
    await device.run(commandOf(CC.Sign, [key], [bySession(session.handle)], digest))
    await device.keys.evict(blob)
  })
}

test('a call that ends well leaves nothing; one cut off at any of its commands leaves nothing after the next', async () => {
  const bench = await startBench()
  const { proxy } = bench
  const blob = await bench.key()
  proxy.clear()
  await oneCall(bench, blob)
  const commands = proxy.total()
  assert.equal(await leftovers(proxy), [])
  assert.ok(commands >= 8, proxy.names().join(' '))
  for (let at = 1; at <= commands; at += 1) {
    for (const when of ['onCommand', 'onAnswer'] as const) {
      proxy.clear()
      proxy.hooks = { [when]: ({ index }: { index: number }) => (index === at ? 'drop' : undefined) } as Hooks
      await oneCall(bench, blob).catch((error) => assert.instance(error, TpmError))
      proxy.hooks = {}
      await oneCall(bench, blob)
      assert.equal(await leftovers(proxy), [], `${when} ${at}`)
    }
  }
  await bench.stop()
})

test('a call refused by the TPM at any of its commands leaves nothing', async () => {
  const bench = await startBench()
  const { proxy } = bench
  const blob = await bench.key()
  proxy.clear()
  await oneCall(bench, blob)
  const commands = proxy.total()
  for (let at = 1; at <= commands; at += 1) {
    proxy.clear()
    // the TPM itself refuses: a command with its last octet cut off
    proxy.hooks.onCommand = ({ index, command: sent }) => {
      if (index !== at) return undefined
      const cut = sent.slice(0, -1)
      cut.set(u32(cut.length), 2)
      return cut
    }
    await oneCall(bench, blob).catch((error) => assert.instance(error, TpmError))
    proxy.hooks = {}
    await bench.device.keys.evict(blob)
    const left = await leftovers(proxy)
    // what could not be flushed since FlushContext itself was refused goes with the next connection
    if (left.length > 0) await bench.device.close()
    await oneCall(bench, blob)
    assert.equal(await leftovers(proxy), [], `${at}: ${left.join(' ')}`)
  }
  await bench.stop()
})

test('a process killed at any moment leaves nothing after the next connection', async () => {
  const bench = await startBench()
  const { proxy, device } = bench
  await device.close()
  for (const at of ['Startup', 'CreatePrimary', 'StartAuthSession', 'GetRandom', 'FlushContext']) {
    const reached = gate()
    proxy.hooks.onAnswer = ({ name }) => {
      if (name !== at) return undefined
      reached.open()
      return new Promise(() => {}) // the TPM has done it, and nobody is told
    }
    const template = Buffer.from(create(eccStorage())).toString('hex')
    const { child, ended } = childProcess(
      `const tpm = await open(given.tcti)
       const pw = { session: 0x40000009, attributes: 1 }
       await tpm.run([command('CreatePrimary', new Uint8Array(Buffer.from(given.template, 'hex')), [0x40000001], [pw])])
       await tpm.startSession({ policy: true })
       await tpm.run([random])
       await tpm.close()`,
      { tcti: proxy.tcti, template },
    )
    await reached.promise
    child.kill('SIGKILL')
    assert.is((await ended).signal, 'SIGKILL')
    proxy.hooks = {}
    proxy.disconnect()
    assert.is((await device.run(random(8)))[0]?.length, 10)
    assert.equal(await leftovers(proxy), [], at)
    await device.close()
  }
  await bench.stop()
})

test('24 keys round robin: never more than two are loaded', async () => {
  const bench = await startBench()
  const blobs = await Promise.all(Array.from({ length: 24 }, () => bench.key()))
  for (let round = 0; round < 2; round += 1) {
    for (const blob of blobs) {
      await sign(bench, blob)
      assert.ok((await leftovers(bench.proxy)).length <= 2)
    }
  }
  // the two last used are still there: no Load
  bench.proxy.clear()
  for (const blob of blobs.slice(-2)) await sign(bench, blob)
  assert.equal(bench.proxy.counts(), { Sign: 2 })
  await bench.stop()
})

test('with one slot taken by others: our own keys give way to each other', async () => {
  const bench = await startBench()
  const blobs = await Promise.all([bench.key(), bench.key(), bench.key()])
  const foreign = await foreignObject(bench.proxy)
  for (let round = 0; round < 2; round += 1) {
    for (const blob of blobs) await sign(bench, blob)
  }
  assert.ok((await leftovers(bench.proxy)).includes(foreign.toString(16)), 'what is not ours was not touched')
  await bench.proxy.transmit(command(CC.FlushContext, [], u32(foreign)))
  await bench.stop()
})

test('with all slots taken by others: which ones, in words; and it works when they are free', async () => {
  const bench = await startBench()
  const blob = await bench.key()
  await sign(bench, blob)
  await bench.device.keys.evict(blob)
  const foreign = [await foreignObject(bench.proxy), await foreignObject(bench.proxy), await foreignObject(bench.proxy)]
  const error = await sign(bench, blob).catch((thrown: unknown) => thrown)
  assert.instance(error, TpmError)
  if (!(error instanceof TpmError)) return
  assert.is(error.code, 'ERR_TPM_MEMORY')
  for (const handle of foreign) assert.ok(error.message.includes(`0x${handle.toString(16)}`), error.message)
  for (const handle of foreign) await bench.proxy.transmit(command(CC.FlushContext, [], u32(handle)))
  await sign(bench, blob)
  assert.is((await bench.device.run(random(8)))[0]?.length, u16(8).length + 8)
  await bench.stop()
})

test.run()
