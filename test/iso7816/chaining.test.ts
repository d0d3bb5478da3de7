// Command chaining on both sides, and answers in pieces.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../src/bytes.ts'
import { CommandChain, LONGEST_COMMAND, PendingResponse, splitChain } from '../../src/iso7816/chaining.ts'
import { type CommandApdu, parseCommand } from '../../src/iso7816/command.ts'
import { StatusError, SW } from '../../src/iso7816/status.ts'
import { tlv } from '../../src/iso7816/tlv.ts'
import { filled, octets } from '../support/octets.ts'
import { seeded } from '../support/random.ts'

/** `le` null: none. */
const sign = (data: Uint8Array, le: number | null = 256): CommandApdu => ({
  cla: 0x00,
  ins: 0x87,
  p1: 0x07,
  p2: 0x9a,
  data,
  le: le ?? undefined,
  extended: false,
})

function parsed(whole: Uint8Array): CommandApdu {
  const apdu = parseCommand(whole)
  if (apdu === undefined) throw new Error(`${hex(whole)} is no command`)
  return apdu
}

const status = (sw: number) => (error: unknown) => error instanceof StatusError && error.sw === sw

test('RSA-2048 as the reference has it: 255 octets and 11', () => {
  const data = tlv(0x7c, tlv(0x82), tlv(0x81, filled(256)))
  assert.is(data.length, 266)
  assert.is(hex(data.subarray(0, 10)), '7c820106820081820100')
  const parts = splitChain(sign(data), false)
  assert.equal(
    parts.map((part) => [hex(part.subarray(0, 5)), part.length]),
    [
      ['1087079aff', 5 + 255],
      ['0087079a0b', 5 + 11 + 1],
    ],
  )
  assert.is(parts[1]?.at(-1), 0x00)
})

test('one APDU where it fits, extended only where allowed', () => {
  assert.equal(splitChain(sign(octets('aa')), true), [octets('0087079a 01 aa 00')])
  assert.equal(splitChain(sign(octets(''), null), false), [octets('0087079a')])
  assert.equal(splitChain(sign(filled(256), null), true), [concat(octets('0087079a 00 0100'), filled(256))])
  assert.equal(splitChain(sign(octets('aa'), 65536), true), [octets('0087079a 00 0001 aa 0000')])
  // Short Le asks for 256 octets at most: the rest comes by GET RESPONSE.
  assert.equal(splitChain(sign(octets('aa'), 65536), false), [octets('0087079a 01 aa 00')])
  assert.is(splitChain(sign(filled(255)), false).length, 1)
  assert.is(splitChain(sign(filled(510)), false).length, 2)
  assert.is(splitChain(sign(filled(511)), false).length, 3)
  assert.throws(
    () => splitChain(sign(filled(65536)), true),
    (error: unknown) => error instanceof RangeError,
  )
})

test('what the host splits, the card puts together', () => {
  const random = seeded('chaining')
  const chain = new CommandChain()
  for (let round = 0; round < 300; round += 1) {
    const data = random.octets(random.pick([0, 1, 254, 255, 256, 510, 511, 3000]))
    const apdu = sign(data, random.pick([null, 1, 256]))
    const results = splitChain(apdu, random.chance(2)).map((part) => chain.add(parsed(part)))
    const last = results.pop()
    assert.ok(results.every((result) => result === 'more'))
    assert.ok(last !== undefined && last !== 'more')
    assert.equal({ ...last, extended: false }, apdu)
    assert.not(chain.active)
  }
})

test('parts with Le, and parts without data, are parts', () => {
  const chain = new CommandChain()
  assert.is(chain.add(parsed(octets('1087079a 01 aa 00'))), 'more')
  assert.is(chain.add(parsed(octets('1087079a'))), 'more')
  const whole = chain.add(parsed(octets('0087079a 01 bb 00')))
  assert.equal(whole, sign(octets('aabb')))
})

for (const [other, what] of [
  ['00cb3fff 05 5c035fc102 00', 'another command'],
  ['0087119a 01 cc 00', 'another P1'],
  ['0087079c 01 cc 00', 'another P2'],
  ['0187079a 01 cc 00', 'another channel'],
] as const) {
  test(`a chain ends without effect at ${what}`, () => {
    const chain = new CommandChain()
    assert.is(chain.add(parsed(octets('1087079a 01 aa'))), 'more')
    const apdu = parsed(octets(other))
    assert.equal(chain.add(apdu), apdu)
    assert.not(chain.active)
    // What would have been its last part is now a command of its own.
    assert.equal(chain.add(parsed(octets('0087079a 01 bb 00'))), sign(octets('bb')))
  })

  test(`a chain begins anew with ${what}`, () => {
    const chain = new CommandChain()
    chain.add(parsed(octets('1087079a 01 aa')))
    const apdu = parsed(octets(other))
    assert.is(chain.add({ ...apdu, cla: apdu.cla | 0x10 }), 'more')
    assert.equal(chain.add(apdu), { ...apdu, data: concat(apdu.data, apdu.data) })
  })
}

