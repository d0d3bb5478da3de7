// Sessions, logins and PINs of a token: what PKCS #11 says of them, and that no try is lost.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../../src/bytes.ts'
import { CKA } from '../../../src/doors/pkcs11/attributes.ts'
import { CKO, TOKEN_FLAG } from '../../../src/doors/pkcs11/codes.ts'
import type { FieldReader } from '../../../src/doors/pkcs11/field-reader.ts'
import { furnishedCard, newCard, onBench, opened, PIN, PUK, type RawProgram, source } from './support/program.ts'

const NEW_PIN = '71650842'
const NEW_PUK = '31415926'
const WRONG_PIN = '000001'
const [USER, SO, CONTEXT] = [1, 0, 2]
const READ_ONLY = 4

const furnished = await furnishedCard()
const mechanism =
  (type: number) =>
  (session: number, key: number) =>
  (request: Parameters<Parameters<RawProgram['call']>[1] & object>[0]) =>
    request.ulong(session).uint32(type).ulong(key)
const ecdsa = mechanism(0x1041)
const rsa = mechanism(0x40)
const DIGEST = new Uint8Array(32).fill(7)

async function tokenFlags(program: RawProgram): Promise<number> {
  const info: FieldReader = await program.call('C_GetTokenInfo', (request) => request.ulong(1))
  for (let text = 0; text < 4; text += 1) info.octets()
  return info.ulong()
}

const state = async (program: RawProgram, session: number): Promise<number> => {
  const info = await program.call('C_GetSessionInfo', (request) => request.ulong(session))
  info.ulong()
  return info.ulong()
}

const privateKey = async (program: RawProgram, session: number, id: number): Promise<number> => {
  const [found = 0] = await program.find(session, [CKA.class, CKO.privateKey], [CKA.id, Uint8Array.of(id)])
  return found
}

test('before C_Initialize there is nothing, and after C_Finalize there is nothing left', () =>
  onBench([source(furnished)], async ({ program }) => {
    const one = await program()
    const session = await one.session()
    assert.is(await one.rv('C_Initialize', (request) => request.byteArray(utf8('x'))), 'CKR_GENERAL_ERROR')
    await one.call('C_Finalize')
    assert.is(await one.rv('C_GetSessionInfo', (request) => request.ulong(session)), 'CKR_CRYPTOKI_NOT_INITIALIZED')
    assert.is(await one.rv('C_GetInfo'), 'CKR_CRYPTOKI_NOT_INITIALIZED')
  }))

test('sessions: kinds, states, and what is none', () =>
  onBench([source(furnished)], async ({ program }) => {
    const one = await program()
    const open = (slot: number, flags: number) => one.rv('C_OpenSession', (request) => request.ulong(slot).ulong(flags))
    assert.is(await open(1, 2), 'CKR_SESSION_PARALLEL_NOT_SUPPORTED')
    assert.is(await open(2, 6), 'CKR_SLOT_ID_INVALID')
    const [write, read] = [await one.session(), await one.session(READ_ONLY)]
    assert.equal([await state(one, write), await state(one, read)], [2, 0])
    assert.is(await one.login(write, PIN), 'CKR_OK')
    assert.equal([await state(one, write), await state(one, read)], [3, 1])
    assert.is(await one.login(read, PIN), 'CKR_USER_ALREADY_LOGGED_IN')
    assert.is(await one.login(write, PUK, SO), 'CKR_SESSION_READ_ONLY_EXISTS')
    assert.is(await one.rv('C_CloseSession', (request) => request.ulong(read)), 'CKR_OK')
    assert.is(await one.rv('C_CloseSession', (request) => request.ulong(read)), 'CKR_SESSION_HANDLE_INVALID')
    assert.is(await one.login(write, PUK, SO), 'CKR_USER_ANOTHER_ALREADY_LOGGED_IN')
    assert.is(await one.login(write, PIN, 7), 'CKR_USER_TYPE_INVALID')
    assert.is(await one.rv('C_Logout', (request) => request.ulong(write)), 'CKR_OK')
    assert.is(await one.rv('C_Logout', (request) => request.ulong(write)), 'CKR_USER_NOT_LOGGED_IN')
    assert.is(await one.login(write, PUK, SO), 'CKR_OK')
    assert.is(await state(one, write), 4)
    assert.is(await open(1, READ_ONLY), 'CKR_SESSION_READ_WRITE_SO_EXISTS')
    assert.is(await one.rv('C_CloseAllSessions', (request) => request.ulong(1)), 'CKR_OK')
    assert.is(await state(one, await one.session()), 2)
  }))

test('with the last session the login ends, and the card forgets the PIN', () =>
  onBench([source(furnished)], async ({ program }) => {
    const one = await program()
    const session = await one.session()
    assert.is(await one.login(session, PIN), 'CKR_OK')
    assert.is(await one.rv('C_CloseSession', (request) => request.ulong(session)), 'CKR_OK')
    const next = await one.session()
    assert.is(await state(one, next), 2)
    assert.is(await privateKey(one, next, 1), 0)
  }))

