// The raw RSA operation is offered to TLS alone, and to it for padded digests alone.
import { randomBytes } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat } from '../../src/bytes.ts'
import * as enroll from '../../src/enroll/index.ts'
import { CardError } from '../../src/errors.ts'
import * as library from '../../src/index.ts'
import { HASHES, type Hash } from '../../src/piv/algorithms.ts'
import { pkcs1Block } from '../../src/piv/emsa.ts'
import { checkBlock, rsaBlock } from '../../src/piv/host/signature.ts'
import * as serve from '../../src/serve/index.ts'
import * as signin from '../../src/signin/index.ts'
import * as tls from '../../src/tls/index.ts'

const LENGTHS = [256, 384] as const
const random = (length: number) => Uint8Array.from(randomBytes(length))
const changed = (block: Uint8Array, at: number, octet: number) => block.map((old, i) => (i === at ? octet : old))

function refused(block: Uint8Array, length: number, what: string): void {
  assert.throws(
    () => checkBlock(block, length),
    (error: unknown) => error instanceof CardError && error.code === 'ERR_DATA',
    what,
  )
}

test('padded digests of every hash pass, as they are', () => {
  for (const length of LENGTHS) {
    for (const hash of Object.keys(HASHES) as Hash[]) {
      for (const padding of ['pkcs1', 'pss'] as const) {
        const block = rsaBlock(random(HASHES[hash]), { hash, padding, format: 'der' }, length)
        assert.is(checkBlock(block, length), block)
      }
    }
  }
})

test('what is to be decrypted, what is bare, and what is padded in part is refused', () => {
  const length = 256
  const good = pkcs1Block(random(32), 'SHA-256', length)
  const ciphertext = changed(changed(random(length), 0, 0x80), length - 1, 0xbc)
  refused(ciphertext, length, 'a first bit that no padding has')
  refused(changed(changed(random(length), 0, 0x00), length - 1, 0x00), length, 'any number')
  refused(concat(Uint8Array.of(0, 2), random(length - 3), Uint8Array.of(1)), length, 'padded for encryption')
  refused(new Uint8Array(length), length, 'zero')
  refused(changed(new Uint8Array(length), length - 1, 1), length, 'one')
  refused(new Uint8Array(0), length, 'nothing')
  refused(good.slice(1), length, 'too short')
  refused(concat(good, Uint8Array.of(0)), length, 'too long')
  refused(good, 384, 'of another key')
  // Each octet of the padding and of the digest's name counts; the digest's own do not.
  for (let at = 0; at < length - 32; at += 1) refused(changed(good, at, (good[at] ?? 0) ^ 0x40), length, `octet ${at}`)
  const md5sha1 = concat(Uint8Array.of(0, 1), new Uint8Array(length - 39).fill(0xff), Uint8Array.of(0), random(36))
  refused(changed(md5sha1, length - 1, 0), length, 'a digest without a name, of TLS 1.1')
})

test('no entry point exports what would do it', () => {
  const exported = [library, enroll, serve, signin, tls].flatMap((entry) => Object.keys(entry))
  const names = [...exported, ...Object.getOwnPropertyNames(library.Card.prototype)]
  assert.ok(names.includes('cardAgent') && names.includes('signDigest'))
  assert.equal(
    names.filter((name) => /(?<!un)block|raw|session/i.test(name)),
    [],
  )
})

test.run()
