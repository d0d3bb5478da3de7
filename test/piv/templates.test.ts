// Templates of GENERAL AUTHENTICATE and GENERATE, byte for byte as the reference has them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../src/bytes.ts'
import { splitChain } from '../../src/iso7816/chaining.ts'
import { TlvError } from '../../src/iso7816/tlv.ts'
import {
  ASKED,
  type Authentication,
  pinPolicyById,
  readAuthentication,
  readAuthenticationAnswer,
  readKeyTemplate,
  writeAuthentication,
  writeKeyTemplate,
} from '../../src/piv/templates.ts'
import { filled, octets, truncations, withTrailer } from '../support/octets.ts'
import { seeded } from '../support/random.ts'

const refused = (error: unknown) => error instanceof TlvError
const block = (length: number) => filled(length, 0x5a)

/** SP 800-73-5 part 2; what comes before the last argument is the reference's text. */
const EXCHANGES: ReadonlyArray<readonly [what: string, start: string, fields: Authentication]> = [
  ['sign, P-256', '7c 24 82 00 81 20', { response: ASKED, challenge: block(32) }],
  ['sign, P-384', '7c 34 82 00 81 30', { response: ASKED, challenge: block(48) }],
  ['sign, RSA-2048', '7c 82 01 06 82 00 81 82 01 00', { response: ASKED, challenge: block(256) }],
  ['sign, RSA-1024', '7c 81 85 82 00 81 81 80', { response: ASKED, challenge: block(128) }],
  ['answer, RSA-2048', '7c 82 01 04 82 82 01 00', { response: block(256) }],
  ['answer, RSA-1024', '7c 81 83 82 81 80', { response: block(128) }],
  ['ECDH, P-256', '7c 45 82 00 85 41', { response: ASKED, exponentiation: block(65) }],
  ['ECDH, P-384', '7c 65 82 00 85 61', { response: ASKED, exponentiation: block(97) }],
  ['9B mutual, step 1', '7c 02 80 00', { witness: ASKED }],
  ['9B single, step 1', '7c 02 81 00', { challenge: ASKED }],
  ['9B mutual, answer 1, 3DES', '7c 0a 80 08', { witness: block(8) }],
  ['9B mutual, answer 1, AES', '7c 12 80 10', { witness: block(16) }],
  ['9B single, answer 1, AES', '7c 12 81 10', { challenge: block(16) }],
  ['9B single, step 2, 3DES', '7c 0a 82 08', { response: block(8) }],
  ['9B single, step 2, AES', '7c 12 82 10', { response: block(16) }],
]

for (const [what, start, fields] of EXCHANGES) {
  test(what, () => {
    const value = Object.values(fields).find((field) => field.length > 0) ?? ASKED
    const whole = concat(octets(start), value)
    assert.is(hex(writeAuthentication(fields)), hex(whole))
    assert.equal(readAuthentication(whole), fields)
    for (const wrong of [...truncations(whole), ...withTrailer(whole)]) {
      assert.throws(() => readAuthentication(wrong), refused)
    }
  })
}

test('9B mutual, step 2: witness and challenge, with and without a request for the response', () => {
  const [w, c] = [filled(8, 0x11), filled(8, 0x22)]
  const bare = concat(octets('7c 14 80 08'), w, octets('81 08'), c)
  assert.is(hex(writeAuthentication({ witness: w, challenge: c })), hex(bare))
  assert.equal(readAuthentication(bare), { witness: w, challenge: c })
  const asking = concat(octets('7c 16 80 08'), w, octets('81 08'), c, octets('82 00'))
  assert.equal(readAuthentication(asking), { witness: w, challenge: c, response: ASKED })
  assert.is(writeAuthentication({ witness: block(16), challenge: block(16) }).length, 0x26)
})

test('whole commands of the reference', () => {
  const command = (p1: number, p2: number, fields: Authentication) =>
    hex(
      splitChain(
        { cla: 0, ins: 0x87, p1, p2, data: writeAuthentication(fields), le: 256, extended: false },
        false,
      )[0] ?? ASKED,
    )
  const digest = hex(block(32))
  assert.is(command(0x11, 0x9c, { response: ASKED, challenge: block(32) }), `0087119c267c2482008120${digest}00`)
  assert.match(command(0x14, 0x9c, { response: ASKED, challenge: block(48) }), /^0087149c367c3482008130/)
  assert.match(command(0x11, 0x9d, { response: ASKED, exponentiation: block(65) }), /^0087119d477c4582008541/)
  assert.match(command(0x14, 0x9d, { response: ASKED, exponentiation: block(97) }), /^0087149d677c6582008561/)
  assert.is(command(0x03, 0x9b, { witness: ASKED }), '0087039b047c02800000')
  assert.is(command(0x0a, 0x9b, { challenge: ASKED }), '00870a9b047c02810000')
})

