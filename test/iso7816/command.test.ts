// Command APDUs: the seven forms, the limits, and lengths that contradict each other.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../src/bytes.ts'
import { type CommandApdu, encodeCommand, parseCommand } from '../../src/iso7816/command.ts'
import { filled, octets } from '../support/octets.ts'
import { seeded } from '../support/random.ts'

const empty = new Uint8Array(0)
const header = { cla: 0x00, ins: 0xcb, p1: 0x3f, p2: 0xff }

/** ISO/IEC 7816-3, 12.1.3: case, octets, what they mean. */
const FORMS: ReadonlyArray<
  readonly [name: string, digits: string, apdu: Omit<CommandApdu, 'cla' | 'ins' | 'p1' | 'p2'>]
> = [
  ['1', '', { data: empty, le: undefined, extended: false }],
  ['2', '05', { data: empty, le: 5, extended: false }],
  ['2, 256', '00', { data: empty, le: 256, extended: false }],
  ['3', '02 aabb', { data: octets('aabb'), le: undefined, extended: false }],
  ['4', '02 aabb ff', { data: octets('aabb'), le: 255, extended: false }],
  ['4, 256', '02 aabb 00', { data: octets('aabb'), le: 256, extended: false }],
  ['2E', '00 0100', { data: empty, le: 256, extended: true }],
  ['2E, 65536', '00 0000', { data: empty, le: 65536, extended: true }],
  ['3E', '00 0002 aabb', { data: octets('aabb'), le: undefined, extended: true }],
  ['4E', '00 0002 aabb 1234', { data: octets('aabb'), le: 0x1234, extended: true }],
  ['4E, 65536', '00 0002 aabb 0000', { data: octets('aabb'), le: 65536, extended: true }],
]

for (const [name, digits, apdu] of FORMS) {
  test(`case ${name}`, () => {
    const whole = octets(`00cb3fff ${digits}`)
    assert.equal(parseCommand(whole), { ...header, ...apdu })
    assert.is(hex(encodeCommand({ ...header, ...apdu })), hex(whole))
  })
}

for (const [digits, what] of [
  ['', 'nothing'],
  ['00', 'one octet'],
  ['00cb3f', 'three octets'],
  ['00cb3fff 02 aa', 'less data than Lc says'],
  ['00cb3fff 02 aabb 00 00', 'more than Le after the data'],
  ['00cb3fff 00 00', 'six octets, the fifth 00'],
  ['00cb3fff 00 0000 aa', 'extended Lc of 0'],
  ['00cb3fff 00 0000 0000', 'extended Lc of 0 and Le'],
  ['00cb3fff 00 0003 aabb', 'less data than an extended Lc says'],
  ['00cb3fff 00 0002 aabb 00', 'an extended Le of one octet'],
  ['00cb3fff 00 0002 aabb 000000', 'an extended Le of three octets'],
] as const) {
  test(`malformed: ${what}`, () => assert.is(parseCommand(octets(digits)), undefined))
}

test('commands of the reference', () => {
  const select = parseCommand(octets('00a4040009a00000030800001000 00'))
  assert.equal(select?.data, octets('a00000030800001000'))
  assert.is(select?.le, 256)
  const verify = parseCommand(octets('00 20 00 80 08 31 32 33 34 35 36 ff ff'))
  assert.equal(verify?.data, octets('313233343536ffff'))
  assert.is(verify?.le, undefined)
  // Both forms of the empty VERIFY have no data.
  for (const digits of ['00200080', '0020008000']) assert.is(parseCommand(octets(digits))?.data.length, 0)
})

test('the longest of each form', () => {
  for (const [extended, most, mostLe] of [
    [false, 255, 256],
    [true, 65535, 65536],
  ] as const) {
    const apdu = { ...header, data: filled(most), le: mostLe, extended }
    assert.equal(parseCommand(encodeCommand(apdu)), apdu)
    for (const wrong of [
      { ...apdu, data: filled(most + 1) },
      { ...apdu, le: mostLe + 1 },
      { ...apdu, le: 0 },
      { ...apdu, le: 1.5 },
      { ...apdu, cla: 256 },
      { ...apdu, p2: -1 },
    ]) {
      assert.throws(
        () => encodeCommand(wrong),
        (error: unknown) => error instanceof RangeError,
      )
    }
  }
})

test('data is a view, so that who read it can wipe it', () => {
  const whole = octets('00200080 02 3132')
  const apdu = parseCommand(whole)
  whole.fill(0)
  assert.equal(apdu?.data, octets('0000'))
})

test('round trips of random commands', () => {
  const random = seeded('command')
  for (let round = 0; round < 2000; round += 1) {
    const extended = random.chance(2)
    const data = random.octets(random.pick(extended ? [0, 1, 255, 256, 700] : [0, 1, 16, 254, 255]))
    const le = random.pick([undefined, 1, 255, 256, ...(extended ? [257, 65535, 65536] : [])])
    const [cla, ins, p1, p2] = random.octets(4) as unknown as [number, number, number, number]
    // Without data and Le nothing tells an extended command from a short one.
    const form = extended && (data.length > 0 || le !== undefined)
    const apdu = { cla, ins, p1, p2, data, le, extended: form }
    assert.equal(parseCommand(encodeCommand({ ...apdu, extended })), apdu)
  }
})

test('whatever can be parsed is encoded the same', () => {
  const random = seeded('command, any octets')
  for (let round = 0; round < 20_000; round += 1) {
    const whole = concat(
      random.octets(random.below(5)),
      random.pick([empty, octets('00'), octets('0000'), octets('02')]),
      random.octets(random.below(6)),
    )
    const apdu = parseCommand(whole)
    if (apdu !== undefined) assert.is(hex(encodeCommand(apdu)), hex(whole))
  }
})

test.run()
