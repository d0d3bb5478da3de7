// takes: 3 s
// PolicyTicket that is done ahead of a session's next use: once for each use, and for nothing but PolicyTicket.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NativeCommand, NativeTpm } from '../../src/native.ts'
import { create, eccKey, OBJECT, RH, signDigest } from '../support/templates.ts'
import { concat, tpm2b, u32 } from '../support/wire.ts'
import { readCreated } from './support/pair.ts'
import { asCommand, by, call, failureOf, kindOf, pw, random, salted, startRig, storageKey } from './support/rig.ts'

/** A ticket for PolicySecret of the owner hierarchy, whose password is empty: the parameters of its PolicyTicket. */
async function ownerTicket(tpm: NativeTpm, session: number, seconds: number): Promise<Uint8Array> {
  const nonce = tpm.nonceTpm(session)
  const params = concat(tpm2b(nonce), tpm2b(), tpm2b(), u32(-seconds >>> 0))
  const answer = await call(tpm, 'PolicySecret', { handles: [RH.owner, session], auths: [pw()], params })
  const timeout = answer.tpm2b()
  await tpm.run([asCommand('PolicyRestart', { handles: [session] })])
  return concat(tpm2b(timeout), tpm2b(), tpm2b(), tpm2b(u32(RH.owner)), answer.rest())
}

async function digestOf(tpm: NativeTpm, session: number): Promise<string> {
  const answer = await call(tpm, 'PolicyGetDigest', { handles: [session] })
  return Buffer.from(answer.tpm2b()).toString('hex')
}

const ahead = (session: number, ticket: number): NativeCommand => ({
  ...asCommand('PolicyTicket', { handles: [session] }),
  ticket,
})
const NOTHING = '00'.repeat(32)

/** A key that only the ticket's policy uses, a session for it, and a use. */
async function ready() {
  const rig = await startRig()
  const { tpm, proxy } = rig
  const parent = await storageKey(tpm)
  const { handle } = await salted(tpm, parent, true)
  const octets = await ownerTicket(tpm, handle, 900)
  await tpm.run([asCommand('PolicyTicket', { handles: [handle], params: octets })])
  const policy = (await call(tpm, 'PolicyGetDigest', { handles: [handle] })).tpm2b()
  await tpm.run([asCommand('PolicyRestart', { handles: [handle] })])
  const attributes = OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.noDa | OBJECT.sign
  const under = { handles: [parent.handle], names: [parent.name], auths: [pw()] }
  const made = readCreated(await call(tpm, 'Create', { ...under, params: create(eccKey({ attributes, policy })) }))
  const loaded = await call(tpm, 'Load', { ...under, params: made.blob })
  const key = { handles: [loaded.u32()], names: [loaded.tpm2b()] }
  const use = asCommand('Sign', { ...key, auths: [by(handle)], params: signDigest(new Uint8Array(32)) })
  const settle = () => tpm.run([])
  const ticket = tpm.keepTicket(octets)
  proxy.clear()
  return { ...rig, handle, octets, ticket, use, settle }
}

test('once for each use: sent the first time, skipped where it stands, sent again after a use', async () => {
  const { tpm, proxy, handle, ticket, use, settle, stop } = await ready()
  await tpm.run([ahead(handle, ticket)])
  await tpm.run([ahead(handle, ticket), use])
  await settle()
  assert.equal(proxy.names(), ['PolicyTicket', 'Sign', 'PolicyTicket'])
  proxy.clear()
  for (let i = 0; i < 3; i += 1) {
    const results = await tpm.run([ahead(handle, ticket), use])
    assert.equal([results.length, results[0]?.length], [2, 0])
    await settle()
  }
  assert.equal(proxy.names(), ['Sign', 'PolicyTicket', 'Sign', 'PolicyTicket', 'Sign', 'PolicyTicket'])
  assert.is.not(await digestOf(tpm, handle), NOTHING, 'and stands')
  await stop()
})

test('whatever else is done in the session ends it', async () => {
  const { tpm, proxy, handle, ticket, use, settle, stop } = await ready()
  await tpm.run([ahead(handle, ticket)])
  const fulfilled = await digestOf(tpm, handle)
  proxy.clear()
  await tpm.run([asCommand('PolicyRestart', { handles: [handle] })])
  await settle()
  await tpm.run([ahead(handle, ticket)])
  assert.equal(proxy.names(), ['PolicyRestart', 'PolicyTicket'], 'left to the next use')
  assert.is(await digestOf(tpm, handle), fulfilled)
  await tpm.run([asCommand('PolicyRestart', { handles: [handle] })])
  await tpm.run([ahead(handle, ticket), use])
  await settle()
  proxy.clear()
  await tpm.run([asCommand('FlushContext', { handles: [handle] })])
  await settle()
  assert.equal(proxy.names(), ['FlushContext'], 'a session that is gone needs nothing')
  await stop()
})

