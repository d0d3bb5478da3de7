// Certificates of attestation keys and endorsement keys, by CAs of the tests' own.
import { type KeyObject, sign } from 'node:crypto'
import { utf8 } from '../../../src/bytes.ts'
import { DER, element, field, octetField } from '../../../src/iso7816/der.ts'
import { tlv } from '../../../src/iso7816/tlv.ts'
import { basicConstraints, type Extension, extension, subjectKey } from '../../../src/x509/extensions.ts'
import { writeName } from '../../../src/x509/name.ts'
import { oid } from '../../../src/x509/oid.ts'
import { writePurposes } from '../../../src/x509/purposes.ts'
import { type Signer, spkiOf, writeCertificate, writeRevocationList } from '../../../src/x509/write.ts'
import { type Pair, pair } from './software-tpm.ts'

export const DAY = 86_400_000
const START = Date.UTC(2026, 0, 1)
export const AT = new Date(START + 30 * DAY)

export interface Authority {
  readonly key: Pair
  readonly subject: Uint8Array
  readonly certificate: Uint8Array
}

const signer = ({ publicKey, privateKey }: Pair): Signer => ({
  publicKey,
  algorithm: { hash: 'SHA-256', padding: 'pkcs1' },
  sign: async (data) => Uint8Array.from(sign('sha256', data, privateKey)),
})

export interface Wanted {
  readonly subject?: Uint8Array
  readonly extensions?: readonly Extension[]
  readonly from?: number
  readonly days?: number
  readonly serialNumber?: Uint8Array
}

export function issue(by: Pick<Authority, 'key' | 'subject'>, publicKey: KeyObject, wanted: Wanted = {}) {
  const from = START + (wanted.from ?? 0) * DAY
  return writeCertificate(
    {
      ...(wanted.serialNumber === undefined ? {} : { serialNumber: wanted.serialNumber }),
      issuer: by.subject,
      subject: wanted.subject ?? tlv(DER.sequence),
      notBefore: new Date(from),
      notAfter: new Date(from + (wanted.days ?? 365) * DAY),
      spki: spkiOf(publicKey),
      extensions: wanted.extensions ?? [],
    },
    signer(by.key),
  )
}

/** CA certificates without a limit of CAs below them. */
const CA = extension('basicConstraints', tlv(DER.sequence, tlv(DER.boolean, Uint8Array.of(0xff))), true)

/** A root, or a CA under another. */
export async function authority(name: string, by?: Authority, wanted: Wanted = {}): Promise<Authority> {
  const key = pair()
  const subject = writeName(['CN', name])
  const extensions = [CA, subjectKey(spkiOf(key.publicKey))]
  const certificate = await issue(by ?? { key, subject }, key.publicKey, { subject, extensions, ...wanted })
  return { key, subject, certificate }
}

const NAMES = { '2.23.133.2.1': 'id:49424D00', '2.23.133.2.2': 'swtpm', '2.23.133.2.3': 'id:20191023' }

/** subjectAltName of a TPM's certificates: a directory name, and URIs. */
export function tpmNames(names: Readonly<Record<string, string>> = NAMES, uris: readonly string[] = []): Extension {
  const attributes = Object.entries(names).map(([id, text]) =>
    tlv(DER.set, tlv(DER.sequence, oid(id), tlv(DER.utf8, utf8(text)))),
  )
  const directory = tlv(field(4), tlv(DER.sequence, ...attributes))
  const all = tlv(DER.sequence, directory, ...uris.map((uri) => tlv(octetField(6), utf8(uri))))
  return extension('alternativeNames', all, true)
}

export const purpose = (id: string): Extension => extension('purposes', writePurposes([id]) ?? new Uint8Array(0))

export const AK_PURPOSE = purpose('2.23.133.8.3')
export const EK_PURPOSE = purpose('2.23.133.8.1')
export const NO_CA = basicConstraints(false)

export const akCertificate = (by: Authority, ak: Pair, wanted: Wanted = {}, uris: readonly string[] = []) =>
  issue(by, ak.publicKey, { extensions: [NO_CA, AK_PURPOSE, tpmNames(NAMES, uris)], ...wanted })

/** A list of revoked certificates, by their serial numbers. */
export const revocationList = (
  by: Authority,
  serialNumbers: readonly Uint8Array[],
  days = 60,
  key = by.key,
  extensions: readonly Extension[] = [],
) =>
  writeRevocationList(
    {
      issuer: by.subject,
      thisUpdate: new Date(START),
      nextUpdate: new Date(START + days * DAY),
      entries: serialNumbers.map((serialNumber) => ({ serialNumber, at: new Date(START) })),
      extensions,
    },
    signer(key),
  )

/** An extension that nobody understands, critical. */
export const STRANGE: Extension = { id: '1.2.3.4', critical: true, value: element(DER.octetString) }
