// Dates for people: their time zone, one form.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { validity } from '../../src/cli/reader-card.ts'
import { clock, day } from '../../src/dates.ts'

const before = process.env.TZ
test.after.each(() => {
  if (before === undefined) delete process.env.TZ
  else process.env.TZ = before
})

const zones: ReadonlyArray<readonly [zone: string, moment: string, shown: string]> = [
  ['UTC', '2026-11-30T23:05:09Z', '2026-11-30 23:05:09 UTC'],
  ['Europe/Berlin', '2026-11-30T23:05:09Z', '2026-12-01 00:05:09 UTC+01:00'],
  ['Europe/Berlin', '2026-07-01T12:00:00Z', '2026-07-01 14:00:00 UTC+02:00'],
  ['America/St_Johns', '2026-01-01T00:00:00Z', '2025-12-31 20:30:00 UTC-03:30'],
  ['Asia/Seoul', '2026-02-28T16:00:00Z', '2026-03-01 01:00:00 UTC+09:00'],
]
for (const [zone, moment, shown] of zones) {
  test(`${zone}: ${moment}`, () => {
    process.env.TZ = zone
    assert.is(clock(new Date(moment)), shown)
    assert.is(day(new Date(moment)), shown.slice(0, 10))
  })
}

test('the end of a certificate is a day here, as everywhere else', () => {
  process.env.TZ = 'Asia/Seoul'
  assert.is(validity('2999-12-31T23:00:00.000Z'), '3000-01-01')
  assert.is(validity('2020-12-31T23:00:00.000Z'), 'expired 2021-01-01')
})

test.run()
