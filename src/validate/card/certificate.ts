// Certificates for tests: small X.509 in DER, signed by a key of this process. RFC 5280, 4.1.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { fromHex, utf8 } from '../../bytes.ts'
import { tlv } from '../../iso7816/tlv.ts'

const SEQUENCE = 0x30
const octets = (digits: string): Uint8Array => fromHex(digits) ?? new Uint8Array(0)
/** ecdsa-with-SHA256, RFC 5758, 3.2. */
const ALGORITHM = tlv(SEQUENCE, tlv(0x06, octets('2a8648ce3d040302')))
const COMMON_NAME = octets('550403')
/** nsComment: text of any length that nobody acts on. */
const COMMENT = octets('6086480186f842010d')

const name = (text: string): Uint8Array =>
  tlv(SEQUENCE, tlv(0x31, tlv(SEQUENCE, tlv(0x06, COMMON_NAME), tlv(0x0c, utf8(text)))))
const time = (text: string): Uint8Array => tlv(0x17, utf8(text))
const bits = (content: Uint8Array): Uint8Array => tlv(0x03, Uint8Array.of(0x00), content)

const issuer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

let serial = 0

/** A certificate of the public key `key` that is valid from 2020 to 2049; `comment` octets longer than it need be. */
export function certificateOf(key: KeyObject, subject = 'Tessera test', comment = 0): Uint8Array {
  serial += 1
  const spki = Uint8Array.from(key.export({ type: 'spki', format: 'der' }))
  const filler = Uint8Array.from({ length: comment }, (_, index) => 0x41 + ((index * index + serial) % 57))
  const extension = tlv(SEQUENCE, tlv(0x06, COMMENT), tlv(0x04, tlv(0x16, filler)))
  const extensions = comment === 0 ? [] : [tlv(0xa3, tlv(SEQUENCE, extension))]
  const content = tlv(
    SEQUENCE,
    tlv(0xa0, tlv(0x02, Uint8Array.of(2))),
    tlv(0x02, Uint8Array.of(0x40 | (serial >>> 8), serial)),
    ALGORITHM,
    name('Tessera test issuer'),
    tlv(SEQUENCE, time('200101000000Z'), time('491231235959Z')),
    name(subject),
    spki,
    ...extensions,
  )
  return tlv(SEQUENCE, content, ALGORITHM, bits(Uint8Array.from(sign('sha256', content, issuer))))
}
