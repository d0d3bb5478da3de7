// Response APDUs and status words.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError } from '../../src/errors.ts'
import { encodeResponse, parseResponse } from '../../src/iso7816/response.ts'
import {
  isMore,
  isWrongLe,
  moreData,
  STATUS_TEXTS,
  StatusError,
  SW,
  statusName,
  statusText,
  triesLeft,
  wrongTry,
} from '../../src/iso7816/status.ts'
import { filled, octets } from '../support/octets.ts'
import { seeded } from '../support/random.ts'

test('responses, round trip', () => {
  assert.equal(parseResponse(octets('9000')), { data: octets(''), sw: SW.OK })
  assert.equal(parseResponse(octets('aabb 6108')), { data: octets('aabb'), sw: 0x6108 })
  const random = seeded('response')
  for (let round = 0; round < 500; round += 1) {
    const response = { data: random.octets(random.below(300)), sw: random.below(0x10000) }
    assert.equal(parseResponse(encodeResponse(response)), response)
  }
})

test('what is no response', () => {
  const refused = (error: unknown) => error instanceof CardError && error.code === 'ERR_DATA'
  for (const wrong of [octets(''), octets('90'), filled(65539)]) assert.throws(() => parseResponse(wrong), refused)
  assert.is(parseResponse(filled(65538)).data.length, 65536)
})

test('tries left', () => {
  for (const [sw, tries] of [
    [0x63c5, 5],
    [0x63c0, 0],
    [0x63cf, 15],
    [0x6983, 0],
    [0x6302, 2], // old cards
    [0x6300, undefined],
    [0x6310, undefined],
    [0x9000, undefined],
    [0x6982, undefined],
  ] as const) {
    assert.is(triesLeft(sw), tries, sw.toString(16))
  }
  for (const tries of [0, 1, 15]) assert.is(triesLeft(wrongTry(tries)), tries)
  assert.is(wrongTry(200), 0x63cf)
})

test('61xx says how much is left, as far as it can', () => {
  for (const [left, sw] of [
    [1, 0x6101],
    [8, 0x6108],
    [255, 0x61ff],
    [256, 0x6100],
    [5000, 0x6100],
  ] as const) {
    assert.is(moreData(left), sw)
    assert.ok(isMore(sw))
  }
  assert.not(isMore(0x6c10))
  assert.ok(isWrongLe(0x6c10))
})

test('every status word has a text of its own or that of its family', () => {
  for (const [name, sw] of Object.entries(SW)) assert.is(statusName(sw), name)
  assert.is(statusName(0x63c2), 'TRIES_LEFT')
  assert.is(statusName(0x6142), 'MORE_DATA')
  assert.is(statusName(0x6c42), 'WRONG_LE')
  assert.is(statusName(0x1234), undefined)
  assert.is(statusText(0x63c2), `${STATUS_TEXTS.TRIES_LEFT} (status 63C2)`)
  assert.is(statusText(0x0042), 'status 0042')
  assert.equal(Object.keys(STATUS_TEXTS), Object.keys(SW))
})

test('status words of the reference are known', () => {
  const words =
    '9000 6100 6300 63c0 6700 6882 6883 6982 6983 6985 6987 6988 6a80 6a81 6a82 6a84 6a86 6a88 6b00 6c00 6d00 6e00 6581 6984 6986 6999 6f00'
  for (const word of words.split(' ')) assert.ok(statusName(Number.parseInt(word, 16)), word)
})

test('an error of the card side', () => {
  const cause = new Error('why')
  const error = new StatusError(SW.SECURITY_STATUS, { cause })
  assert.is(error.sw, 0x6982)
  assert.is(error.cause, cause)
  assert.match(error.message, '6982')
})

test.run()
