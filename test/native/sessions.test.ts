// takes: 2 s
// Sessions of our own, against the TPM itself: it accepts their salts and HMACs, and what they encrypt comes back.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NativeTpm } from '../../src/native.ts'
import { tempDir } from '../support/temp.ts'
import { create, eccKey, eccStorage, rsaStorage, sealed } from '../support/templates.ts'
import { ascii, concat, parseCommand, Reader, tpm2b, u16, u32 } from '../support/wire.ts'
import { readCreated } from './support/pair.ts'
import {
  by,
  call,
  failureOf,
  kindOf,
  openTpm,
  pw,
  type StorageKey,
  salted,
  startRig,
  storageKey,
} from './support/rig.ts'

const SECRET = ascii('a secret that nobody sees')
const AUTH = ascii('its authValue')
const NONE = new Uint8Array(0)
const NEW_KEY = create(eccKey())
/** TPM_RC_BAD_AUTH about the first session: what objects without dictionary-attack protection answer. */
const BAD_AUTH = 0x9a2

/** Seals a secret and reads it back, both encrypted by a session salted to `key`. */
async function sealAndUnseal(tpm: NativeTpm, key: StorageKey): Promise<void> {
  const session = (await salted(tpm, key)).handle
  const options = { handles: [key.handle], names: [key.name], auths: [by(session, 0x61)] }
  const made = await call(tpm, 'Create', { ...options, params: create(sealed(), AUTH, SECRET) })
  const loaded = await call(tpm, 'Load', { ...options, auths: [by(session)], params: readCreated(made).blob })
  const box = { handles: [loaded.u32()], names: [loaded.tpm2b()] }
  const open = (auth: Uint8Array) => call(tpm, 'Unseal', { ...box, auths: [by(session, 0x41, auth)] })
  assert.equal((await open(AUTH)).tpm2b(), SECRET)
  // authValues are compared without the zeros at their end
  assert.equal((await open(concat(AUTH, new Uint8Array(3)))).tpm2b(), SECRET)
  assert.is((await failureOf(open(ascii('another')))).rc, BAD_AUTH)
  assert.equal((await open(AUTH)).tpm2b(), SECRET, 'a refusal does not end a session')
  for (const handle of [...box.handles, session]) await call(tpm, 'FlushContext', { handles: [handle] })
}

for (const [kind, template] of Object.entries({ 'P-256': eccStorage(), 'RSA-2048': rsaStorage() })) {
  test(`salted to ${kind}, swtpm: nothing of the secret on the wire`, async () => {
    const { tpm, proxy, stop } = await startRig()
    await sealAndUnseal(tpm, await storageKey(tpm, template))
    for (const octets of [SECRET, AUTH]) assert.equal(proxy.seen(octets), [])
    await stop()
  })
  test(`salted to ${kind}, embedded`, async () => {
    const tpm = await openTpm('embedded:', { stateFile: join(tempDir('state'), 'state') })
    await sealAndUnseal(tpm, await storageKey(tpm, template))
    await tpm.close()
  })
}

test('a session knows the entity by its Name, and its own salt', async () => {
  const { tpm, proxy, stop } = await startRig()
  const [one, other] = [await storageKey(tpm), await storageKey(tpm, rsaStorage())]
  const session = await salted(tpm, one)
  const create = { handles: [one.handle], auths: [by(session.handle)], params: NEW_KEY }
  assert.is((await failureOf(call(tpm, 'Create', { ...create, names: [other.name] }))).rc, BAD_AUTH)
  await call(tpm, 'Create', { ...create, names: [one.name] })
  await call(tpm, 'FlushContext', { handles: [session.handle] })
  // The salt as it was sent, exchanged on the way for that of somebody else's session.
  const sent = parseCommand((proxy.wire.find(({ name }) => name === 'StartAuthSession') ?? { command: NONE }).command)
  const salt = new Reader(sent.params)
  salt.tpm2b()
  proxy.hooks.onCommand = ({ name, command }) => {
    if (name !== 'StartAuthSession') return undefined
    const at = command.length - sent.params.length + 18
    return concat(command.slice(0, at), salt.tpm2bWhole(), command.slice(at + 2 + 68))
  }
  const swapped = await salted(tpm, one)
  proxy.hooks.onCommand = () => undefined
  const auths = [by(swapped.handle)]
  assert.is((await failureOf(call(tpm, 'Create', { ...create, names: [one.name], auths }))).rc, BAD_AUTH)
  await stop()
})

