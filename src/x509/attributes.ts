// Attributes of distinguished names. RFC 4514, section 3; lengths and types of text: RFC 5280, appendix A.1.

/** Tags of the types of text that are written. X.680, 8.4. */
export const TEXT_TAGS = { utf8: 0x0c, printable: 0x13, ia5: 0x16 } as const

export interface Attribute {
  /** Object identifier in DER, without tag and length. */
  readonly oid: string
  /** `utf8` by default. */
  readonly type?: 'utf8' | 'printable' | 'ia5'
  /** Characters. */
  readonly most: number
  readonly least?: number
}

/** By name. If several names have the same object identifier, the first is shown. */
export const ATTRIBUTES: Readonly<Record<string, Attribute>> = {
  CN: { oid: '550403', most: 64 },
  L: { oid: '550407', most: 128 },
  ST: { oid: '550408', most: 128 },
  O: { oid: '55040a', most: 64 },
  OU: { oid: '55040b', most: 64 },
  C: { oid: '550406', type: 'printable', least: 2, most: 2 },
  STREET: { oid: '550409', most: 128 },
  DC: { oid: '0992268993f22c640119', type: 'ia5', most: 63 },
  UID: { oid: '0992268993f22c640101', most: 256 },
  emailAddress: { oid: '2a864886f70d010901', type: 'ia5', most: 255 },
  serialNumber: { oid: '550405', type: 'printable', most: 64 },
  SN: { oid: '550404', most: 64 },
  GN: { oid: '55042a', most: 64 },
  title: { oid: '55040c', most: 64 },
  E: { oid: '2a864886f70d010901', type: 'ia5', most: 255 },
  S: { oid: '550408', most: 128 },
}