for (const [digits, what] of [
  ['7d 02 80 00', 'another template'],
  ['7c 02 83 00', 'a field that PIV has not'],
  ['7c 04 81 00 81 00', 'a field twice'],
  ['7c 03 80 00', 'a length that goes too far'],
  ['80 00', 'no template'],
  ['', 'nothing'],
] as const) {
  test(`refused: ${what}`, () => assert.throws(() => readAuthentication(octets(digits)), refused))
}

test('lengths in any form of ISO/IEC 7816-4, from hosts and from cards', () => {
  const fields = { response: ASKED, challenge: block(32) }
  for (const start of ['7c 81 24 82 00 81 20', '7c 82 00 26 82 81 00 81 81 20', '7c 83 000027 82 82 0000 81 81 20']) {
    const whole = concat(octets(start), block(32))
    assert.equal(readAuthentication(whole), fields, start)
    assert.equal(readAuthenticationAnswer(whole), fields, start)
  }
  assert.equal(readKeyTemplate(octets('ac 81 04 80 81 01 11')), { algorithm: 0x11 })
})

test("of a card's answer what is known is found", () => {
  const whole = octets('7c 08 99 01 00 82 01 aa 83 00')
  assert.equal(readAuthenticationAnswer(whole), { response: octets('aa') })
  assert.equal(readAuthenticationAnswer(concat(whole, octets('00 00'))), { response: octets('aa') })
  assert.equal(readAuthenticationAnswer(octets('7c 00')), {})
  for (const wrong of ['', '7d 03 82 01 aa', '7c 04 82 01']) {
    assert.throws(() => readAuthenticationAnswer(octets(wrong)), refused, wrong)
  }
})

test('round trips of random templates', () => {
  const random = seeded('authentication')
  for (let round = 0; round < 300; round += 1) {
    const names = (['witness', 'response', 'challenge', 'exponentiation'] as const).filter(() => random.chance(2))
    const fields = Object.fromEntries(names.map((name) => [name, random.octets(random.pick([0, 8, 127, 128, 256]))]))
    assert.equal(readAuthentication(writeAuthentication(fields)), fields)
  }
})

test('GENERATE: the command of the reference', () => {
  const data = writeKeyTemplate({ algorithm: 0x11 })
  assert.is(hex(data), 'ac03800111')
  const apdu = { cla: 0, ins: 0x47, p1: 0, p2: 0x9a, data, le: 256, extended: false }
  assert.equal(splitChain(apdu, false).map(hex), ['0047009a05ac0380011100'])
})

test('GENERATE with everything', () => {
  const template = { algorithm: 0x07, exponent: octets('010001'), pinPolicy: 0x02, touchPolicy: 0x01 }
  const whole = octets('ac 0e 80 01 07 81 03 010001 aa 01 02 ab 01 01')
  assert.is(hex(writeKeyTemplate(template)), hex(whole))
  assert.equal(readKeyTemplate(whole), template)
  for (const wrong of [...truncations(whole), ...withTrailer(whole)])
    assert.throws(() => readKeyTemplate(wrong), refused)
})

for (const [digits, what] of [
  ['ac 00', 'no algorithm'],
  ['ac 02 80 00', 'an empty algorithm'],
  ['ac 04 80 02 11 11', 'an algorithm of two octets'],
  ['ac 05 80 01 11 aa 00', 'an empty policy'],
  ['ac 06 80 01 11 80 01 11', 'two algorithms'],
  ['ac 06 80 01 11 ac 01 02', 'a tag that does not belong there'],
] as const) {
  test(`GENERATE refused: ${what}`, () => assert.throws(() => readKeyTemplate(octets(digits)), refused))
}

test('PIN policies by identifier', () => {
  assert.equal([0, 1, 2, 3, 4, 5].map(pinPolicyById), [undefined, 'never', 'once', 'always', undefined, undefined])
})

test.run()
