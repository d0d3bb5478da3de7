// What was decrypted of a PKCS#12 file is overwritten, also where the file turns out to be damaged.
import { createCipheriv, createDecipheriv, pbkdf2Sync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import { decrypt } from '../../src/enroll/pkcs12-ciphers.ts'
import { Pkcs12Work } from '../../src/enroll/pkcs12-work.ts'
import { DER } from '../../src/iso7816/der.ts'
import { tlv } from '../../src/iso7816/tlv.ts'
import { oid } from '../../src/x509/oid.ts'

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

test.run()
