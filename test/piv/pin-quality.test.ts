// Which PINs people are warned of.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import { pinWeakness } from '../../src/piv/pin-weakness.ts'

const ROWS = {
  known: ['12345678', '123456', '000000', '654321'],
  run: ['345678', '987654', '2345678', '901234', '246802'],
  repeated: ['111111', '77777777', '121212', '123123', '12341234', '112211'],
} as const

for (const [weakness, pins] of Object.entries(ROWS)) {
  test(weakness, () => {
    for (const pin of pins) assert.is(pinWeakness(utf8(pin)), weakness, pin)
  })
}

test('others are not: fewer than one in a hundred of all PINs of six digits', () => {
  for (const pin of ['271828', '483920', '86753098', '135790', '102938'])
    assert.is(pinWeakness(utf8(pin)), undefined, pin)
  let [weak, all] = [0, 0]
  // Each seventh, so that every digit is in every place.
  for (let number = 0; number < 1_000_000; number += 7) {
    all += 1
    if (pinWeakness(utf8(String(number).padStart(6, '0'))) !== undefined) weak += 1
  }
  assert.ok(weak > 0 && weak < all / 100, `${weak} of ${all}`)
})

test.run()
