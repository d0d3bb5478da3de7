// The PIV application: its identifier and its answer to SELECT. SP 800-73-5 part 1, section 2.2; part 2, section
// 3.1.1, tables 3 to 5.
import { equal, utf8 } from '../bytes.ts'
import { writeFields } from '../iso7816/fields.ts'
import { find, readableTlvs, tlv } from '../iso7816/tlv.ts'

/** NIST's registered identifier, the PIV application, version 1.0. */
export const PIV_AID = Uint8Array.of(0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00)
const RID_LENGTH = 5
export const PIV_RID = PIV_AID.slice(0, RID_LENGTH)
/** The identifier without its version, as hosts send it. */
export const PIV_AID_TRUNCATED = PIV_AID.slice(0, 9)

/** Whether SELECT with this identifier means PIV: all of it, or truncated on the right after the RID or later. */
export function selectsPiv(aid: Uint8Array): boolean {
  return aid.length >= RID_LENGTH && aid.length <= PIV_AID.length && equal(aid, PIV_AID.subarray(0, aid.length))
}

/** The label of a Tessera card in answer to SELECT: its PINs follow our rules, in a reader as well. */
export const OUR_LABEL = 'Tessera'

const TEMPLATE = 0x61
const IDENTIFIER = 0x4f
const AUTHORITY = 0x79
const LABEL = 0x50
const URL = 0x5f50
const ALGORITHMS = 0xac

export interface ApplicationProperties {
  /** The identifier from the sixth octet on, or all of it. */
  readonly identifier: Uint8Array
  readonly authority: Uint8Array
  readonly label?: string
  readonly url?: string
  /** Algorithm identifiers, SP 800-78-5 table 9; none when the card reports none. */
  readonly algorithms: readonly number[]
}

export const PROPERTIES = {
  identifier: { tag: IDENTIFIER, length: [6, 11] },
  authority: { tag: AUTHORITY },
  label: { tag: LABEL, optional: true },
  url: { tag: URL, optional: true },
} as const

const text = (octets: Uint8Array): string => new TextDecoder().decode(octets)

/** The label in an answer to SELECT, where it has one that can be parsed. */
export function labelIn(answer: Uint8Array): string | undefined {
  const [template] = readableTlvs(answer)
  const label = template?.tag === TEMPLATE ? find(readableTlvs(template.value), LABEL) : undefined
  return label && text(label)
}

export function writeApplicationProperties(properties: ApplicationProperties): Uint8Array {
  const { identifier, authority, label, url, algorithms } = properties
  const fields = {
    identifier,
    authority: tlv(IDENTIFIER, authority),
    ...(label !== undefined && { label: utf8(label) }),
    ...(url !== undefined && { url: utf8(url) }),
  }
  const ids = algorithms.map((id) => tlv(0x80, Uint8Array.of(id)))
  const list = ids.length === 0 ? [] : [tlv(ALGORITHMS, ...ids, tlv(0x06, Uint8Array.of(0x00)))]
  return tlv(TEMPLATE, ...writeFields(fields, PROPERTIES), ...list)
}
