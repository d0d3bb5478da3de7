// What keys do, and what objects say: sizes, both encodings of mechanisms, and what is refused.
import {
  constants,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  verify,
} from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { equal, utf8 } from '../../../src/bytes.ts'
import { CKA } from '../../../src/doors/pkcs11/attributes.ts'
import { CKO } from '../../../src/doors/pkcs11/codes.ts'
import type { FieldWriter } from '../../../src/doors/pkcs11/field-writer.ts'
import { furnishedCard, onBench, opened, PIN, type RawProgram, source, template } from './support/program.ts'

const memory = await furnishedCard()
const publicKeys = new Map((await opened(memory).keys()).map(({ slot, publicKey }) => [String(slot), publicKey]))
const publicKey = (slot: string) => {
  const key = publicKeys.get(slot)
  if (key === undefined) throw new Error(slot)
  return key
}
const MESSAGE = utf8('a message')
const sha256 = (octets: Uint8Array) => Uint8Array.from(createHash('sha256').update(octets).digest())

interface Ready {
  readonly one: RawProgram
  readonly session: number
  key(id: number): Promise<number>
}

const loggedIn = (work: (ready: Ready) => Promise<void>): Promise<void> =>
  onBench([source(memory)], async ({ program, troubles }) => {
    const one = await program()
    const session = await one.session()
    assert.is(await one.login(session, PIN), 'CKR_OK')
    const key = async (id: number) => {
      const [found = 0] = await one.find(session, [CKA.class, CKO.privateKey], [CKA.id, Uint8Array.of(id)])
      return found
    }
    await work({ one, session, key })
    assert.equal(troubles, [])
  })

const ABSENT = 0xffff_ffff
type Encoding = (request: FieldWriter, type: number, parameters?: (request: FieldWriter) => void) => FieldWriter
/** As p11-kit writes a mechanism, before 0.25.6 and since. */
const ENCODINGS: Readonly<Record<'old' | 'new', Encoding>> = {
  old(request, type, parameters) {
    request.uint32(type)
    if (parameters === undefined) return request.uint32(ABSENT)
    parameters(request)
    return request
  },
  new(request, type, parameters) {
    request.uint32(type)
    if (parameters !== undefined) parameters(request.byte(1))
    return request
  },
}
const pss = (hash: number, mgf: number, salt: number) => (request: FieldWriter) =>
  request.ulong(hash).ulong(mgf).ulong(salt)
const oaep = (hash: number, mgf: number, label: string) => (request: FieldWriter) =>
  request.ulong(hash).ulong(mgf).ulong(1).octets(utf8(label))

