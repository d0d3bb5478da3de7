// time limit: 900 s
// takes: 11 s
// Damaged data objects: every reader refuses them in its own words, or reads what is then written the same.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, equal } from '../../src/bytes.ts'
import { knownFields } from '../../src/iso7816/fields.ts'
import { readableTlvs, readTlvs, TlvError, tlv } from '../../src/iso7816/tlv.ts'
import { isEmptyContainer, readCertificate, writeCertificate } from '../../src/piv/certificate.ts'
import {
  CAPABILITIES,
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
import { readGetData, readPutData, writePutData } from '../../src/piv/objects.ts'
import { readPublicKey } from '../../src/piv/public-key.ts'
import {
  readAuthentication,
  readAuthenticationAnswer,
  readKeyTemplate,
  writeAuthentication,
  writeKeyTemplate,
} from '../../src/piv/templates.ts'
import { readMetadata } from '../../src/piv/yubico.ts'
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
  readAuthentication,
  readAuthenticationAnswer,
  readKeyTemplate,
  readPublicKey,
  readApplicationProperties,
  readGetData,
  readPutData,
  readCertificate,
  (octets) => ecdsaInDer(octets),
  (octets) => ecdsaToRaw(octets, 32),
]

function target(input: Uint8Array): void {
  for (const read of LIBERAL) read(input)
  for (const read of READERS) {
    try {
      read(input)
    } catch (error) {
      if (!(error instanceof TlvError)) throw error
    }
  }
  const again = concat(...readTlvs(input).map(({ tag, value }) => tlv(tag, value)))
  if (!equal(again, input)) throw new Error('read, but not written the same')
}

test('data objects', async () => {
  assert.ok((await fuzz('tlv', seeds, FUZZ_SECONDS, target, { refusals: [TlvError] })) > 1000)
})

test.run()