test('no command is longer than the limit, chained or not', () => {
  const chain = new CommandChain(600)
  const part = () => chain.add(parsed(concat(octets('1087079a ff'), filled(255))))
  part()
  part()
  assert.throws(part, status(SW.WRONG_LENGTH))
  assert.not(chain.active)
  part()
  part()
  const rest = (length: number) => parsed(concat(octets('0087079a'), Uint8Array.of(length), filled(length)))
  assert.throws(() => chain.add(rest(91)), status(SW.WRONG_LENGTH))
  part()
  part()
  const whole = chain.add(rest(90))
  assert.is(whole === 'more' ? 0 : whole.data.length, 600)
  assert.throws(() => chain.add({ ...sign(filled(601)), extended: true }), status(SW.WRONG_LENGTH))
  assert.throws(() => new CommandChain().add(sign(filled(LONGEST_COMMAND + 1))), status(SW.WRONG_LENGTH))
})

test('parts are copies: the buffer they were read into may be used again', () => {
  const chain = new CommandChain()
  const buffer = octets('1087079a 02 0102')
  chain.add(parsed(buffer))
  buffer.fill(0xee)
  assert.equal(chain.add(parsed(octets('0087079a 01 03 00'))), sign(octets('010203')))
})

test('reset forgets a chain', () => {
  const chain = new CommandChain()
  chain.add(parsed(octets('1087079a 01 aa')))
  assert.ok(chain.active)
  chain.reset()
  assert.not(chain.active)
  assert.equal(chain.add(parsed(octets('0087079a 01 bb 00'))), sign(octets('bb')))
})

test('an RSA-2048 signature: 256 octets, 6108, then eight', () => {
  const pending = new PendingResponse()
  const data = tlv(0x7c, tlv(0x82, filled(256)))
  assert.is(data.length, 264)
  assert.is(hex(data.subarray(0, 8)), '7c82010482820100')
  const first = pending.take(data, 256)
  assert.equal([first.data.length, first.sw], [256, 0x6108])
  const second = pending.next(8)
  assert.equal([second.data.length, second.sw], [8, SW.OK])
  assert.equal(concat(first.data, second.data), data)
  assert.throws(() => pending.next(256), status(SW.CONDITIONS_OF_USE))
})

test('no Le asks for 256, a large Le for everything', () => {
  const pending = new PendingResponse()
  assert.equal(pending.take(filled(300), undefined).sw, 0x612c)
  assert.equal(pending.next(undefined).data.length, 44)
  assert.equal(pending.take(filled(3000), 65536).sw, SW.OK)
  assert.not(pending.active)
  assert.equal(pending.take(filled(3000), 256).sw, 0x6100)
  assert.equal(pending.take(octets('aa'), 256).sw, SW.OK)
  assert.not(pending.active, 'a new answer takes the place of the rest of the old one')
})

test('pieces of any size are the whole', () => {
  const random = seeded('pieces')
  const pending = new PendingResponse()
  for (let round = 0; round < 300; round += 1) {
    const data = random.octets(random.below(1200))
    const le = () => random.pick([undefined, 1, 2, 100, 255, 256])
    let answer = pending.take(data, le())
    const pieces = [answer.data]
    while (answer.sw !== SW.OK) {
      const left = data.length - pieces.reduce((sum, piece) => sum + piece.length, 0)
      assert.is(answer.sw, 0x6100 | (left > 255 ? 0 : left))
      answer = pending.next(le())
      pieces.push(answer.data)
    }
    assert.equal(concat(...pieces), data)
  }
})

test('the rest is a copy, and is forgotten', () => {
  const pending = new PendingResponse()
  const data = octets('01020304')
  pending.take(data, 2)
  data.fill(0)
  assert.equal(pending.next(1).data, octets('03'))
  assert.ok(pending.active)
  pending.clear()
  assert.throws(() => pending.next(1), status(SW.CONDITIONS_OF_USE))
})

test.run()