for (const version of ['old', 'new'] as const) {
  const mechanism = ENCODINGS[version]
  const sign = async (
    { one, session }: Ready,
    key: number,
    type: number,
    input: Uint8Array,
    parameters?: (request: FieldWriter) => void,
  ) => {
    await one.call('C_SignInit', (request) => mechanism(request.ulong(session), type, parameters).ulong(key))
    return (await one.result('C_Sign', session, input)) as Uint8Array
  }

  test(`signatures, in the ${version} encoding`, () =>
    loggedIn(async (ready) => {
      const [curve, prime] = [await ready.key(1), await ready.key(3)]
      const raw = { key: publicKey('9a'), dsaEncoding: 'ieee-p1363' } as const
      assert.ok(verify('sha256', MESSAGE, raw, await sign(ready, curve, 0x1041, sha256(MESSAGE))))
      for (const [type, hash] of [
        [0x1044, 'sha256'],
        [0x1045, 'sha384'],
        [0x1046, 'sha512'],
      ] as const) {
        assert.ok(verify(hash, MESSAGE, raw, await sign(ready, curve, type, MESSAGE)), hash)
      }
      const rsa = publicKey('9d')
      for (const [type, hash] of [
        [0x40, 'sha256'],
        [0x41, 'sha384'],
        [0x42, 'sha512'],
      ] as const) {
        assert.ok(verify(hash, MESSAGE, rsa, await sign(ready, prime, type, MESSAGE)), hash)
      }
      for (const [type, hash, mgf, input, salt] of [
        [0x0d, 0x250, 2, sha256(MESSAGE), 32],
        [0x43, 0x250, 2, MESSAGE, 0],
        [0x43, 0x250, 2, MESSAGE, 20],
      ] as const) {
        const key = { key: rsa, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: salt }
        assert.ok(
          verify('sha256', MESSAGE, key, await sign(ready, prime, type, input, pss(hash, mgf, salt))),
          String(type),
        )
      }
      // Any content: here a DigestInfo of SHA-1, and nothing at all.
      const info = Buffer.concat([
        Buffer.from('3021300906052b0e03021a05000414', 'hex'),
        createHash('sha1').update(MESSAGE).digest(),
      ])
      assert.ok(verify('sha1', MESSAGE, rsa, await sign(ready, prime, 0x01, info)))
      assert.is((await sign(ready, prime, 0x01, new Uint8Array(0))).length, 256)
    }))

  test(`decryption and derivation, in the ${version} encoding`, () =>
    loggedIn(async ({ one, session, key }) => {
      const plain = utf8('a secret')
      const decrypt = async (type: number, ciphertext: Uint8Array, parameters?: (request: FieldWriter) => void) => {
        const prime = await key(3)
        await one.call('C_DecryptInit', (request) => mechanism(request.ulong(session), type, parameters).ulong(prime))
        return one.result('C_Decrypt', session, ciphertext)
      }
      const to = publicKey('9d')
      const v15 = publicEncrypt({ key: to, padding: constants.RSA_PKCS1_PADDING }, plain)
      assert.equal(await decrypt(0x01, v15), plain)
      const labelled = publicEncrypt({ key: to, oaepHash: 'sha256', oaepLabel: utf8('label') }, plain)
      assert.equal(await decrypt(0x09, labelled, oaep(0x250, 2, 'label')), plain)
      assert.equal(await decrypt(0x09, publicEncrypt({ key: to, oaepHash: 'sha1' }, plain), oaep(0x220, 1, '')), plain)
      const refused = await decrypt(0x09, labelled, oaep(0x250, 2, 'other')).catch(({ rv }) => rv)
      assert.is(refused, 'CKR_ENCRYPTED_DATA_INVALID')
      // A wrong padding is no error: the text is a random one.
      assert.ok(typeof (await decrypt(0x01, labelled)) === 'object')

      const peer = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const point = Uint8Array.from(peer.publicKey.export({ type: 'spki', format: 'der' }).subarray(-65))
      const curve = await key(1)
      const derive = async (octets: Uint8Array, ...more: ReadonlyArray<readonly [number, number]>) => {
        const ecdh = (request: FieldWriter) => request.ulong(1).uint32(ABSENT).octets(octets)
        const answer = await one.call('C_DeriveKey', (request) =>
          template(mechanism(request.ulong(session), 0x1050, ecdh).ulong(curve), [CKA.class, CKO.secretKey], ...more),
        )
        const secret = answer.ulong()
        const { values } = await one.attributes(session, secret, [CKA.value])
        assert.is(await one.rv('C_DestroyObject', (request) => request.ulong(session).ulong(secret)), 'CKR_OK')
        assert.is(
          await one.rv('C_DestroyObject', (request) => request.ulong(session).ulong(secret)),
          'CKR_OBJECT_HANDLE_INVALID',
        )
        return values[0]
      }
      const agreed = Uint8Array.from(diffieHellman({ privateKey: peer.privateKey, publicKey: publicKey('9a') }))
      assert.equal(await derive(point), agreed)
      assert.equal(await derive(Uint8Array.of(0x04, 65, ...point)), agreed)
      assert.equal(await derive(point, [CKA.valueLength, 16]), agreed.subarray(16))
      const off = point.slice()
      off[64] = (off[64] ?? 0) ^ 1
      for (const wrong of [off, point.subarray(1), new Uint8Array(0)]) {
        assert.is(await derive(wrong).catch(({ rv }) => rv), 'CKR_MECHANISM_PARAM_INVALID')
      }
    }))
}

test('a program without room is told the length, and may ask again', () =>
  loggedIn(async ({ one, session, key }) => {
    const curve = await key(1)
    await one.call('C_SignInit', (request) => request.ulong(session).uint32(0x1044).ulong(curve))
    for (const room of [0, 1, 63, ABSENT]) assert.is(await one.result('C_Sign', session, MESSAGE, room), 64)
    const signature = await one.result('C_Sign', session, MESSAGE, 64)
    assert.ok(verify('sha256', MESSAGE, { key: publicKey('9a'), dsaEncoding: 'ieee-p1363' }, signature as Uint8Array))
    assert.is(
      await one.rv('C_Sign', (request) => request.ulong(session).byteArray(MESSAGE).uint32(64)),
      'CKR_OPERATION_NOT_INITIALIZED',
    )
    const [prime, ciphertext] = [await key(3), publicEncrypt({ key: publicKey('9d'), oaepHash: 'sha256' }, MESSAGE)]
    await one.call('C_DecryptInit', (request) =>
      ENCODINGS.new(request.ulong(session), 0x09, oaep(0x250, 2, '')).ulong(prime),
    )
    assert.is(await one.result('C_Decrypt', session, ciphertext, 0), 256)
    assert.is(await one.result('C_Decrypt', session, ciphertext, 3), MESSAGE.length)
    assert.equal(await one.result('C_Decrypt', session, ciphertext, MESSAGE.length), MESSAGE)
  }))