test('what one program has proved serves no other', () =>
  onBench([source(furnished)], async ({ program }) => {
    const [one, two] = [await program(), await program()]
    const [mine, theirs] = [await one.session(), await two.session()]
    assert.is(await one.login(mine, PIN), 'CKR_OK')
    const key = await privateKey(one, mine, 1)
    assert.is(await one.rv('C_SignInit', ecdsa(mine, key)), 'CKR_OK')
    assert.is(await privateKey(two, theirs, 1), 0)
    assert.is(await two.rv('C_SignInit', ecdsa(theirs, key)), 'CKR_KEY_HANDLE_INVALID')
    assert.is(await state(two, theirs), 2)
    // The end of one is no business of the other.
    assert.is(await two.login(theirs, PIN), 'CKR_OK')
    await two.close()
    assert.is(((await one.result('C_Sign', mine, DIGEST)) as Uint8Array).length, 64)
  }))

test('after C_Logout, and after a card has forgotten the PIN, a key wants the login again', () =>
  onBench([source(furnished)], async ({ program }) => {
    const one = await program()
    const session = await one.session()
    await one.login(session, PIN)
    const key = await privateKey(one, session, 1)
    assert.is(await one.rv('C_SignInit', ecdsa(session, key)), 'CKR_OK')
    await one.call('C_Logout', (request) => request.ulong(session))
    assert.is(
      await one.rv('C_Sign', (request) => request.ulong(session).byteArray(DIGEST).uint32(64)),
      'CKR_OPERATION_NOT_INITIALIZED',
    )
    assert.is(await one.rv('C_SignInit', ecdsa(session, key)), 'CKR_KEY_HANDLE_INVALID')
  }))

test('wrong PINs: counted, told by flags, and the last try is kept', async () => {
  const memory = newCard()
  await onBench([source(memory)], async ({ program }) => {
    const one = await program()
    const session = await one.session()
    const { userPinCountLow: low, userPinFinalTry: final, userPinLocked: locked } = TOKEN_FLAG
    const flags = async () => (await tokenFlags(one)) & (low | final | locked)
    assert.is(await flags(), 0)
    for (const [left, expected] of [
      [4, low],
      [3, low],
      [2, low | final],
      [1, low | locked],
    ] as const) {
      assert.is(await one.login(session, WRONG_PIN), 'CKR_PIN_INCORRECT')
      assert.is(memory.pin.left, left)
      assert.is(await flags(), expected, String(left))
    }
    for (const pin of [WRONG_PIN, PIN]) assert.is(await one.login(session, pin), 'CKR_PIN_LOCKED')
    const change = (pin: string) =>
      one.rv('C_SetPIN', (request) => request.ulong(session).byteArray(utf8(pin)).byteArray(utf8(NEW_PIN)))
    for (const pin of [WRONG_PIN, PIN]) assert.is(await change(pin), 'CKR_PIN_LOCKED')
    assert.is(memory.pin.left, 1)
    // What is no PIN costs nothing.
    for (const pin of ['', '1', '123456789', 'abcdef']) assert.is(await one.login(session, pin), 'CKR_PIN_LEN_RANGE')
    assert.is(
      await one.rv('C_Login', (request) => request.ulong(session).ulong(USER).lengthOnly(6)),
      'CKR_ARGUMENTS_BAD',
    )
    assert.is(memory.pin.left, 1)
  })
  await onBench(
    [source(memory)],
    async ({ program }) => {
      const one = await program()
      const session = await one.session()
      assert.is(await one.login(session, PIN), 'CKR_OK')
      assert.is(memory.pin.left, 5)
      for (let left = 5; left > 0; left -= 1) {
        const other = await program()
        assert.is(await other.login(await other.session(), WRONG_PIN), 'CKR_PIN_INCORRECT')
      }
      assert.is((await tokenFlags(one)) & TOKEN_FLAG.userPinLocked, TOKEN_FLAG.userPinLocked)
      const late = await program()
      assert.is(await late.login(await late.session(), PIN), 'CKR_PIN_LOCKED')
    },
    { minTriesLeft: 0 },
  )
})

