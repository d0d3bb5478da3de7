// Uses of a key beyond its operations: extendedKeyUsage, RFC 5280, 4.2.1.12.
import { UsageError } from '../errors.ts'
import { DER } from '../iso7816/der.ts'
import { readTlvs, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import { dotted, oidOctets } from './oid.ts'

/** By the names that Tessera uses. */
export const PURPOSES = {
  'client-authentication': '1.3.6.1.5.5.7.3.2',
  'smart-card-logon': '1.3.6.1.4.1.311.20.2.2',
  'email-protection': '1.3.6.1.5.5.7.3.4',
  // RFC 4556, 3.2.2.
  'kerberos-client': '1.3.6.1.5.2.3.4',
  // RFC 9336.
  'document-signing': '1.3.6.1.5.5.7.3.36',
  'server-authentication': '1.3.6.1.5.5.7.3.1',
  'code-signing': '1.3.6.1.5.5.7.3.3',
  'time-stamping': '1.3.6.1.5.5.7.3.8',
  'encrypting-file-system': '1.3.6.1.4.1.311.10.3.4',
  // Of enrolment agents. [MS-WCCE] 3.1.1.4.3.3.
  'certificate-request-agent': '1.3.6.1.4.1.311.20.2.1',
  any: '2.5.29.37.0',
} as const

export type Purpose = keyof typeof PURPOSES

const names = new Map<string, string>(Object.entries(PURPOSES).map(([name, id]) => [id, name]))

/**
 * The object identifier of a purpose, from its name in any case, or from the identifier. @throws UsageError ERR_USAGE
 */
function purposeId(text: string): Uint8Array {
  const found = Object.entries(PURPOSES).find(([name]) => name === text.toLowerCase())?.[1]
  const octets = oidOctets(found ?? text)
  if (octets !== undefined) return octets
  const known = Object.keys(PURPOSES).join(', ')
  throw new UsageError(
    'ERR_USAGE',
    `There is no purpose "${text.slice(0, 40)}". Use ${known}, or an object identifier.`,
  )
}

/** The value of extendedKeyUsage; undefined without purposes. @throws UsageError ERR_USAGE */
export function writePurposes(purposes: readonly string[]): Uint8Array | undefined {
  if (purposes.length === 0) return undefined
  return tlv(DER.sequence, ...purposes.map((purpose) => tlv(DER.oid, purposeId(purpose))))
}

/** Names of the purposes in the value of extendedKeyUsage; dotted digits for unknown ones. @throws TlvError */
export function readPurposes(value: Uint8Array): string[] {
  return readTlvs(unwrap(value, DER.sequence)).map(({ tag, value: id }) => {
    if (tag !== DER.oid) throw new TlvError('a purpose is malformed')
    return names.get(dotted(id)) ?? dotted(id)
  })
}
