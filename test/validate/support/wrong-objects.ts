// For each check of the data model: a card that is wrong in what it is about. By the id of the check.
import { hex, utf8 } from '../../../src/bytes.ts'
import { readTlvs, tlv, unwrap } from '../../../src/iso7816/tlv.ts'
import { type Extension, extension, writeExtensions } from '../../../src/x509/extensions.ts'
import { writeUsages } from '../../../src/x509/usages.ts'
import { octets } from '../../support/octets.ts'
import {
  absent,
  certificates,
  changed,
  contentOf,
  field,
  join,
  objects,
  reply,
  turned,
  type Wrong,
} from './wrong-card.ts'

const CHUID = '5fc102'
const CCC = '5fc107'
const HISTORY = '5fc10c'
const ALL = ['5fc105', '5fc10a', '5fc10b', '5fc101', '5fc10d']
const short = (length: number): Uint8Array => new Uint8Array(length).fill(1)

/** Text in place of text of the same length. */
const replaced =
  (from: string, to: string) =>
  (der: Uint8Array): Uint8Array =>
    octets(hex(der).replace(hex(Uint8Array.from(Buffer.from(from))), hex(Uint8Array.from(Buffer.from(to)))))

const withExtensions = (der: Uint8Array, ...all: readonly Extension[]): Uint8Array => {
  const [inside, ...rest] = readTlvs(unwrap(der, 0x30))
  const parts = readTlvs(inside?.value ?? short(0))
  const wrapped = { tag: 0xa3, value: writeExtensions(all) }
  return tlv(0x30, join([{ tag: 0x30, value: join([...parts, wrapped]) }, ...rest]))
}

/** ecdsa-with-SHA1, RFC 3279, 2.2.3. */
const overSha1 = (der: Uint8Array): Uint8Array => {
  const sha1 = { tag: 0x30, value: tlv(0x06, octets('2a8648ce3d0401')) }
  const [inside, _, signature] = readTlvs(unwrap(der, 0x30))
  const parts = readTlvs(inside?.value ?? short(0)).map((part, index) => (index === 2 ? sha1 : part))
  return tlv(0x30, join([{ tag: 0x30, value: join(parts) }, sha1, signature ?? sha1]))
}

const guid = (card: Parameters<typeof contentOf>[0]): string => {
  const text = hex(readTlvs(contentOf(card, CHUID)).find(({ tag }) => tag === 0x34)?.value ?? short(0))
  return text.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
}

const usageOf = (tag: string) => {
  if (tag === '5fc10a') return writeUsages(['digitalSignature', 'nonRepudiation'])
  return writeUsages(tag === '5fc10b' || tag === '5fc10d' ? ['keyAgreement'] : ['digitalSignature'])
}

