// takes: 4 s
// Connections of one process to one TPM: each finds its sessions and objects as it left them, though the TPM has room for
// those of one only.
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NativeTpm } from '../../src/native.ts'
import { startProxy } from '../support/proxy.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { gate, tempDir, within } from '../support/temp.ts'
import { create, RH, sealed } from '../support/templates.ts'
import { ascii, concat, u32 } from '../support/wire.ts'
import { said, thread } from './support/elsewhere.ts'
import { by, call, failureOf, leftovers, openTpm, pw, random, salted, startRig, storageKey } from './support/rig.ts'

const CC = { Unseal: 0x15e }
const PASSWORD = ascii('an authValue')
const ROOM = 3

interface Box {
  readonly handle: number
  readonly name: Uint8Array
  readonly data: Uint8Array
}

/** A sealed object, loaded. */
async function box(tpm: NativeTpm, text: string): Promise<Box> {
  const data = ascii(text)
  const options = { handles: [RH.owner], auths: [pw()], params: create(sealed(), PASSWORD, data) }
  const made = await call(tpm, 'CreatePrimary', options)
  const handle = made.u32()
  for (const skip of ['public', 'creation data', 'its hash']) assert.ok(made.tpm2b(), skip)
  made.take(6)
  made.tpm2b()
  return { handle, name: made.tpm2b(), data }
}

async function opens(tpm: NativeTpm, session: number, { handle, name, data }: Box): Promise<void> {
  const auths = [by(session, 0x41, PASSWORD)]
  assert.equal((await call(tpm, 'Unseal', { handles: [handle], names: [name], auths })).tpm2b(), data)
}

/** A connection with two objects, a session that encrypts, and a policy session that has seen a command code. */
async function tenant(tpm: NativeTpm, text: string) {
  const key = await storageKey(tpm)
  const { handle: session } = await salted(tpm, key)
  const { handle: policy } = await salted(tpm, key, true)
  await call(tpm, 'FlushContext', { handles: [key.handle] })
  const boxes = [await box(tpm, `${text} 1`), await box(tpm, `${text} 2`)]
  await call(tpm, 'PolicyCommandCode', { handles: [policy], params: u32(CC.Unseal) })
  const digest = async () => (await call(tpm, 'PolicyGetDigest', { handles: [policy] })).tpm2b()
  const before = await digest()
  return {
    tpm,
    policy,
    session,
    boxes,
    async isAsLeft() {
      for (const one of boxes) await opens(tpm, session, one)
      assert.equal(await digest(), before)
    },
  }
}

for (const kind of ['swtpm', 'embedded'] as const) {
  test(`${kind}: six connections with four things each`, async () => {
    const swtpm = kind === 'swtpm' ? await startSwtpm() : undefined
    const state = { stateFile: join(tempDir('state'), 'state') }
    const open = () => openTpm(swtpm?.tcti ?? 'embedded:', state)
    const all = []
    for (let at = 0; at < 6; at += 1) all.push(await tenant(await open(), `tenant ${at}`))
    for (let round = 0; round < ROOM; round += 1) for (const one of all) await one.isAsLeft()
    await Promise.all(all.map((one) => one.isAsLeft()))
    // Handles are free again for others, and each knows only its own.
    for (const { tpm, boxes } of all) await call(tpm, 'FlushContext', { handles: [boxes[0]?.handle ?? 0] })
    for (const { tpm, session, boxes } of all) {
      const [gone, kept] = boxes
      if (gone === undefined || kept === undefined) throw new Error('two')
      const again = await box(tpm, 'again')
      await opens(tpm, session, again)
      await opens(tpm, session, kept)
    }
    for (const { tpm } of all.slice(0, 3)) await tpm.close()
    for (const { tpm, session, boxes } of all.slice(3)) {
      const [, kept] = boxes
      if (kept !== undefined) await opens(tpm, session, kept)
    }
    for (const { tpm } of all.slice(3)) await tpm.close()
    await swtpm?.stop()
  })
}

test('a connection that is alone sends nothing for it', async () => {
  const { tpm, proxy, stop } = await startRig()
  const own = await tenant(tpm, 'alone')
  const other = await openTpm(proxy.tcti)
  await other.close()
  proxy.clear()
  await own.isAsLeft()
  assert.equal(proxy.counts(), { Unseal: 2, PolicyGetDigest: 1 })
  await stop()
})

test('nothing is left of a connection that ends, whoever is in the TPM then', async () => {
  const { tpm, proxy, stop } = await startRig()
  const own = await tenant(tpm, 'stays')
  const here = (await leftovers(proxy)).length
  for (const inside of [true, false]) {
    const other = await tenant(await openTpm(proxy.tcti), 'goes')
    if (!inside) await own.isAsLeft()
    await other.tpm.close()
    await own.isAsLeft()
    assert.is((await leftovers(proxy)).length, here)
    const saved = concat(u32(1), u32(0x03000000), u32(64))
    assert.equal((await call(tpm, 'GetCapability', { params: saved })).rest().slice(5), u32(0), 'no session is saved')
  }
  await stop()
})

