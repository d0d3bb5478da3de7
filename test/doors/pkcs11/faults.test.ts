import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../../src/bytes.ts'
import { localChannel } from '../../../src/cards/local-card.ts'
import { CKA } from '../../../src/doors/pkcs11/attributes.ts'
import { CardError, TpmError } from '../../../src/errors.ts'
import { cardOver } from '../../../src/piv/host/card.ts'
import { openMemoryVault } from '../../contract/memory-vault.ts'
import { Random } from '../../support/random.ts'
import { gate, within } from '../../support/temp.ts'
import { strangerHears } from '../support/stranger.ts'
import {
  frame,
  furnishedCard,
  initialize,
  message,
  newCard,
  onBench,
  opened,
  PIN,
  RawProgram,
  source,
  template,
} from './support/program.ts'

const OPEN = message('C_OpenSession', (request) => request.ulong(1).ulong(6))
const LOGIN = message('C_Login', (request) => request.ulong(1).ulong(1).byteArray(utf8(PIN)))
const FIND = message('C_FindObjectsInit', (request) =>
  template(request.ulong(1), [CKA.token, true], [CKA.label, utf8('x')]),
)

test('the socket is for its user alone', () =>
  onBench([source(newCard())], async ({ path }) => {
    assert.is(statSync(path).mode & 0o777, 0o600)
    assert.is(statSync(dirname(path)).mode & 0o777, 0o700)
  }))

test('a program of another user is sent away before it is read', async () => {
  if (process.getuid?.() !== 0) {
    console.log('# skipped: another user: only root can be somebody else')
    return
  }
  const refused = gate<Error>()
  await onBench(
    [source(newCard())],
    async ({ path, program }) => {
      assert.is(await strangerHears(path, Uint8Array.of(0)), 'closed')
      assert.match((await refused.promise).message, /user 65534/)
      assert.ok((await (await program()).session()) > 0)
    },
    { onRefused: (error) => refused.open(error) },
  )
})

test('10,000 hostile streams: each ends its own connection at most, and no try is lost', async () => {
  const memory = await furnishedCard()
  const random = new Random(20_261_202)
  const good = [
    Buffer.concat([Uint8Array.of(0), frame(1, message('C_Initialize', initialize)), frame(2, OPEN), frame(3, FIND)]),
    Buffer.concat([Uint8Array.of(0), frame(1, message('C_Initialize', initialize)), frame(2, OPEN), frame(3, LOGIN)]),
    Buffer.concat([Uint8Array.of(1), frame(1, message('C_Initialize', initialize)), frame(9, message('C_GetInfo'))]),
  ]
  const hostile = () => {
    // The PIN is the last of its stream: only what stands before it is damaged, so that no wrong one is made of it.
    const stream = Buffer.from(random.pick(good))
    for (let times = random.between(1, 4); times > 0; times -= 1)
      stream[random.below(stream.length - 8)] = random.below(256)
    return random.below(8) === 0
      ? random.octets(random.between(1, 64))
      : stream.subarray(0, random.between(1, stream.length))
  }
  await onBench([source(memory)], async ({ path, program, troubles }) => {
    const one = await program()
    const session = await one.session()
    for (let round = 0; round < 100; round += 1) {
      const crowd = await Promise.all(Array.from({ length: 100 }, () => RawProgram.open(path)))
      await Promise.all(crowd.map((each) => new Promise((resolve) => each.socket.write(hostile(), resolve))))
      await Promise.all(crowd.map((each) => each.close()))
      // Until they are accepted and read, they stand in the queue of the socket, which has an end.
      await (await RawProgram.ready(path)).close()
    }
    assert.is(await one.login(session, PIN), 'CKR_OK')
    assert.is(memory.pin.left, 5)
    assert.equal(troubles, [])
  })
})

