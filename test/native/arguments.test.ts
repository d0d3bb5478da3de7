// takes: 2 s
// What JavaScript may hand to the addon by mistake: a TypeError or a typed failure each time, never a crash, nothing sent.
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type NativeTpm, native } from '../../src/native.ts'
import { tempDir } from '../support/temp.ts'
import { asCommand, failureOf, kindOf, openTpm, type Rig, random, startRig } from './support/rig.ts'

const OCTETS = new Uint8Array(8)
const detached = () => {
  const octets = new Uint8Array(8)
  structuredClone(octets.buffer, { transfer: [octets.buffer] })
  return octets
}
const endless = () => {
  const list: unknown[] = []
  list.length = 0xffffffff
  return list
}
const throwing = {
  get command() {
    throw new RangeError('from a getter')
  },
}

const NOT_OCTETS: Readonly<Record<string, unknown>> = {
  ...{ nothing: undefined, null: null, number: 5, text: 'octets', list: [1, 2], object: {}, symbol: Symbol('s') },
  ...{ buffer: new ArrayBuffer(8), view: new DataView(new ArrayBuffer(8)), words: new Uint16Array(4) },
  ...{ signed: new Int8Array(8), clamped: new Uint8ClampedArray(8), big: new Uint8Array(5000) },
}
const NOT_NUMBERS: Readonly<Record<string, unknown>> = {
  ...{ nothing: undefined, null: null, text: '1', big: 1n, list: [1], object: {}, true: true },
  ...{ negative: -1, fraction: 1.5, nan: Number.NaN, infinite: Number.POSITIVE_INFINITY, 33: 2 ** 32 },
}
const NOT_LISTS: Readonly<Record<string, unknown>> = {
  ...{ nothing: undefined, null: null, number: 5, text: 'abc', like: { length: 1, 0: 1 }, octets: OCTETS },
  ...{ endless: endless(), four: [1, 2, 3, 4] },
}
const NOT_OBJECTS: Readonly<Record<string, unknown>> = { nothing: undefined, null: null, number: 5, text: 'x' }

/** Calls what TypeScript would not let one call. */
const hand = (target: object, method: string, ...values: readonly unknown[]): unknown =>
  Reflect.apply(Reflect.get(target, method) as (...all: unknown[]) => unknown, target, values)

function refuses(call: () => unknown, what: string): void {
  try {
    call()
  } catch (error) {
    assert.instance(error, TypeError, `${what}: ${error}`)
    assert.match((error as Error).message, /must be |Illegal invocation|without 'new'/, what)
    return
  }
  assert.unreachable(what)
}

async function withRig(work: (rig: Rig) => Promise<void> | void): Promise<void> {
  const rig = await startRig()
  rig.proxy.clear()
  await work(rig)
  assert.equal(rig.proxy.names(), [], 'nothing was sent')
  assert.is((await rig.tpm.run([random(8)])).length, 1, 'and it works')
  await rig.stop()
}

const ticketed = asCommand('PolicyTicket', { handles: [0x03000000] })

/** A good command with one field replaced. */
const spoilt = (field: string, value: unknown) => ({
  ...asCommand('GetRandom', { params: Uint8Array.of(0, 8) }),
  [field]: value,
})

test('run: every field of every wrong kind', () =>
  withRig(({ tpm }) => {
    const run = (value: unknown) => hand(tpm, 'run', [value])
    for (const [what, value] of Object.entries(NOT_LISTS)) {
      if (what !== 'four') refuses(() => hand(tpm, 'run', value), what)
      for (const field of ['handles', 'names', 'auths']) refuses(() => run(spoilt(field, value)), `${field}: ${what}`)
    }
    for (const [what, value] of Object.entries(NOT_OBJECTS)) {
      refuses(() => run(value), what)
      refuses(() => run(spoilt('auths', [value])), `auths: ${what}`)
    }
    for (const [what, value] of Object.entries(NOT_OCTETS)) {
      refuses(() => run(spoilt('params', value)), `params: ${what}`)
      refuses(() => run(spoilt('names', [value])), `names: ${what}`)
      const auth = { session: 1, attributes: 1, authValue: value }
      if (value !== undefined) refuses(() => run(spoilt('auths', [auth])), `authValue: ${what}`)
    }
    for (const [what, value] of Object.entries(NOT_NUMBERS)) {
      refuses(() => run(spoilt('handles', [value])), `handles: ${what}`)
      for (const field of ['session', 'attributes']) {
        refuses(() => run(spoilt('auths', [{ session: 1, attributes: 1, [field]: value }])), `${field}: ${what}`)
      }
    }
    refuses(() => run(spoilt('auths', [{ session: 1, attributes: 256 }])), 'attributes of nine bits')
    for (const [what, value] of Object.entries(NOT_NUMBERS)) {
      refuses(() => run(spoilt('command', value)), `command: ${what}`)
      if (value !== undefined) refuses(() => run({ ...ticketed, ticket: value }), `ticket: ${what}`)
      refuses(() => hand(tpm, 'dropTicket', value), `dropTicket: ${what}`)
    }
    for (const [what, value] of Object.entries(NOT_OCTETS)) refuses(() => hand(tpm, 'keepTicket', value), what)
    refuses(() => hand(tpm, 'run', Array(65).fill(random(1))), '65 commands')
    assert.throws(() => run(throwing), /from a getter/)
  }))

