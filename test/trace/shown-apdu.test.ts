// What of APDUs a trace shows: secrets never, and all else with its length.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, hex } from '../../src/bytes.ts'
import { ShownApdus } from '../../src/trace/shown-apdu.ts'
import { firstSeed, Random } from '../support/random.ts'

const octets = (digits: string): Uint8Array => fromHex(digits.replaceAll(' ', '')) ?? new Uint8Array(0)

/** Command and answer of each exchange, and how they are shown. */
type Exchange = readonly [command: string, answer: string, shownCommand: string, shownAnswer: string]

const CASES: Readonly<Record<string, readonly Exchange[]>> = {
  'VERIFY: the PIN': [['00200080 08 3132333435363738', '63c2', '00200080 08 xxxxxxxxxxxxxxxx', '63c2']],
  'VERIFY without data asks for the tries': [['00200080', '63c3', '00200080', '63c3']],
  'CHANGE REFERENCE DATA: both': [
    ['00240080 04 31323334', '9000', '00240080 04 xxxxxxxx', '9000'],
    ['002c0080 04 31323334', '6983', '002c0080 04 xxxxxxxx', '6983'],
  ],
  'SELECT is shown': [['00a40400 03 a00000 00', '6103 9000', '00a40400 03 a00000 00', '61039000']],
  'SET MANAGEMENT KEY and IMPORT KEY': [
    ['00ffffff 04 03 9b 01 42', '9000', '00ffffff 04 xxxxxxxx', '9000'],
    ['00fe119a 03 060142', '9000', '00fe119a 03 xxxxxx', '9000'],
  ],
  'an INS that is not known: its data and its answer': [
    ['00990000 02 4142 00', '4344 9000', '00990000 02 xxxx 00', 'xxxx9000'],
  ],
  'GET DATA of what everybody may read': [
    ['00cb3fff 05 5c035fc102 00', '5300 9000', '00cb3fff 05 5c035fc102 00', '53009000'],
  ],
  'GET DATA of what needs the PIN, and the rest of the answer': [
    ['00cb3fff 05 5c035fc109 00', '4142 6101', '00cb3fff 05 xxxxxxxxxx 00', 'xxxx6101'],
    ['00c00000 01', '43 9000', '00c00000 01', 'xx9000'],
  ],
  'PUT DATA of it, in parts': [
    ['10db3fff 05 5c035fc109', '9000', '10db3fff 05 xxxxxxxxxx', '9000'],
    ['00db3fff 02 4142', '9000', '00db3fff 02 xxxx', '9000'],
  ],
  'PUT DATA of a certificate, in parts': [
    ['10db3fff 07 5c035fc105 5382', '9000', '10db3fff 07 5c035fc105 5382', '9000'],
    ['00db3fff 02 4142', '9000', '00db3fff 02 4142', '9000'],
  ],
  'a chain that another command cuts off says nothing about that': [
    ['10db3fff 05 5c035fc105', '9000', '10db3fff 05 5c035fc105', '9000'],
    ['00200080 02 4142', '9000', '00200080 02 xxxx', '9000'],
  ],
  'a part with another P2 belongs to no chain before it': [
    ['1087119a 06 7c04 8200 8100', '9000', '1087119a 06 7c0482008100', '9000'],
    ['0087119b 04 7c02 8000', '4142 9000', '0087119b 04 xxxxxxxx', 'xxxx9000'],
  ],
  'less than a status word': [['00990000', '41', '00990000', 'xx']],
  'a signature by an EC key is shown': [
    ['0087119a 06 7c04 8200 8100 00', '7c02 8200 9000', '0087119a 06 7c0482008100 00', '7c0282009000'],
  ],
  'what is agreed is not': [
    ['0087119d 06 7c04 8200 8500 00', '7c02 8200 9000', '0087119d 06 7c0482008500 00', 'xxxxxxxx9000'],
  ],
  'what an RSA key gives may be what was decrypted': [
    ['0087079d 06 7c04 8200 8100 00', '7c02 8200 9000', '0087079d 06 7c0482008100 00', 'xxxxxxxx9000'],
  ],
  'the admin key': [['00870a9b 04 7c02 8000 00', '7c02 8000 9000', '00870a9b 04 xxxxxxxx 00', 'xxxxxxxx9000']],
  'extended lengths': [['00200080 00 0002 4142', '9000', '00200080 00 0002 xxxx', '9000']],
  'wrong lengths: all but the header': [['00a40400 09 41', '6700', '00a40400 xx xx', '6700']],
  'less than a header': [['0020', '6700', '0020', '6700']],
}

for (const [name, exchanges] of Object.entries(CASES)) {
  test(name, () => {
    const apdus = new ShownApdus()
    for (const [command, answer, shownCommand, shownAnswer] of exchanges) {
      assert.is(apdus.command(octets(command)), shownCommand.replaceAll(' ', ''))
      assert.is(apdus.answer(octets(answer)), shownAnswer.replaceAll(' ', ''))
    }
  })
}

test('any octets: as many as there are, each itself or hidden', () => {
  const chance = new Random(firstSeed())
  const same = (shown: string, given: Uint8Array) => {
    assert.is(shown.length, 2 * given.length)
    const digits = hex(given)
    for (let at = 0; at < digits.length; at += 2) {
      const pair = shown.slice(at, at + 2)
      assert.ok(pair === 'xx' || pair === digits.slice(at, at + 2))
    }
  }
  const apdus = new ShownApdus()
  const some = (most: number) => chance.octets(chance.below(most))
  for (let round = 0; round < 20_000; round += 1) {
    const command = some(40)
    if (chance.below(2) === 0 && command.length > 5)
      command.set([chance.below(2) * 16, [0x87, 0xcb, 0xdb, 0x20, 0xc0][chance.below(5)] ?? 0], 0)
    same(apdus.command(command), command)
    const answer = some(20)
    same(apdus.answer(answer), answer)
  }
})

test.run()
