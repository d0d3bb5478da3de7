// What certificates say of a TPM and its keys: TCG EK Credential Profile 2.5, 3.1.2 and 3.2; WebAuthn Level 2, 8.3.1.
import type { KeyObject } from 'node:crypto'
import { sha256 } from '../bytes.ts'
import { DER, field } from '../iso7816/der.ts'
import { ifWellFormed, readTlvs, unwrap } from '../iso7816/tlv.ts'
import { readAlternativeNames } from '../x509/alternative-names.ts'
import { extensionIn } from '../x509/certificate.ts'
import { dotted } from '../x509/oid.ts'
import { readPurposes } from '../x509/purposes.ts'
import { textOf } from '../x509/text.ts'
import type { Both } from './chain.ts'
import { demand, type RefusalCode } from './refusal.ts'

const PURPOSES = { ak: '2.23.133.8.3', ek: '2.23.133.8.1' } as const
const ATTRIBUTES = { manufacturer: '2.23.133.2.1', model: '2.23.133.2.2', version: '2.23.133.2.3' } as const

export type TpmNames = Readonly<Record<keyof typeof ATTRIBUTES, string>>

/**
 * The certificate of an attestation key names the endorsement key of its TPM in this form, as smallstep's attestation CAs
 * do: the SHA-256 of its SubjectPublicKeyInfo, as base64.
 */
const EK = 'urn:ek:sha256:'

/** The attributes of all directory names in subjectAltName, in whatever grouping. */
function attributesOf(value: Uint8Array): Map<string, string> {
  const names = readTlvs(unwrap(value, DER.sequence)).filter(({ tag }) => tag === field(4))
  const sets = names.flatMap(({ value: name }) => readTlvs(unwrap(name, DER.sequence)))
  const attributes = sets.flatMap((set) => readTlvs(set.value)).map(({ value: one }) => readTlvs(one))
  return new Map(
    attributes.map(([type, text]) => [
      dotted(type?.value ?? new Uint8Array(0)),
      (text && textOf(text.tag, text.value)) ?? '',
    ]),
  )
}

/** `id:49424D00` is `IBM`: TCG TPM Vendor ID Registry. */
function maker(id: string): string {
  const [, digits = ''] = /^id:([0-9A-Fa-f]{8})$/.exec(id) ?? []
  const text = Buffer.from(digits, 'hex').toString('latin1').replaceAll('\0', '').trim()
  return /^[ -~]+$/.test(text) ? text : id
}

function namesOf({ parts }: Both, code: RefusalCode): TpmNames {
  const value = extensionIn(parts, 'alternativeNames')?.value
  const found = value && ifWellFormed(() => attributesOf(value))
  const of = (attribute: keyof typeof ATTRIBUTES): string => (found?.get(ATTRIBUTES[attribute]) ?? '').slice(0, 200)
  const names = { manufacturer: maker(of('manufacturer')), model: of('model'), version: of('version') }
  demand(
    Object.values(names).every((text) => text !== ''),
    code,
  )
  return names
}

function requirePurpose({ parts, subject }: Both, which: keyof typeof PURPOSES): void {
  const value = extensionIn(parts, 'purposes')?.value
  const purposes = (value && ifWellFormed(() => readPurposes(value))) ?? []
  demand(purposes.includes(PURPOSES[which]), `${which}-purpose`, subject)
}

/** @throws Refused unless it is a certificate of that attestation key */
export function readAkCertificate(certificate: Both, key: KeyObject): TpmNames {
  demand(isFor(certificate, key), 'ak-certificate', certificate.subject)
  demand(!certificate.x509.ca, 'ak-authority', certificate.subject)
  requirePurpose(certificate, 'ak')
  return namesOf(certificate, 'ak-names')
}

/** @throws Refused unless it is a certificate of an endorsement key */
export function readEkCertificate(certificate: Both): TpmNames {
  requirePurpose(certificate, 'ek')
  return namesOf(certificate, 'ek-names')
}

function isFor({ x509 }: Both, key: KeyObject): boolean {
  try {
    return x509.publicKey.equals(key)
  } catch {
    return false
  }
}

/** Name of an endorsement key, as certificates of attestation keys have it. `spki` in DER. */
export const endorsementKeyName = (spki: Uint8Array): string => EK + Buffer.from(sha256(spki)).toString('base64')

/** The names of endorsement keys in the certificate of an attestation key. */
export function endorsementKeysIn({ parts }: Both): readonly string[] {
  const value = extensionIn(parts, 'alternativeNames')?.value
  const names = value && ifWellFormed(() => readAlternativeNames(value))
  return (names?.uri ?? []).filter((uri) => uri.startsWith(EK))
}