test('run: what has the right shape and makes no sense is a failure of the layer that saw it', () =>
  withRig(async ({ tpm }) => {
    const failures: Record<string, [ReturnType<typeof asCommand>, string]> = {
      'too few handles': [asCommand('ReadPublic'), 'sapi/usage'],
      'too many': [asCommand('GetRandom', { handles: [1], params: Uint8Array.of(0, 8) }), 'sapi/usage'],
      'names without handles': [asCommand('GetRandom', { names: [OCTETS], params: Uint8Array.of(0, 8) }), 'sapi/usage'],
      'no parameters': [asCommand('GetRandom'), 'sapi/usage'],
      'half a parameter': [asCommand('GetRandom', { params: Uint8Array.of(0) }), 'sapi/usage'],
      'one octet more': [asCommand('GetRandom', { params: Uint8Array.of(0, 8, 0) }), 'sapi/usage'],
      'a size that is too big': [
        asCommand('PolicyCpHash', { handles: [1], params: Uint8Array.of(0, 65) }),
        'sapi/usage',
      ],
      'parameters whose buffer is gone': [asCommand('GetRandom', { params: detached() }), 'sapi/usage'],
      'no such session': [
        asCommand('GetRandom', { params: Uint8Array.of(0, 8), auths: [{ session: 2, attributes: 1 }] }),
        'session/gone',
      ],
    }
    for (const [what, [one, kind]] of Object.entries(failures)) assert.is(await kindOf(tpm.run([one])), kind, what)
    assert.throws(
      () => tpm.run([asCommand('Format')]),
      (error: Error) =>
        /There is no TPM command of the code 0 /.test(error.message) && Reflect.get(error, 'layer') === 'sapi',
    )
    for (const code of [1, 0x11e, 0x121, 0x1ff, 0x20000000, 0xffffffff]) {
      const other = { ...asCommand('GetRandom'), command: code }
      assert.throws(() => tpm.run([other]), /There is no TPM command of the code/)
    }
    const ticket = tpm.keepTicket(OCTETS)
    tpm.dropTicket(ticket)
    tpm.dropTicket(ticket)
    for (const dropped of [ticket, 0, 77]) {
      assert.throws(() => tpm.run([{ ...ticketed, ticket: dropped }]), /The ticket was dropped/)
    }
    assert.equal(await tpm.run([]), [])
  }))

test('startSession, transmit, nonceTpm', () =>
  withRig(async ({ tpm }) => {
    for (const [what, value] of Object.entries(NOT_OBJECTS)) refuses(() => hand(tpm, 'startSession', value), what)
    for (const [what, value] of Object.entries(NOT_OCTETS)) {
      refuses(() => hand(tpm, 'transmit', value), what)
      if (value !== undefined) refuses(() => hand(tpm, 'startSession', { policy: true, saltPublic: value }), what)
    }
    for (const [what, value] of Object.entries(NOT_NUMBERS)) {
      refuses(() => hand(tpm, 'nonceTpm', value), what)
      refuses(() => hand(tpm, 'startSession', { policy: true, saltPublic: OCTETS, saltKey: value }), what)
    }
    for (const octets of [
      detached(),
      new Uint8Array(9),
      new Uint8Array(12),
      Uint8Array.of(0x80, 1, 0, 0, 0, 11, 0, 0, 1, 0x44),
    ]) {
      assert.is(await kindOf(tpm.transmit(octets)), 'tcti/usage')
    }
    assert.is(tpm.nonceTpm(0xffffffff).length, 0)
  }))

test('openTpm and lockFile', async () => {
  const good = { tcti: 'embedded:', stateFile: join(tempDir('state'), 'state'), createState: true, waitMs: 0 }
  for (const [what, value] of Object.entries(NOT_OBJECTS)) refuses(() => hand(native(), 'openTpm', value), what)
  for (const [what, value] of Object.entries(NOT_NUMBERS)) {
    refuses(() => hand(native(), 'openTpm', { ...good, waitMs: value }), what)
  }
  for (const value of [undefined, null, 5, {}, 'a\0b']) {
    refuses(() => hand(native(), 'openTpm', { ...good, tcti: value }), 'tcti')
    refuses(() => hand(native(), 'openTpm', { ...good, stateFile: value }), 'stateFile')
    refuses(() => hand(native(), 'lockFile', value), 'path')
  }
  assert.is(await kindOf(openTpm('embedded:', { stateFile: 'relative' })), 'state/usage')
  assert.is(await kindOf(openTpm(`swtpm:path=${'x'.repeat(100_000)}`)), 'tcti/usage')
  assert.is((await failureOf(openTpm('swtpm:path=/nowhere', { waitMs: 0xffffffff }))).reason, 'absent', 'no overflow')
  assert.throws(
    () => native().lockFile('/nowhere/lock'),
    (error: Error) => Reflect.get(error, 'layer') === 'state' && Reflect.get(error, 'reason') === 'absent',
  )
})