test('a signature in parts, and one that is given up', () =>
  loggedIn(async ({ one, session, key }) => {
    const curve = await key(1)
    const begin = (type: number) => one.rv('C_SignInit', (request) => request.ulong(session).uint32(type).ulong(curve))
    const part = (octets: Uint8Array) => one.rv('C_SignUpdate', (request) => request.ulong(session).byteArray(octets))
    assert.is(await begin(0x1044), 'CKR_OK')
    assert.is(await begin(0x1044), 'CKR_OPERATION_ACTIVE')
    for (const octets of [MESSAGE.subarray(0, 4), MESSAGE.subarray(4)]) assert.is(await part(octets), 'CKR_OK')
    assert.is(
      await one.rv('C_Sign', (request) => request.ulong(session).byteArray(MESSAGE).uint32(64)),
      'CKR_OPERATION_ACTIVE',
    )
    const answer = await one.call('C_SignFinal', (request) => request.ulong(session).uint32(64))
    answer.byte()
    const signature = answer.octets() ?? new Uint8Array(0)
    assert.ok(verify('sha256', MESSAGE, { key: publicKey('9a'), dsaEncoding: 'ieee-p1363' }, signature))
    assert.is(await part(MESSAGE), 'CKR_OPERATION_NOT_INITIALIZED')
    // What is not hashed here has an end.
    assert.is(await begin(0x1041), 'CKR_OK')
    assert.is(await part(new Uint8Array(5000)), 'CKR_DATA_LEN_RANGE')
    assert.is(await part(MESSAGE), 'CKR_OPERATION_NOT_INITIALIZED')
    assert.is(await begin(0x1041), 'CKR_OK')
    assert.is(await one.rv('C_SignInit', (request) => request.ulong(session).uint32(ABSENT).ulong(0)), 'CKR_OK')
    assert.is(await part(MESSAGE), 'CKR_OPERATION_NOT_INITIALIZED')
  }))

test('what is refused', () =>
  loggedIn(async ({ one, session, key }) => {
    const [curve, prime] = [await key(1), await key(3)]
    const begin = (type: number, handle: number, parameters?: (request: FieldWriter) => void) =>
      one.rv('C_SignInit', (request) => ENCODINGS.new(request.ulong(session), type, parameters).ulong(handle))
    for (const [type, handle, rv] of [
      [0x1041, prime, 'CKR_KEY_TYPE_INCONSISTENT'],
      [0x0001, curve, 'CKR_KEY_TYPE_INCONSISTENT'],
      [0x1042, curve, 'CKR_MECHANISM_INVALID'],
      [0x0006, prime, 'CKR_MECHANISM_INVALID'],
      [0x0003, prime, 'CKR_MECHANISM_INVALID'],
      [0x0009, prime, 'CKR_MECHANISM_INVALID'],
      [0x1041, 9999, 'CKR_KEY_HANDLE_INVALID'],
      [0x000d, prime, 'CKR_MECHANISM_PARAM_INVALID'],
    ] as const) {
      assert.is(await begin(type, handle), rv, `${type}`)
    }
    assert.is(await begin(0x0d, prime, pss(0x250, 3, 32)), 'CKR_MECHANISM_PARAM_INVALID')
    assert.is(await begin(0x0d, prime, pss(0x220, 1, 20)), 'CKR_MECHANISM_PARAM_INVALID')
    const sign = (octets: Uint8Array) =>
      one.rv('C_Sign', (request) => request.ulong(session).byteArray(octets).uint32(256))
    assert.is(await begin(0x0d, prime, pss(0x250, 2, 32)), 'CKR_OK')
    assert.is(await sign(new Uint8Array(20)), 'CKR_DATA_INVALID')
    assert.is(await begin(0x43, prime, pss(0x260, 3, 48)), 'CKR_OK')
    assert.is(await sign(MESSAGE), 'CKR_MECHANISM_PARAM_INVALID')
    assert.is(await begin(0x01, prime), 'CKR_OK')
    assert.is(await sign(new Uint8Array(246)), 'CKR_DATA_LEN_RANGE')
    const [, list] = [0, await one.call('C_GetMechanismList', (request) => request.ulong(1).uint32(0))]
    assert.is(list.byte(), 0)
    assert.is(await one.rv('C_GetMechanismInfo', (request) => request.ulong(1).ulong(0x1042)), 'CKR_MECHANISM_INVALID')
    assert.is(await one.rv('C_WaitForSlotEvent', (request) => request.ulong(1)), 'CKR_NO_EVENT')
    assert.is(await one.rv('C_WaitForSlotEvent', (request) => request.ulong(0)), 'CKR_FUNCTION_NOT_SUPPORTED')
    assert.is(
      await one.rv('C_SeedRandom', (request) => request.ulong(session).byteArray(MESSAGE)),
      'CKR_RANDOM_SEED_NOT_SUPPORTED',
    )
    assert.is(
      await one.rv('C_GenerateRandom', (request) => request.ulong(session).uint32(0x7fff_ffff)),
      'CKR_ARGUMENTS_BAD',
    )
  }))

