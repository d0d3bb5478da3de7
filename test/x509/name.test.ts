// Distinguished names, as RFC 4514 writes them: read, written, refused; and as openssl reads and writes them.
import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { UsageError } from '../../src/errors.ts'
import { TlvError } from '../../src/iso7816/tlv.ts'
import { parseName } from '../../src/x509/name.ts'
import { formatName } from '../../src/x509/name-text.ts'
import { octets } from '../support/octets.ts'

test('one attribute, octet by octet', () => {
  assert.is(hex(parseName('CN=Ä')), '300d310b300906035504030c02c384')
  assert.is(hex(parseName('C=DE')), '300d310b3009060355040613024445')
  assert.is(hex(parseName('DC=a')), '30133111300f060a0992268993f22c640119160161')
})

test('the last attribute of the text is the first of the name: RFC 4514, 2.1', () => {
  const name = hex(parseName('CN=a,O=b'))
  assert.ok(name.indexOf('55040a') < name.indexOf('550403'))
})

/** As written, and as it is shown; the same where there is one. */
const GOOD: ReadonlyArray<readonly [string, string?]> = [
  ['CN=Maria Example,O=Example Ltd,C=DE'],
  ['cn=a, o=b,  c=DE', 'CN=a,O=b,C=DE'],
  ['E=a@b.c', 'emailAddress=a@b.c'],
  ['emailaddress=a@b.c', 'emailAddress=a@b.c'],
  ['S=Bayern,L=München', 'ST=Bayern,L=München'],
  ['CN=a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h'],
  ['CN=a=b'],
  ['CN=a\\=b', 'CN=a=b'],
  ['CN=\\#a'],
  ['CN=a#b'],
  ['CN=\\ a\\ '],
  ['CN= a b ', 'CN=a b'],
  ['CN=a  b'],
  ['CN=\\c3\\a4', 'CN=ä'],
  ['CN=Lu\\C4\\8Di\\C4\\87', 'CN=Lučić'],
  ['CN=😀'],
  ['O=a+CN=b', 'CN=b+O=a'],
  ['UID=x+CN=longer', 'CN=longer+UID=x'],
  ['DC=example,DC=com'],
  ['2.5.4.3=a', 'CN=a'],
  ['1.3.6.1.4.1.99999.1=#0c0161', '1.3.6.1.4.1.99999.1=#0c0161'],
  ['1.2.3=text', '1.2.3=#0c0474657874'],
  ['serialNumber=12-34'],
  [`CN=${'x'.repeat(64)}`],
]

test('what is written is shown', () => {
  for (const [text, shown = text] of GOOD) assert.is(formatName(parseName(text)), shown, text)
})

test('what is shown can be written', () => {
  for (const [text] of GOOD) {
    const der = parseName(text)
    assert.equal(parseName(formatName(der)), der, text)
  }
})

const BAD: ReadonlyArray<readonly [string, RegExp]> = [
  ['', /empty/],
  ['Maria', /no attribute/],
  ['CN', /no attribute/],
  ['=a', /no attribute/],
  ['CN=a,', /no attribute/],
  ['CN=a,,O=b', /no attribute/],
  ['CN=a+', /no attribute/],
  ['/CN=a/O=b', /no attribute/],
  ['CN =a', /no attribute/],
  ['CN=', /CN has 0 characters/],
  ['CN=  ', /CN has 0 characters/],
  ['XX=a', /"XX" is not known.*CN, L, ST/],
  ['__proto__=a', /no attribute/],
  ['constructor=a', /not known/],
  ['C=Germany', /C has 7 characters, and has to have 2/],
  ['C=ä1', /simple punctuation/],
  [`CN=${'x'.repeat(65)}`, /65 characters/],
  ['E=ä@b.c', /ASCII/],
  ['serialNumber=1_2', /simple punctuation/],
  ['CN=a"b', /has to be written as "\\""/],
  ['CN=a;b', /has to be written as/],
  ['CN=#a', /has to be written as "\\#"/],
  ['CN=a\\', /backslash/],
  ['CN=a\\x', /backslash/],
  ['CN=\\ff', /no UTF-8/],
  ['CN=\\c3', /no UTF-8/],
  ['CN=a\\00b', /control character/],
  ['CN=a\nb', /control character/],
  ['CN=a\u0085b', /control character/],
  ['CN=\ud800', /half of a character/],
  ['9.9=a', /object identifier/],
  ['1.40.1=a', /object identifier/],
  ['1.2.=a', /object identifier/],
  ['1.02=a', /object identifier/],
  [`1.2.${'9'.repeat(40)}=a`, /object identifier/],
  ['1.2.3=#zz', /DER/],
  ['1.2.3=#0c', /DER/],
  ['1.2.3=#0c01610c0161', /DER/],
  [`CN=a,${'O=b,'.repeat(300)}C=DE`, /1024/],
]

test('what is no name is refused in words', () => {
  for (const [text, why] of BAD) {
    try {
      parseName(text)
    } catch (error) {
      assert.instance(error, UsageError, text)
      assert.match(String(error), why, text)
      assert.match(String(error), 'CN=Maria Example')
      continue
    }
    assert.unreachable(`taken: ${JSON.stringify(text)}`)
  }
})

test('what a terminal could be led astray by is shown as its octets', () => {
  assert.is(formatName(octets('300f 310d 300b 0603550403 0c04 611b5b62')), 'CN=a\\1b[b')
  assert.is(formatName(octets('3010 310e 300c 0603550403 0c05 61e280ae62')), 'CN=a\\e2\\80\\aeb')
})

test('texts of old kinds, and values that are no text, are shown', () => {
  assert.is(formatName(octets('300c 310a 3008 0603550403 1401e4')), 'CN=ä')
  assert.is(formatName(octets('300f 310d 300b 0603550403 1e0400610062')), 'CN=ab')
  assert.is(formatName(octets('300c 310a 3008 0603550403 0c01ff')), '2.5.4.3=#0c01ff')
  assert.is(formatName(octets('300c 310a 3008 0603550403 020101')), '2.5.4.3=#020101')
  assert.is(formatName(octets('3000')), '')
})

test('what is no name in DER is refused', () => {
  for (const der of ['', '31 00', '30 02 31', '30 02 31 01', '30 04 31 02 30 00', '30 06 31 04 30 02 06 00']) {
    assert.throws(
      () => formatName(octets(der)),
      (error: unknown) => error instanceof TlvError,
      der,
    )
  }
})

test('openssl makes the same of a name', () => {
  for (const text of [
    'CN=Maria Example,OU=x y,O=Example Ltd,C=DE',
    'CN=a\\,b,O=c',
    'CN=M\\C3\\BCller,DC=example,DC=com',
  ]) {
    const slashes = text
      .split(/(?<!\\),/)
      .reverse()
      .map((part) => part.replace('\\,', ',').replace('\\C3\\BC', 'ü'))
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null']
    const argv = ['req', '-new', ...key, '-utf8', '-subj', `/${slashes.join('/')}`, '-outform', 'der']
    const made = execFileSync('openssl', argv, { stdio: 'pipe' })
    assert.ok(made.includes(Buffer.from(parseName(text))), text)
  }
})

test.run()
