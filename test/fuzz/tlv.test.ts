// time limit: 900 s
// takes: 11 s
// Damaged data objects: every reader refuses them in its own words, or reads what is then written the same.
import { inspect, isDeepStrictEqual } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, equal, hex, utf8 } from '../../src/bytes.ts'
import { knownFields } from '../../src/iso7816/fields.ts'
import { readableTlvs, readTlvs, TlvError, tlv } from '../../src/iso7816/tlv.ts'
import { isEmptyContainer, readCertificate, writeCertificate } from '../../src/piv/certificate.ts'
import {
  CAPABILITIES,
  type Chuid,
  NON_FEDERAL,
  PRINTED,
  readChuid,
  readDiscovery,
  readKeyHistory,
  writeCapabilities,
  writeChuid,
  writeDiscovery,
  writeKeyHistory,
} from '../../src/piv/contents.ts'
import { ecdsaInDer, ecdsaToDer, ecdsaToRaw } from '../../src/piv/ecdsa.ts'
import { readGetData, readPutData, writeGetData, writePutData } from '../../src/piv/objects.ts'
import { readPublicKey, writePublicKey } from '../../src/piv/public-key.ts'
import {
  readAuthentication,
  readAuthenticationAnswer,
  readKeyTemplate,
  writeAuthentication,
  writeKeyTemplate,
} from '../../src/piv/templates.ts'
import { type Metadata, readMetadata, writeMetadata } from '../../src/piv/yubico.ts'
import { readApplicationProperties } from '../support/application-properties.ts'
import { filled, octets } from '../support/octets.ts'
import { FUZZ_SECONDS, fuzz } from './harness.ts'

const der = tlv(0x30, filled(300))
const guid = filled(16)
const seeds = [
  octets('7c 02 80 00'),
  writeAuthentication({ response: octets(''), challenge: filled(256) }),
  writeKeyTemplate({ algorithm: 0x07, exponent: octets('010001'), pinPolicy: 2 }),
  tlv(0x7f49, tlv(0x86, concat(octets('04'), filled(64)))),
  tlv(0x7f49, tlv(0x81, filled(256, 0xff)), tlv(0x82, octets('010001'))),
  octets('61 11 4f 06 00 00 10 00 01 00 79 07 4f 05 a0 00 00 03 08'),
  octets('5c 03 5f c1 02'),
  writePutData('5fc10e', filled(200)),
  writeCertificate(der),
  writeCertificate(der, { gzip: true }),
  writeChuid({ fascN: NON_FEDERAL, guid, expiry: '20300101' }),
  writeCapabilities(filled(14)),
  writeDiscovery(),
  writeKeyHistory({ onCard: 3, offCard: 1, url: 'http://a' }),
  ecdsaToDer(filled(64)),
  // By hand and with every part, so that one that is not written is missed.
  concat(
    tlv(0x30, NON_FEDERAL),
    tlv(0x34, guid),
    tlv(0x35, utf8('20300101')),
    tlv(0x36, guid),
    octets('3e 02 3000 fe 00'),
  ),
  octets('ac 0e 80 01 07 81 03 010001 aa 01 02 ab 01 01'),
  octets('c1 01 03 c2 01 02 f3 08 687474703a2f2f61 fe 00'),
  octets('01 01 11 02 02 0201 03 01 01 04 02 8600 05 01 00 06 02 0503'),
]

/** Of what other makers' cards hold: these never refuse anything. */
const LIBERAL: ReadonlyArray<(octets: Uint8Array) => unknown> = [
  readableTlvs,
  readChuid,
  (octets) => knownFields(octets, CAPABILITIES),
  readDiscovery,
  readKeyHistory,
  (octets) => knownFields(octets, PRINTED),
  readMetadata,
  isEmptyContainer,
]

const READERS: ReadonlyArray<(octets: Uint8Array) => unknown> = [
  readAuthenticationAnswer,
  readApplicationProperties,
  (octets) => ecdsaInDer(octets),
]

type Trip = (octets: Uint8Array) => void

/** What is read is the same when it is written and read again. */
function trip<T>(read: (octets: Uint8Array) => T | undefined, write: (value: T) => Uint8Array): Trip {
  return (octets) => {
    const value = read(octets)
    if (value === undefined) throw new TlvError('nothing is understood of it')
    const again = read(write(value))
    if (!isDeepStrictEqual(again, value)) throw new Error(`read ${inspect(value)}, and then ${inspect(again)}`)
  }
}

const whole = <T extends object>(value: Partial<T>, ...names: ReadonlyArray<keyof T>): T | undefined =>
  names.every((name) => value[name] !== undefined) ? (value as T) : undefined

const TRIPS: Readonly<Record<string, Trip>> = {
  authentication: trip(readAuthentication, writeAuthentication),
  'key template': trip(readKeyTemplate, writeKeyTemplate),
  'public key': trip(readPublicKey, writePublicKey),
  'GET DATA': trip(readGetData, writeGetData),
  'PUT DATA': trip(readPutData, ({ tag, content }) => writePutData(tag, content)),
  certificate: trip(readCertificate, (certificate) => writeCertificate(certificate)),
  'compressed certificate': trip(readCertificate, (certificate) => writeCertificate(certificate, { gzip: true })),
  CHUID: trip((octets) => whole<Chuid>(readChuid(octets), 'fascN', 'guid', 'expiry'), writeChuid),
  discovery: trip((octets) => readDiscovery(octets).policy, writeDiscovery),
  'key history': trip(readKeyHistory, writeKeyHistory),
  ECDSA: trip((octets) => ecdsaToRaw(octets, 32), ecdsaToDer),
  metadata: trip((octets) => whole<Metadata>(readMetadata(octets), 'algorithm'), writeMetadata),
}

const known = new Set(seeds.map(hex))
/** How often something that is no seed was understood. */
const understood: Record<string, number> = Object.fromEntries(Object.keys(TRIPS).map((name) => [name, 0]))

/** Whether it was taken. */
function taken(read: (octets: Uint8Array) => unknown, input: Uint8Array): boolean {
  try {
    read(input)
    return true
  } catch (error) {
    if (error instanceof TlvError) return false
    throw error
  }
}

function target(input: Uint8Array): void {
  for (const read of LIBERAL) read(input)
  for (const read of READERS) taken(read, input)
  const isNew = !known.has(hex(input))
  for (const [name, work] of Object.entries(TRIPS)) {
    if (taken(work, input) && isNew) understood[name] = (understood[name] ?? 0) + 1
  }
  const again = concat(...readTlvs(input).map(({ tag, value }) => tlv(tag, value)))
  if (!equal(again, input)) throw new Error('read, but not written the same')
}

test('what is read otherwise than it was written is found', () => {
  const broken = trip(readKeyTemplate, ({ algorithm }) => writeKeyTemplate({ algorithm }))
  assert.throws(() => broken(writeKeyTemplate({ algorithm: 0x07, pinPolicy: 2 })), /and then/)
})

test('data objects', async () => {
  assert.ok((await fuzz('tlv', seeds, FUZZ_SECONDS, target, { refusals: [TlvError] })) > 1000)
  console.log(understood)
  for (const [name, times] of Object.entries(understood)) assert.ok(times > 5, `${name}: ${times}`)
})

test.run()