test('setTerminalEcho: only a descriptor, and only a terminal has it', () => {
  for (const [what, value] of Object.entries({ ...NOT_NUMBERS, 31: 2 ** 31 })) {
    refuses(() => hand(native(), 'setTerminalEcho', value), what)
  }
  const file = openSync('/dev/null', 'r')
  for (const fd of [file, 999_999]) assert.is(native().setTerminalEcho(fd, false), false, String(fd))
  closeSync(file)
})

test('setQuickAck: only a descriptor, and only a TCP socket has it', async () => {
  for (const [what, value] of Object.entries({ ...NOT_NUMBERS, 31: 2 ** 31 })) {
    refuses(() => hand(native(), 'setQuickAck', value), what)
  }
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { fd } = Reflect.get(server, '_handle') as { fd: number }
  assert.is(native().setQuickAck(fd), true)
  server.close()
  await once(server, 'close')
  const file = openSync(process.execPath, 'r')
  const unix = createServer().listen(join(tempDir('socket'), 's'))
  await once(unix, 'listening')
  const others = [file, (Reflect.get(unix, '_handle') as { fd: number }).fd, 2 ** 31 - 1]
  for (const other of others) assert.is(native().setQuickAck(other), false, String(other))
  unix.close()
  closeSync(file)
})

test('peerUser: only a descriptor, and only a Unix socket with somebody at its other end has one', async () => {
  for (const [what, value] of Object.entries({ ...NOT_NUMBERS, 31: 2 ** 31 })) {
    refuses(() => hand(native(), 'peerUser', value), what)
  }
  const fdOf = (socket: object) => (Reflect.get(socket, '_handle') as { fd: number }).fd
  const unix = createServer().listen(join(tempDir('peer'), 's'))
  const tcp = createServer().listen(0, '127.0.0.1')
  await Promise.all([once(unix, 'listening'), once(tcp, 'listening')])
  const one = connect(unix.address() as string)
  const two = connect((tcp.address() as AddressInfo).port, '127.0.0.1')
  const accepted = await Promise.all([once(unix, 'connection'), once(tcp, 'connection')])
  const [[here], [there]] = accepted as [[Socket], [Socket]]
  assert.is(native().peerUser(fdOf(here)), process.getuid?.())
  assert.is(native().peerUser(fdOf(there)), undefined)
  const file = openSync(process.execPath, 'r')
  for (const other of [file, 2 ** 31 - 1]) assert.is(native().peerUser(other), undefined, String(other))
  closeSync(file)
  for (const socket of [one, two, here, there]) socket.destroy()
  for (const server of [unix, tcp]) server.close()
})

test('methods on what is none of ours', async () => {
  const tpm = await openTpm('embedded:', { stateFile: join(tempDir('state'), 'state') })
  const lock = native().lockFile(join(tempDir('lock'), 'lock'))
  const run = Reflect.get(tpm, 'run') as () => unknown
  for (const other of [{}, lock, undefined, Object.create(Object.getPrototypeOf(tpm))]) {
    refuses(() => Reflect.apply(run, other, [[]]), String(other))
  }
  const Tpm = tpm.constructor as new (options?: unknown) => NativeTpm
  refuses(() => new Tpm(), 'no options')
  lock?.release()
  lock?.release()
  await tpm.close()
})

test('JavaScript that changes things behind our back', async () => {
  const { tpm, stop } = await startRig()
  const params = Uint8Array.of(0, 8)
  const sent = tpm.run([asCommand('GetRandom', { params })])
  params.fill(0xff) // copied on the way in
  assert.is((await sent)[0]?.length, 10)
  const shared = new Uint8Array(new SharedArrayBuffer(2))
  shared[1] = 4
  assert.is((await tpm.run([asCommand('GetRandom', { params: shared })]))[0]?.length, 6)
  const [first = OCTETS] = await tpm.run([random(8)])
  first.fill(0)
  assert.ok((await tpm.run([random(8)]))[0]?.some((octet) => octet !== 0))
  // a getter that closes the TPM while its command is read
  const closing = {
    ...random(8),
    get params() {
      void tpm.close()
      return Uint8Array.of(0, 8)
    },
  }
  assert.is(await kindOf(tpm.run([closing])), 'closed/')
  await stop()
})

test.run()
