// The two objects in which Yubico's programs keep an admin key behind the PIN.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, hex } from '../../src/bytes.ts'
import { isProtectedData, keyIn, saysProtected, withProtection, writeKey } from '../../src/piv/admin-data.ts'

const octets = (digits: string) => fromHex(digits) ?? new Uint8Array(0)

test('the flag: set and cleared, beside the other parts and without the salt', () => {
  assert.is(hex(withProtection(undefined, true)), '8003810102')
  assert.is(hex(withProtection(octets('8003810102'), false)), '8000')
  // The PUK is blocked, a derived key has a salt, and a time.
  const before = octets('800c8101018204aabbccdd830109')
  assert.is(hex(withProtection(before, true)), '8006810103830109')
  assert.is(saysProtected(before), false)
  assert.is(saysProtected(withProtection(before, true)), true)
})

test('the key: as it was written, and nothing of other contents', () => {
  const key = octets('0102030405060708')
  assert.is(hex(writeKey(key)), '880a89080102030405060708')
  assert.equal(keyIn(writeKey(key)), key)
  for (const other of ['', '8800', '0104', '01044d617269', '88ff', '30028900']) {
    assert.is(keyIn(octets(other)), undefined, other)
  }
  assert.is(isProtectedData(octets('8800')), true)
  assert.is(isProtectedData(octets('01044d617269')), false)
  for (const other of [undefined, octets(''), octets('810102'), octets('80ff')]) assert.is(saysProtected(other), false)
})

test.run()
