// What was decrypted of a PKCS#12 file is overwritten, also where the file turns out to be damaged.
import { createCipheriv, createDecipheriv, generateKeyPairSync, pbkdf2Sync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, utf8 } from '../../src/bytes.ts'
import { readPkcs12 } from '../../src/enroll/pkcs12.ts'
import { decrypt } from '../../src/enroll/pkcs12-ciphers.ts'
import { Pkcs12Work } from '../../src/enroll/pkcs12-work.ts'
import { DER } from '../../src/iso7816/der.ts'
import { tlv } from '../../src/iso7816/tlv.ts'
import { toDer } from '../../src/x509/ber.ts'
import { oid } from '../../src/x509/oid.ts'
import { privateJwk } from '../support/private-jwk.ts'
import { file, openssl, write } from './support/openssl.ts'

const passphrase = utf8('a passphrase')
const secrets = { passphrase, bmp: passphrase }
const SALT = utf8('saltsalt')
const ROUNDS = 1000
const sequence = (...parts: readonly Uint8Array[]) => tlv(DER.sequence, ...parts)
const rounds = tlv(DER.integer, Uint8Array.of(ROUNDS >> 8, ROUNDS & 0xff))
const derivation = sequence(
  oid('1.2.840.113549.1.5.12'),
  sequence(tlv(DER.octetString, SALT), rounds, sequence(oid('1.2.840.113549.2.9'))),
)

/** Everything that a method of a prototype answers during `work`. */
async function answers(prototype: object, method: string, work: () => Promise<unknown>) {
  const found: Uint8Array[] = []
  const original = Reflect.get(prototype, method)
  Reflect.set(prototype, method, function (this: unknown, ...args: unknown[]) {
    const result = Reflect.apply(original, this, args)
    found.push(result as Uint8Array)
    return result
  })
  await work().finally(() => Reflect.set(prototype, method, original))
  return found
}

const isZero = (octets: Uint8Array) => octets.every((octet) => octet === 0)

test('a text whose end is damaged', async () => {
  const [key, iv] = [pbkdf2Sync(passphrase, SALT, ROUNDS, 16, 'sha256'), new Uint8Array(16)]
  const cipher = createCipheriv('aes-128-cbc', key, iv)
  const whole = Buffer.concat([cipher.update(Buffer.alloc(64, 0x41)), cipher.final()])
  const algorithm = Buffer.concat([
    oid('1.2.840.113549.1.5.13'),
    sequence(derivation, sequence(oid('2.16.840.1.101.3.4.1.2'), tlv(DER.octetString, iv))),
  ])
  const prototype = Object.getPrototypeOf(createDecipheriv('aes-128-cbc', key, iv))
  const open = (octets: Uint8Array) => decrypt(algorithm, octets, secrets, new Pkcs12Work())
  const [good] = await answers(prototype, 'update', async () => {
    assert.is((await open(whole)).length, 64)
  })
  const [bad] = await answers(prototype, 'update', () =>
    open(whole.subarray(0, 64)).then(
      () => assert.unreachable(),
      () => undefined,
    ),
  )
  assert.ok(good && good.length > 0 && isZero(good))
  assert.ok(bad && bad.length > 0 && isZero(bad), 'what was decrypted before the end')
})

/** Every buffer that is made during `work` and that has `secret` in it afterwards. */
async function copiesOf(secret: Uint8Array, work: () => unknown): Promise<Uint8Array[]> {
  const made: Uint8Array[] = []
  const Original = globalThis.ArrayBuffer
  globalThis.ArrayBuffer = class extends Original {
    constructor(length: number) {
      super(length)
      made.push(new Uint8Array(this))
    }
  } as ArrayBufferConstructor
  try {
    await work()
  } finally {
    globalThis.ArrayBuffer = Original
  }
  assert.ok(made.length > 0, 'buffers were seen')
  return made.filter((octets) => Buffer.from(octets.buffer).includes(Buffer.from(secret)))
}

const SECRET = utf8('the octets of a private key, which nobody else may find')
const indefinite = (tag: number, ...parts: readonly Uint8Array[]) =>
  concat(Uint8Array.of(tag, 0x80), ...parts, Uint8Array.of(0, 0))
const pieces = indefinite(0x24, tlv(DER.octetString, SECRET), tlv(DER.octetString, SECRET))

for (const [what, ber] of [
  ['octets', tlv(DER.octetString, SECRET)],
  ['octets in a sequence', sequence(sequence(tlv(DER.octetString, SECRET)))],
  ['octets in a sequence without a length', indefinite(DER.sequence, indefinite(DER.sequence, tlv(4, SECRET)))],
  ['octets in pieces', sequence(pieces)],
  ['long octets', tlv(DER.octetString, SECRET, new Uint8Array(0xff00))],
  ['octets in two long sequences', sequence(tlv(4, SECRET, new Uint8Array(0xff)), tlv(4, new Uint8Array(0xfc00)))],
] as const) {
  test(`BER to DER, ${what}: only the result has them`, async () => {
    let der = new Uint8Array(0)
    const copies = await copiesOf(SECRET, () => {
      der = toDer(ber) as typeof der
    })
    assert.equal(
      copies.map(({ buffer }) => buffer === der.buffer),
      [true],
    )
  })
}

for (const [what, ber] of [
  ['octets after it', concat(sequence(tlv(4, SECRET)), Uint8Array.of(0))],
  ['a later part is cut off', sequence(tlv(4, SECRET), Uint8Array.of(4, 9))],
  ['a later part without a length is cut off', indefinite(DER.sequence, tlv(4, SECRET), Uint8Array.of(4, 9))],
  ['a piece is none', indefinite(0x24, tlv(4, SECRET), tlv(DER.integer, SECRET))],
] as const) {
  test(`BER to DER, refused because ${what}: nothing has them`, async () => {
    assert.equal(await copiesOf(SECRET, () => assert.throws(() => toDer(ber))), [])
  })
}

test('a file: only the key that it answers has the key', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  write('key.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }))
  openssl('req', '-x509', '-key', 'key.pem', '-subj', '/CN=x', '-out', 'cert.pem')
  const secret = Buffer.from(privateJwk(privateKey).d ?? '', 'base64url')
  for (const protection of [[], ['-keypbe', 'NONE'], ['-keypbe', 'NONE', '-certpbe', 'NONE']]) {
    const made = ['-inkey', 'key.pem', '-in', 'cert.pem', '-passout', 'pass:a passphrase', '-out', 'file.p12']
    openssl('pkcs12', '-export', ...protection, ...made)
    const octets = file('file.p12')
    let key = new Uint8Array(0)
    const copies = await copiesOf(secret, async () => {
      key = (await readPkcs12(octets, passphrase)).privateKey as typeof key
    })
    assert.equal(
      copies.map(({ buffer }) => buffer === key.buffer),
      [true],
      protection.join(' '),
    )
  }
})

test.run()
