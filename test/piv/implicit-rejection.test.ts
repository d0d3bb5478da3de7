// PKCS#1 v1.5 without an oracle.
import { randomBytes } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { unpadPkcs1Implicitly } from '../../src/piv/host/implicit-rejection.ts'

const SIZE = 256
const ciphertext = (number: number) => new Uint8Array(SIZE).fill(number)
/** 00 02, padding, 00, message. */
function block(message: Uint8Array): Uint8Array {
  const octets = new Uint8Array(SIZE).fill(0xaa)
  octets.set([0x00, 0x02])
  octets[SIZE - message.length - 1] = 0
  octets.set(message, SIZE - message.length)
  return octets
}
const changed = (octets: Uint8Array, at: number, to: number) =>
  octets.map((octet, index) => (index === at ? to : octet))

test('a good block: its message, of every length', () => {
  for (const length of [0, 1, 14, 48, SIZE - 11]) {
    const message = new Uint8Array(length).fill(7)
    assert.equal(unpadPkcs1Implicitly(block(message), ciphertext(1)), message)
  }
})

const good = block(new Uint8Array(48).fill(7))
const BAD: Readonly<Record<string, Uint8Array>> = {
  'the first octet': changed(good, 0, 1),
  'the second octet': changed(good, 1, 1),
  'padding of seven octets': changed(good, 9, 0),
  'no end of the padding': new Uint8Array(SIZE).fill(0xaa).map((octet, at) => [0, 2][at] ?? octet),
  'nothing but zeros': new Uint8Array(SIZE),
}
for (const [what, bad] of Object.entries(BAD)) {
  test(`a bad block (${what}): octets that mean nothing, the same each time for one ciphertext`, () => {
    const first = unpadPkcs1Implicitly(bad, ciphertext(1))
    assert.equal(unpadPkcs1Implicitly(bad, ciphertext(1)), first)
    assert.equal(unpadPkcs1Implicitly(BAD['nothing but zeros'] ?? bad, ciphertext(1)), first, 'whatever was wrong')
    assert.not.equal(unpadPkcs1Implicitly(bad, ciphertext(2)), first)
    assert.ok(first.length <= SIZE - 11)
  })
}

test('the lengths of what means nothing are spread over all that there are', () => {
  const lengths = new Set<number>()
  for (let number = 0; number < 200; number += 1)
    lengths.add(unpadPkcs1Implicitly(new Uint8Array(SIZE), randomBytes(SIZE)).length)
  assert.ok(lengths.size > 50 && Math.max(...lengths) > 128 && Math.min(...lengths) < 128)
})

test.run()