test('the PUK: a new PIN, another PUK, and its tries', async () => {
  const memory = newCard()
  await onBench([source(memory)], async ({ program }) => {
    const one = await program()
    const session = await one.session()
    const initPin = (pin: string) => one.rv('C_InitPIN', (request) => request.ulong(session).byteArray(utf8(pin)))
    const setPin = (old: string, next: string) =>
      one.rv('C_SetPIN', (request) => request.ulong(session).byteArray(utf8(old)).byteArray(utf8(next)))
    assert.is(await initPin(NEW_PIN), 'CKR_USER_NOT_LOGGED_IN')
    assert.is(await one.login(session, 'short', SO), 'CKR_PIN_LEN_RANGE')
    assert.is(await one.login(session, PUK, SO), 'CKR_OK')
    assert.is(await initPin('12'), 'CKR_PIN_LEN_RANGE')
    assert.is(await initPin(NEW_PIN), 'CKR_OK')
    assert.is(await setPin(PUK, NEW_PUK), 'CKR_OK')
    assert.is(await initPin(PIN), 'CKR_OK')
    await one.call('C_Logout', (request) => request.ulong(session))
    assert.is(await one.login(session, PIN), 'CKR_OK')
    assert.is(await setPin(PIN, NEW_PIN), 'CKR_OK')
    assert.is(await setPin(PIN, NEW_PIN), 'CKR_PIN_INCORRECT')
    await one.call('C_Logout', (request) => request.ulong(session))
    // A wrong PUK is noticed when it is used; its last try is kept too.
    for (let left = 4; left >= 1; left -= 1) {
      assert.is(await one.login(session, PUK, SO), 'CKR_OK')
      assert.is(await initPin(PIN), 'CKR_PIN_INCORRECT')
      await one.call('C_Logout', (request) => request.ulong(session))
      assert.is(memory.puk?.left, left)
    }
    assert.is(await one.login(session, NEW_PUK, SO), 'CKR_PIN_LOCKED')
    assert.is((await tokenFlags(one)) & TOKEN_FLAG.soPinLocked, TOKEN_FLAG.soPinLocked)
    const read = await one.session(READ_ONLY)
    assert.is(
      await one.rv('C_SetPIN', (request) => request.ulong(read).byteArray(utf8(PIN)).byteArray(utf8(NEW_PIN))),
      'CKR_SESSION_READ_ONLY',
    )
  })
})

test('a PIN that has to be changed first', async () => {
  const memory = newCard({ mustChangePin: true })
  const card = opened(memory)
  await card.verifyPin(PIN)
  await card.generateKey('9a')
  await card.close()
  await onBench([source(memory)], async ({ program }) => {
    const one = await program()
    const session = await one.session()
    assert.is((await tokenFlags(one)) & TOKEN_FLAG.userPinToBeChanged, TOKEN_FLAG.userPinToBeChanged)
    assert.is(await one.login(session, PIN), 'CKR_OK')
    const key = await privateKey(one, session, 1)
    assert.is(await one.rv('C_SignInit', ecdsa(session, key)), 'CKR_OK')
    const sign = () => one.rv('C_Sign', (request) => request.ulong(session).byteArray(DIGEST).uint32(64))
    assert.is(await sign(), 'CKR_PIN_EXPIRED')
    const change = await one.rv('C_SetPIN', (request) =>
      request.ulong(session).byteArray(utf8(PIN)).byteArray(utf8(NEW_PIN)),
    )
    assert.is(change, 'CKR_OK')
    assert.is(await one.rv('C_SignInit', ecdsa(session, key)), 'CKR_OK')
    assert.is(await sign(), 'CKR_OK')
  })
})

test('a key that wants the PIN for every use', async () => {
  await onBench([source(furnished)], async ({ program }) => {
    const one = await program()
    const session = await one.session()
    assert.is(await one.login(session, PIN, CONTEXT), 'CKR_OPERATION_NOT_INITIALIZED')
    await one.login(session, PIN)
    const key = await privateKey(one, session, 2)
    assert.equal((await one.attributes(session, key, [CKA.alwaysAuthenticate])).values, [true])
    const sign = () => one.rv('C_Sign', (request) => request.ulong(session).byteArray(DIGEST).uint32(256))
    // The login itself allows no use.
    assert.is(await one.rv('C_SignInit', rsa(session, key)), 'CKR_OK')
    assert.is(await sign(), 'CKR_USER_NOT_LOGGED_IN')
    assert.is(await one.login(session, PIN, CONTEXT), 'CKR_OPERATION_NOT_INITIALIZED')
    for (let use = 0; use < 2; use += 1) {
      assert.is(await one.rv('C_SignInit', rsa(session, key)), 'CKR_OK')
      assert.is(await one.login(session, WRONG_PIN, CONTEXT), 'CKR_PIN_INCORRECT')
      assert.is(await one.login(session, PIN, CONTEXT), 'CKR_OK')
      assert.is(await sign(), 'CKR_OK')
    }
    // One PIN, one use.
    assert.is(await one.rv('C_SignInit', rsa(session, key)), 'CKR_OK')
    assert.is(await sign(), 'CKR_USER_NOT_LOGGED_IN')
    assert.is(furnished.pin.left, 5)
  })
})

test('a key without a PIN is seen and used by everybody', () =>
  onBench([source(furnished)], async ({ program }) => {
    const one = await program()
    const session = await one.session(READ_ONLY)
    const key = await privateKey(one, session, 4)
    assert.is(await one.rv('C_SignInit', ecdsa(session, key)), 'CKR_OK')
    assert.is(((await one.result('C_Sign', session, DIGEST)) as Uint8Array).length, 64)
  }))

test.run()