test('another ticket is another thing', async () => {
  const { tpm, proxy, handle, ticket, use, settle, stop } = await ready()
  // Of another session, so that nothing but the ticket tells them apart.
  const { handle: elsewhere } = await tpm.startSession({ policy: true })
  const other = tpm.keepTicket(await ownerTicket(tpm, elsewhere, 600))
  await tpm.run([ahead(handle, ticket)])
  await tpm.run([ahead(handle, ticket), use])
  await settle()
  proxy.clear()
  await tpm.run([ahead(handle, other)])
  assert.equal(proxy.names(), ['PolicyTicket'])
  await stop()
})

test('used in the same trip: what was done before the use is not taken for what comes before the next', async () => {
  const { tpm, proxy, handle, ticket, use, settle, stop } = await ready()
  await tpm.run([ahead(handle, ticket), use, ahead(handle, ticket), use])
  await settle()
  assert.equal(proxy.names(), ['PolicyTicket', 'Sign', 'PolicyTicket', 'Sign', 'PolicyTicket'])
  await stop()
})

test('what the TPM refuses ahead of its time is heard of in its time, and not tried again before', async () => {
  const { tpm, proxy, handle, octets, ticket, use, settle, stop } = await ready()
  await tpm.run([ahead(handle, ticket)])
  const spoilt = (octets: Uint8Array) => octets.map((octet, at) => (at === octets.length - 1 ? octet ^ 1 : octet))
  const bad = tpm.keepTicket(spoilt(octets))
  proxy.hooks.onCommand = ({ name, command }) => (name === 'PolicyTicket' ? spoilt(command) : undefined)
  await tpm.run([use])
  await settle()
  proxy.hooks = {}
  proxy.clear()
  await tpm.run([random(4)])
  await settle()
  assert.equal(proxy.names(), ['GetRandom'])
  assert.is((await failureOf(tpm.run([ahead(handle, bad), use]))).rc, 0x5e0)
  await settle()
  assert.equal(proxy.names(), ['GetRandom', 'PolicyTicket'])
  await tpm.run([ahead(handle, ticket), use])
  await stop()
})

test('a ticket that was dropped is done no more, though its session is used', async () => {
  const { tpm, proxy, handle, ticket, use, settle, stop } = await ready()
  await tpm.run([ahead(handle, ticket), use])
  await settle()
  proxy.clear()
  tpm.dropTicket(ticket)
  await tpm.run([use])
  await settle()
  assert.equal(proxy.names(), ['Sign'])
  await stop()
})

test('a use that fails is not prepared for again', async () => {
  const { tpm, proxy, handle, ticket, use, settle, stop } = await ready()
  await tpm.run([ahead(handle, ticket)])
  proxy.clear()
  await failureOf(tpm.run([ahead(handle, ticket), { ...use, names: [new Uint8Array(34)] }]))
  // Nor after the next command that is done.
  for (let i = 0; i < 2; i += 1) await settle()
  assert.equal(proxy.names(), ['Sign'])
  await stop()
})

test('nothing but PolicyTicket, and only in a session of this connection', async () => {
  const { tpm, proxy, handle, ticket, stop } = await ready()
  const kinds = [
    { ...random(8), ticket },
    { ...asCommand('PolicyRestart', { handles: [handle] }), ticket },
    { ...asCommand('FlushContext', { handles: [handle] }), ticket },
  ]
  for (const one of kinds) assert.is(await kindOf(tpm.run([one])), 'sapi/usage')
  assert.is(proxy.total(), 0)
  await stop()
})

test('a connection that is lost while nobody waits is heard of by the next call', async () => {
  const { tpm, proxy, handle, ticket, use, stop } = await ready()
  await tpm.run([ahead(handle, ticket)])
  proxy.hooks.onCommand = ({ name }) => (name === 'PolicyTicket' ? 'drop' : undefined)
  await tpm.run([use])
  assert.is(await kindOf(tpm.run([random(8)])), 'tcti/gone')
  await stop()
})

test('and one whose answer is none: nobody knows what it says by then', async () => {
  const { tpm, proxy, handle, ticket, use, stop } = await ready()
  await tpm.run([ahead(handle, ticket)])
  // An answer as long as it says, with an octet more than that of a PolicyTicket has.
  const longer = Uint8Array.of(0x80, 0x01, 0, 0, 0, 11, 0, 0, 0, 0, 0)
  proxy.hooks.onAnswer = ({ name }) => (name === 'PolicyTicket' ? longer : undefined)
  await tpm.run([use])
  assert.is(await kindOf(tpm.run([random(8)])), 'tcti/answer')
  await stop()
})

test.run()