test('a saved session is saved anew before a TPM would find it too old (TPM_PT_CONTEXT_GAP_MAX, at least 255)', async () => {
  const { tpm: idle, proxy, stop } = await startRig()
  const [one, other] = [await openTpm(proxy.tcti), await openTpm(proxy.tcti)]
  const lies = await tenant(idle, 'lies')
  for (const tpm of [one, other]) await tpm.startSession({ policy: true })
  const saved: number[] = []
  for (let change = 0; change < 150; change += 1) {
    proxy.clear()
    await one.run([random(8)])
    await other.run([random(8)])
    saved.push(proxy.counts().ContextSave ?? 0)
  }
  // One session each time, and now and then the two that lie.
  assert.equal([...new Set(saved)].sort(), [2, 4])
  assert.ok(saved.lastIndexOf(4) > 100)
  await lies.isAsLeft()
  for (const tpm of [one, other]) await tpm.close()
  await stop()
})

for (const command of ['ContextSave', 'ContextLoad']) {
  test(`what the TPM refuses at ${command} is lost, and nothing else`, async () => {
    const { tpm, proxy, stop } = await startRig()
    const own = await tenant(tpm, 'own')
    const other = await openTpm(proxy.tcti)
    proxy.hooks.onCommand = ({ name, command: sent }) => {
      if (name !== command) return undefined
      const cut = sent.slice(0, -1)
      cut.set(u32(cut.length), 2)
      return cut
    }
    await other.run([random(8)])
    await tpm.run([random(8)])
    proxy.hooks = {}
    const [first] = own.boxes
    if (first === undefined) throw new Error('two')
    const lost = { handles: [first.handle], names: [first.name], auths: [pw(PASSWORD)] }
    assert.is((await failureOf(call(tpm, 'Unseal', lost))).rc, 0x910)
    assert.is((await failureOf(call(tpm, 'PolicyGetDigest', { handles: [own.policy] }))).rc, 0x910)
    const second = await tenant(other, 'of another connection')
    const fresh = await box(tpm, 'fresh')
    const byLost = { handles: [fresh.handle], names: [fresh.name], auths: [by(own.session, 1, PASSWORD)] }
    assert.is((await failureOf(call(tpm, 'Unseal', byLost))).rc, 0x918)
    await call(tpm, 'Unseal', { ...byLost, auths: [pw(PASSWORD)] })
    await second.isAsLeft()
    await other.close()
    await stop()
  })
}

test('a thread that is ended while the TPM works for it: the others go on, and what it made is flushed', async () => {
  const { tpm, proxy, stop } = await startRig()
  const own = await tenant(tpm, 'own')
  for (const name of ['StartAuthSession', 'GetRandom', 'ContextSave', 'ContextLoad']) {
    const body = `
      const tpm = await open(given.tcti)
      await tpm.startSession({ policy: true })
      say('open')
      parentPort.once('message', async () => { await tpm.run([random]); await tpm.startSession({ policy: true }) })`
    const other = thread(body, { tcti: proxy.tcti })
    assert.is(await said(other), 'open')
    await own.isAsLeft()
    const [reached, released] = [gate(), gate()]
    proxy.hooks.onAnswer = async (exchange) => {
      if (exchange.name !== name) return undefined
      reached.open()
      await released.promise
      return undefined
    }
    other.postMessage('go')
    await reached.promise
    await within(other.terminate(), 120_000, 'the thread does not stop')
    proxy.hooks = {}
    // Where its thread stopped while it made room, what was under way is lost, and said to be.
    const waits = name === 'ContextSave' ? tpm.run([random(8)]) : own.isAsLeft()
    released.open()
    await waits
    if (name === 'ContextSave') break
    assert.is((await leftovers(proxy)).length, 4, name)
  }
  await stop()
})

test('the wait for other threads is bounded, and says whom it waited for', async () => {
  const swtpm = await startSwtpm()
  const proxy = await startProxy(swtpm.path)
  const tpm = await openTpm(proxy.tcti)
  const [reached, released] = [gate(), gate()]
  proxy.hooks.onAnswer = async () => {
    reached.open()
    await released.promise
    return undefined
  }
  const working = tpm.run([random(8)])
  await reached.promise
  const busy = await failureOf(openTpm(proxy.tcti, { waitMs: 200 }))
  assert.equal([busy.layer, busy.reason], ['tcti', 'busy'])
  assert.match(busy.message, /Other threads of this program use the TPM/)
  const later = openTpm(proxy.tcti, { waitMs: 120_000 })
  proxy.hooks = {}
  released.open()
  assert.is((await working).length, 1)
  await (await later).close()
  await tpm.close()
  await proxy.stop()
  await swtpm.stop()
})

test('a connection that is lost is lost for all, and all connect anew', async () => {
  const { tpm, proxy, stop } = await startRig()
  const other = await openTpm(proxy.tcti)
  await other.run([random(8)])
  proxy.disconnect()
  for (const one of [tpm, other]) assert.is((await failureOf(one.run([random(8)]))).reason, 'gone')
  const [first, second] = [await openTpm(proxy.tcti), await openTpm(proxy.tcti)]
  const tenants = [await tenant(first, 'first'), await tenant(second, 'second')]
  for (const one of tenants) await one.isAsLeft()
  for (const one of [first, second, other]) await one.close()
  await stop()
})

test.run()
