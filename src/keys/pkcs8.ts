// PKCS#8 (RFC 5208) that names a key of a card, for the decoder of native/provider: where the private key would be there is
// `tessera:TOKEN`.
import { utf8 } from '../bytes.ts'
import { readTlv, readTlvs, tlv } from '../iso7816/tlv.ts'

const [SEQUENCE, INTEGER, OCTET_STRING] = [0x30, 0x02, 0x04]

/** @param spki the SubjectPublicKeyInfo of the key, in DER */
export function pkcs8(spki: Uint8Array, token: string): Uint8Array {
  const [algorithm] = readTlvs(readTlv(spki).value)
  const identifier = tlv(SEQUENCE, algorithm?.value ?? new Uint8Array(0))
  return tlv(SEQUENCE, tlv(INTEGER, Uint8Array.of(0)), identifier, tlv(OCTET_STRING, utf8(`tessera:${token}`)))
}

export function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n')
}