export const WRONG_OBJECTS: Readonly<Record<string, Wrong>> = {
  'data.ccc': field(CCC, 0xfd, undefined),
  'data.chuid': field(CHUID, 0x34, short(15)),
  'data.fingerprints': field('5fc103', 0xfe, undefined),
  'data.security': field('5fc106', 0xbb, undefined),
  'data.face': field('5fc108', 0xbc, undefined),
  'data.printed': field('5fc109', 0x04, short(8)),
  'data.discovery': field('7e', 0x5f2f, short(1)),
  'data.history': field(HISTORY, 0xc1, short(2)),
  'data.iris': field('5fc121', 0xfe, short(1)),
  'data.signer': field('5fc122', 0x71, undefined),
  'data.pairing': field('5fc123', 0x99, short(7)),
  'data.certificate-9a': field('5fc105', 0x71, short(2)),
  'data.certificate-9c': field('5fc10a', 0xfe, undefined),
  'data.certificate-9d': field('5fc10b', 0x70, undefined),
  'data.certificate-9e': field('5fc101', 0xfe, short(1)),
  'data.certificate-retired': field('5fc10d', 0xfe, undefined),
  'data.biometric-templates': objects(['7f61', () => octets('0202010200')], ['7F61', () => octets('020102')]),
  'data.ccc.identifier': field(CCC, 0xf0, short(5)),
  'data.ccc.versions': field(CCC, 0xf1, short(1)),
  'data.chuid.fasc-n': objects([CHUID, (card) => octets(turned(hex(contentOf(card, CHUID)), 9))]),
  'data.chuid.guid': field(CHUID, 0x34, new Uint8Array(16)),
  'data.chuid.expiry': field(CHUID, 0x35, '20491301'),
  'data.chuid.no-more': objects([CHUID, (card) => octets(`${hex(contentOf(card, CHUID))}5001 00`.replace(' ', ''))]),
  'data.discovery.length': objects(['7e', (card) => octets(`${hex(contentOf(card, '7e'))}5000`)]),
  'data.discovery.identifier': field('7e', 0x4f, octets('a000000308000020000100')),
  'data.discovery.global-pin': field('7e', 0x5f2f, octets('6010')),
  'data.discovery.virtual-contact': field('7e', 0x5f2f, octets('4400')),
  'data.history.on-card': field(HISTORY, 0xc1, Uint8Array.of(3)),
  'data.history.missing': absent(HISTORY),
  'data.history.url': field(HISTORY, 0xf3, 'https://example.org/index'),
  'data.history.url-wanted': field(HISTORY, 0xc2, Uint8Array.of(0)),
  'data.security.mapping': field('5fc106', 0xba, octets('113000')),
  'data.security.hashes': field('5fc106', 0xbb, short(32)),
  'data.pairing.digits': field('5fc123', 0x99, '1234567a'),
  'data.printed.expiry': field('5fc109', 0x04, '2049DEC30'),
  'data.all-readable': reply(/^00cb3fff055c035fc106/, '6982'),
  'data.pin-wanted': objects(['5fc109', (card) => contentOf(card, '5fc109')]),
  'data.whole': changed(/^00cb3fff055c035fc102/, (answer) => `${answer.slice(0, -4)}009000`),
  'data.capacity': field('5fc106', 0xbb, short(2000)),
  'certificate.compression': field('5fc101', 0x71, Uint8Array.of(1)),
  'certificate.whole': certificates(['5fc101'], (der) => octets(`${hex(der)}00`)),
  'certificate.form': certificates(['5fc101'], (der) =>
    octets(hex(der).replace('2a8648ce3d040302', '2a8648ce3d040303')),
  ),
  'certificate.valid': certificates(['5fc101'], replaced('491231235959Z', '211231235959Z')),
  'certificate.exponent': certificates(['5fc105'], (der) => octets(hex(der).replace('0203010001', '0203010000'))),
  'certificate.distinct': objects(['5fc101', (card) => contentOf(card, '5fc10a')]),
  'certificate.hash': certificates(['5fc101'], overSha1),
  'fips.certificate-expiry': field(CHUID, 0x35, '20481231'),
  'fips.mandatory': absent('5fc106'),
}

/** Cards that FIPS 201 has nothing against, where our own card deviates. */
export const CURED_OBJECTS: Readonly<Record<string, Wrong>> = {
  'fips.key-usage': objects(
    ...ALL.map(
      (tag) =>
        [
          tag,
          (card: Parameters<typeof contentOf>[0]) =>
            join(
              readTlvs(contentOf(card, tag)).map((one) =>
                one.tag === 0x70
                  ? { tag: 0x70, value: withExtensions(one.value, extension('keyUsage', usageOf(tag), true)) }
                  : one,
              ),
            ),
        ] as const,
    ),
  ),
  'fips.names': certificates(['5fc105', '5fc101'], (der, card) =>
    withExtensions(der, extension('alternativeNames', tlv(0x30, tlv(0x86, utf8(`urn:uuid:${guid(card)}`))))),
  ),
  'fips.signed-chuid': field(CHUID, 0x3e, short(100)),
  'fips.agency': objects([CHUID, (card) => octets(turned(hex(contentOf(card, CHUID)), 3))]),
  'fips.years': field(CHUID, 0x35, `${new Date().getUTCFullYear() + 1}0101`),
  'key.9c.no-agreement': reply(/^0087119c..7c..820085/, '6a80'),
  'key.9e.no-agreement': reply(/^0087119e..7c..820085/, '6a80'),
}