test('storage keys that are none are refused before anything is sent', async () => {
  const { tpm, proxy, stop } = await startRig()
  const { handle, area } = await storageKey(tpm)
  proxy.clear()
  const rsa = (await call(tpm, 'ReadPublic', { handles: [handle] })).rest()
  proxy.clear()
  const areas: Record<string, Uint8Array> = {
    empty: new Uint8Array(0),
    cut: area.slice(0, -1),
    longer: concat(area, u16(0)),
    'a point off the curve': concat(area.slice(0, -1), Uint8Array.of((area.at(-1) ?? 0) ^ 1)),
    'name algorithm SHA-1': concat(area.slice(0, 2), u16(4), area.slice(4)),
    'an HMAC key': concat(u16(8), u16(0x0b), u32(0x72), tpm2b(), u16(0x10), tpm2b()),
    'RSA with an empty modulus': new Reader(rsaStorage()).tpm2b(),
    'an answer to ReadPublic': rsa,
  }
  for (const [what, saltPublic] of Object.entries(areas)) {
    const kind = await kindOf(tpm.startSession({ policy: false, saltKey: handle, saltPublic })).catch((e) => e.message)
    assert.ok(['session/usage', 'sapi/usage'].includes(kind), `${what}: ${kind}`)
  }
  assert.is(proxy.total(), 0)
  await sealAndUnseal(tpm, { handle, area, name: concat(u16(0x0b), hashOf(area)) })
  await stop()
})

test('what cannot encrypt is not asked to: the secret would cross in clear', async () => {
  const { tpm, proxy, stop } = await startRig()
  const key = await storageKey(tpm)
  const policy = await tpm.startSession({ policy: true, saltKey: key.handle, saltPublic: key.area })
  const hmac = await salted(tpm, key)
  proxy.clear()
  const options = { handles: [key.handle], names: [key.name], params: create(sealed(), AUTH, SECRET) }
  const tries: Record<string, ReturnType<typeof by>[]> = {
    password: [{ ...pw(), attributes: 0x21 }],
    'policy session': [pw(), by(policy.handle, 0x21)],
    'policy session, answer': [pw(), by(policy.handle, 0x41)],
    'one session twice': [by(hmac.handle), by(hmac.handle, 0x21)],
    'an authValue of 65 octets': [pw(new Uint8Array(65))],
    'and by HMAC session': [by(hmac.handle, 1, new Uint8Array(200))],
  }
  for (const [what, auths] of Object.entries(tries)) {
    assert.is(await kindOf(call(tpm, 'Create', { ...options, auths })), 'sapi/usage', what)
  }
  assert.is(await kindOf(call(tpm, 'Create', { ...options, auths: [by(0x02000007)] })), 'session/gone')
  const decrypt = { auths: [by(hmac.handle, 0x21)], params: u16(8) }
  assert.is(await kindOf(call(tpm, 'GetRandom', decrypt)), 'sapi/usage', 'no parameter that could be encrypted')
  assert.is(proxy.total(), 0)
  const random = await call(tpm, 'GetRandom', { auths: [by(hmac.handle, 0x41)], params: u16(8) })
  assert.is(random.tpm2b().length, 8, 'and the session is as it was')
  await stop()
})

function hashOf(octets: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(octets).digest())
}

test.run()