test('frames that are too long, and messages that are no calls', () =>
  onBench([source(newCard())], async ({ program }) => {
    for (const header of [
      [1, 0, 2 ** 20 + 1],
      [1, 4097, 0],
      [1, 0xffff_ffff, 0xffff_ffff],
    ]) {
      const one = await program()
      const octets = Buffer.alloc(12)
      for (const [at, value] of header.entries()) octets.writeUInt32BE(value, 4 * at)
      one.socket.write(octets)
      await one.ended()
    }
    const one = await program()
    const session = await one.session()
    const say = (body: Uint8Array) => one.say('C_GetInfo', body).catch(({ rv }) => rv)
    // C_InitToken and C_EncryptInit are calls of p11-kit, and 4000 is none.
    for (const number of [9, 29, 4000, 0, 0xffff_ffff]) {
      const body = Buffer.alloc(8)
      body.writeUInt32BE(number)
      assert.is(await say(body), 'CKR_FUNCTION_NOT_SUPPORTED', String(number))
    }
    assert.is(await say(new Uint8Array(0)), 'CKR_DEVICE_ERROR')
    assert.is(await say(Buffer.from('0000000300000001', 'hex')), 'CKR_DEVICE_ERROR')
    // Another form than the call has.
    assert.is(await say(Buffer.from('000000030000000175', 'hex')), 'CKR_DEVICE_ERROR')
    // Lists that are longer than the message, and templates inside templates.
    assert.is(await one.rv('C_FindObjectsInit', (request) => request.ulong(session).uint32(1000)), 'CKR_DEVICE_ERROR')
    const nested = (depth: number) =>
      one.rv('C_FindObjectsInit', (request) => {
        request.ulong(session)
        for (let level = 0; level < depth; level += 1) request.uint32(1).uint32(0x4000_0211).byte(1).uint32(24)
        request.uint32(0)
      })
    assert.is(await nested(9), 'CKR_DEVICE_ERROR')
    assert.is(await nested(8), 'CKR_OK')
  }))

test('a program that stops in the middle, or reads no answer, is let go; one that waits may', () => {
  const memory = newCard()
  const letGo = gate()
  const open = async () => {
    const channel = localChannel(openMemoryVault(memory))
    return cardOver({ ...channel, atr: channel.atr, close: () => channel.close().finally(() => letGo.open()) })
  }
  const watched = { label: 'watched', isRemovable: false, open }
  return onBench(
    [source(memory), watched],
    async ({ path, program }) => {
      const waiting = await program()
      const stopped = await program()
      stopped.socket.write(frame(1, OPEN).subarray(0, 20))
      await stopped.ended()
      const deaf = await program()
      const session = await deaf.session(6, 2)
      deaf.socket.pause()
      const random = message('C_GenerateRandom', (request) => request.ulong(session).uint32(2 ** 20))
      deaf.socket.write(Buffer.concat(Array.from({ length: 64 }, (_, at) => frame(at, random))))
      await within(letGo.promise, 120_000, 'the end of a deaf program')
      deaf.socket.destroy()
      assert.ok((await waiting.session()) > 0)
      assert.ok((await (await RawProgram.ready(path)).session()) > 0)
    },
    { patience: 50 },
  )
})

test('200 programs at once, each with its own login', async () => {
  const memory = await furnishedCard()
  await onBench([source(memory)], async ({ program }) => {
    const programs = await Promise.all(Array.from({ length: 200 }, () => program()))
    const logins = await Promise.all(programs.map(async (one) => one.login(await one.session(), PIN)))
    assert.ok(logins.every((rv) => rv === 'CKR_OK'))
    for (const one of programs.slice(0, 100)) one.socket.destroy()
    const states = programs.slice(100).map((one) => one.rv('C_GetSessionInfo', (request) => request.ulong(1)))
    assert.ok((await Promise.all(states)).every((rv) => rv === 'CKR_OK'))
  })
})

test('a card that cannot be opened, and a TPM that goes: the program is told, and so is whoever serves', () => {
  let fault: CardError | undefined = new TpmError('ERR_TPM_BUSY', 'Somebody else has it.')
  const memory = newCard()
  const open = async () => {
    if (fault !== undefined) throw fault
    return opened(memory)
  }
  return onBench([{ label: 'gone', isRemovable: false, open }, source(newCard())], async ({ program, troubles }) => {
    const one = await program()
    assert.is(await one.rv('C_OpenSession', (request) => request.ulong(1).ulong(6)), 'CKR_DEVICE_ERROR')
    assert.equal(troubles, [fault])
    fault = new CardError('ERR_CARD_NOT_FOUND', 'There is none.')
    assert.is(await one.rv('C_GetTokenInfo', (request) => request.ulong(1)), 'CKR_TOKEN_NOT_PRESENT')
    assert.ok((await one.session(6, 2)) > 0)
    fault = undefined
    assert.ok((await one.session(6, 1)) > 0)
  })
})

test('when the service is closed every program is let go', () =>
  onBench([source(newCard())], async ({ service, program }) => {
    const one = await program()
    await one.session()
    await service.close()
    await one.ended()
  }))

test.run()