test('objects: what they say, what they keep, and how much room they want', () =>
  loggedIn(async ({ one, session, key }) => {
    const curve = await key(1)
    const [open = 0] = await one.find(session, [CKA.class, CKO.publicKey], [CKA.label, utf8('PIV AUTH pubkey')])
    const { values } = await one.attributes(session, open, [CKA.publicKeyInfo, CKA.ecPoint, CKA.ecParams])
    const spki = createPublicKey({ key: Buffer.from(values[0] as Uint8Array), format: 'der', type: 'spki' })
    assert.ok(spki.equals(publicKey('9a')))
    const secret = await one.attributes(session, curve, [CKA.sensitive, CKA.value, CKA.extractable])
    assert.equal(secret, { values: [true, undefined, false], rv: 'CKR_ATTRIBUTE_SENSITIVE' })
    assert.is((await one.attributes(session, curve, [CKA.modulus])).rv, 'CKR_ATTRIBUTE_TYPE_INVALID')
    assert.equal(await one.attributes(session, curve, [CKA.label], 0), { values: [12], rv: 'CKR_OK' })
    assert.equal(await one.attributes(session, curve, [CKA.label], 5), { values: [12], rv: 'CKR_BUFFER_TOO_SMALL' })
    assert.is(
      await one.rv('C_GetAttributeValue', (request) => request.ulong(session).ulong(9999).uint32(0)),
      'CKR_OBJECT_HANDLE_INVALID',
    )
    const [chuid = 0] = await one.find(session, [CKA.class, CKO.data], [CKA.label, utf8('chuid')])
    const card = opened(memory)
    const content = (await card.getObject('chuid')) ?? new Uint8Array(0)
    assert.ok(equal((await one.attributes(session, chuid, [CKA.value])).values[0] as Uint8Array, content))
    await card.close()
    assert.equal(await one.find(session, [CKA.class, 77]), [])
  }))

test('changes want a session for writing, and a login', async () => {
  const fresh = await furnishedCard()
  await onBench([source(fresh)], async ({ program }) => {
    const one = await program()
    const [write, read] = [await one.session(), await one.session(4)]
    const certificate = (session: number, ...more: Parameters<typeof template>[1][]) =>
      one.rv('C_CreateObject', (request) => template(request.ulong(session), [CKA.class, CKO.certificate], ...more))
    const generate = (session: number, id: number) =>
      one.rv('C_GenerateKeyPair', (request) => {
        template(request.ulong(session).uint32(0x1040), [CKA.ecParams, Buffer.from('06082a8648ce3d030107', 'hex')])
        template(request, [CKA.id, Uint8Array.of(id)])
      })
    const value = [CKA.value, utf8('no certificate')] as const
    for (const change of [certificate, (session: number) => generate(session, 6)]) {
      assert.is(await change(read), 'CKR_SESSION_READ_ONLY')
      assert.is(await change(write), 'CKR_USER_NOT_LOGGED_IN')
    }
    const [chuid = 0] = await one.find(write, [CKA.label, utf8('chuid')])
    const destroy = (session: number) => one.rv('C_DestroyObject', (request) => request.ulong(session).ulong(chuid))
    assert.equal([await destroy(read), await destroy(write)], ['CKR_SESSION_READ_ONLY', 'CKR_USER_NOT_LOGGED_IN'])
    await one.login(write, PIN)
    assert.is(await destroy(write), 'CKR_ACTION_PROHIBITED')
    assert.is(await certificate(write), 'CKR_TEMPLATE_INCOMPLETE')
    assert.is(await certificate(write, value), 'CKR_ATTRIBUTE_VALUE_INVALID')
    assert.is(await certificate(write, value, [CKA.token, false]), 'CKR_TEMPLATE_INCONSISTENT')
    assert.is(await generate(write, 0), 'CKR_ATTRIBUTE_VALUE_INVALID')
    // A key that is there stays.
    assert.is(await generate(write, 1), 'CKR_ACTION_PROHIBITED')
    assert.is(await generate(write, 6), 'CKR_OK')
  })
})

test.run()
