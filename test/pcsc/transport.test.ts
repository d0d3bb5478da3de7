// What the transmission protocols make of a command, the table of return codes, and which reader is meant.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PcscError, UsageError } from '../../src/errors.ts'
import { brokenOff, CODES, fromPcsc, remedyFor, wasReset } from '../../src/pcsc/codes.ts'
import { chooseReader } from '../../src/pcsc/open.ts'
import { forT0, mayRepeat, withLength } from '../../src/pcsc/transport.ts'

const octets = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

test('T=0: case 1 has P3 = 00, case 4 has no Le, cases 2 and 3 are what they are', () => {
  for (const [given, sent] of [
    ['00200080', '0020008000'],
    ['00c0000010', '00c0000010'],
    ['00cb3fff055c035fc102', '00cb3fff055c035fc102'],
    ['00cb3fff055c035fc10200', '00cb3fff055c035fc102'],
  ] as const) {
    assert.equal(forT0(octets(given)), octets(sent))
  }
})

test('6Cxx: sent again with that Le, but never a PIN command', () => {
  const again = (apdu: string, answer: string) => {
    const found = withLength(octets(apdu), octets(answer))
    return found && Buffer.from(found).toString('hex')
  }
  assert.is(again('00c0000000', '6c10'), '00c0000010')
  assert.is(again('00fd0000', '6c03'), '00fd000003')
  assert.is(again('00cb3fff035c017e00', '6c14'), '00cb3fff035c017e14')
  assert.is(again('00cb3fff035c017e', '6c14'), '00cb3fff035c017e14')
  assert.is(again('00cb3fff00000000', '6c14'), undefined) // extended
  assert.is(again('00c0000000', '9000'), undefined)
  assert.is(again('00c0000000', '01026c10'), undefined)
  for (const ins of ['20', '24', '2c']) assert.is(again(`00${ins}008008${'31'.repeat(8)}`, '6c10'), undefined)
})

test('what may be sent a second time: SELECT and GET DATA, and no part of a chain', () => {
  assert.ok(mayRepeat(octets('00a40400')))
  assert.ok(mayRepeat(octets('00cb3fff')))
  assert.not(mayRepeat(octets('10cb3fff')))
  for (const ins of ['20', '24', '2c', '87', '47', 'db', 'ff', 'fe', 'c0'])
    assert.not(mayRepeat(octets(`00${ins}0000`)))
})

const failure = (rc: number, layer = 'pcsc') => Object.assign(new Error('SCardConnect'), { layer, rc })

test('return codes become typed errors that keep them and name the reader', () => {
  for (const [rc, { name, code }] of CODES) {
    const error = fromPcsc(failure(rc), 'Reader 1')
    assert.ok(error instanceof PcscError)
    assert.is(error.code, code)
    assert.is(error.rc, rc)
    assert.is(error.reader, 'Reader 1')
    assert.ok(error.message.includes(name) && error.message.includes(rc.toString(16)))
  }
  const unknown = fromPcsc(failure(0x8010_00ff))
  assert.ok(unknown instanceof PcscError && unknown.code === 'ERR_PCSC')
  const missing = fromPcsc(failure(0, 'library'))
  assert.ok(missing instanceof PcscError && missing.code === 'ERR_PCSC_UNAVAILABLE')
  const other = new TypeError('no')
  assert.is(fromPcsc(other), other)
})

test('a reset shows by its code, and by a protocol that is not set any more', () => {
  assert.ok(wasReset(failure(0x8010_0068)))
  assert.ok(wasReset(failure(0x8010_000f)))
  assert.not(wasReset(failure(0x8010_0069)))
  assert.is(remedyFor(brokenOff('x')), 'none')
})

test('the reader that is meant', () => {
  const reader = (name: string, card = true) => ({ name, card, atr: undefined })
  const readers = [reader('Yubico YubiKey CCID 00 00'), reader('Virtual PCD 00 00', false), reader('Virtual PCD 00 01')]
  assert.is(chooseReader(readers, 'yubikey').name, 'Yubico YubiKey CCID 00 00')
  assert.is(chooseReader(readers, 'virtual').name, 'Virtual PCD 00 01')
  assert.is(chooseReader(readers, 'Virtual PCD 00 00').name, 'Virtual PCD 00 00')
  assert.throws(
    () => chooseReader(readers, ''),
    (error: unknown) => error instanceof UsageError,
  )
  for (const [there, text] of [
    [readers, 'Gemalto'],
    [[], ''],
  ] as const) {
    assert.throws(
      () => chooseReader(there, text),
      (error: unknown) => error instanceof PcscError && error.code === 'ERR_READER_NOT_FOUND',
    )
  }
})

test.run()
