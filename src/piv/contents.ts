// The contents of the data objects that every card has. SP 800-73-5 part 1, section 3.1 and appendix A, tables 8 to 14.
// Values that NIST leaves open are those of yubico-piv-tool, which other programs know. Writing is exact. Reading is for
// other makers' cards: parts that are not understood are skipped, so reading never throws.
import { concat, utf8 } from '../bytes.ts'
import { type FieldsOf, knownFields, writeFields } from '../iso7816/fields.ts'
import { TlvError } from '../iso7816/tlv.ts'
import { PIV_AID } from './application.ts'

const EMPTY = new Uint8Array(0)
/** Error detection code: the last element of most objects, always empty. */
const CHECK = { tag: 0xfe, length: 0 } as const
const text = (octets: Uint8Array): string => new TextDecoder().decode(octets)

/** CHUID, table 9. */
const CHUID = {
  bufferLength: { tag: 0xee, length: 2, optional: true },
  fascN: { tag: 0x30, length: 25 },
  organization: { tag: 0x32, length: 4, optional: true },
  duns: { tag: 0x33, length: 9, optional: true },
  guid: { tag: 0x34, length: 16 },
  expiry: { tag: 0x35, length: 8 },
  cardholder: { tag: 0x36, length: 16, optional: true },
  keyMap: { tag: 0x3d, optional: true },
  signature: { tag: 0x3e },
  check: CHECK,
} as const

/** FASC-N of a non-federal card (agency 9999, system 9999, credential 999999, 0, 1): hosts then use the GUID. */
export const NON_FEDERAL = Uint8Array.from(Buffer.from('d4e739da739ced39ce739d836858210842108421c84210c3eb', 'hex'))

export interface Chuid {
  readonly fascN: Uint8Array
  /** Card UUID, RFC 4122, in 16 octets. */
  readonly guid: Uint8Array
  /** YYYYMMDD. */
  readonly expiry: string
  readonly cardholder?: Uint8Array
  /** CMS, where the issuer signed. */
  readonly signature?: Uint8Array
}

/** The parts of a CHUID that can be parsed. */
export function readChuid(content: Uint8Array): Partial<Chuid> {
  const { fascN, guid, expiry, cardholder, signature } = knownFields(content, CHUID)
  const date = expiry && text(expiry)
  return {
    ...(fascN && { fascN }),
    ...(guid && { guid }),
    ...(date !== undefined && DATE.test(date) && { expiry: date }),
    ...(cardholder && { cardholder }),
    ...(signature !== undefined && signature.length > 0 && { signature }),
  }
}

/** The GUID of a card. All zeros is none: cards older than GUIDs all have it (SP 800-73-3 part 1, 3.1.2). */
export function guidOf(content: Uint8Array): Uint8Array | undefined {
  const { guid } = readChuid(content)
  return guid?.some((octet) => octet !== 0) ? guid : undefined
}

/** @throws TlvError for a wrong length, or an invalid date */
export function writeChuid({ fascN, guid, expiry, cardholder, signature }: Chuid): Uint8Array {
  const fields = { fascN, guid, expiry: utf8(digits(expiry)), signature: signature ?? EMPTY, check: EMPTY }
  return concat(...writeFields({ ...fields, ...(cardholder && { cardholder }) }, CHUID))
}

const DATE = /^[0-9]{8}$/

function digits(date: string): string {
  if (!DATE.test(date)) throw new TlvError('the date is not YYYYMMDD')
  return date
}

/** Card capability container, table 8. All but the data model (10) may be empty. */
export const CAPABILITIES = {
  identifier: { tag: 0xf0, length: [0, 21] },
  version: { tag: 0xf1, length: [0, 1] },
  grammar: { tag: 0xf2, length: [0, 1] },
  urls: { tag: 0xf3, length: [0, 128] },
  pkcs15: { tag: 0xf4, length: [0, 1] },
  dataModel: { tag: 0xf5, length: 1 },
  accessRules: { tag: 0xf6, length: [0, 17] },
  apdus: { tag: 0xf7, length: 0 },
  redirection: { tag: 0xfa, length: 0 },
  tuples: { tag: 0xfb, length: 0 },
  status: { tag: 0xfc, length: 0 },
  next: { tag: 0xfd, length: 0 },
  legacyUrl: { tag: 0xe3, optional: true },
  security: { tag: 0xb4, optional: true },
  check: { ...CHECK, optional: true },
} as const

/** GSC-RID, manufacturer FF, a card with a Java applet; the card id (14 octets) follows. */
const CARD_IDENTIFIER = Uint8Array.of(0xa0, 0x00, 0x00, 0x01, 0x16, 0xff, 0x02)

/** `cardId`: 14 octets. @throws TlvError for another length */
export function writeCapabilities(cardId: Uint8Array): Uint8Array {
  if (cardId.length !== 14) throw new TlvError('the card id has not 14 octets')
  const names = ['urls', 'accessRules', 'apdus', 'redirection', 'tuples', 'status', 'next', 'check'] as const
  const empty = Object.fromEntries(names.map((name) => [name, EMPTY])) as Record<(typeof names)[number], Uint8Array>
  const [version, pkcs15, dataModel] = [Uint8Array.of(0x21), Uint8Array.of(0x00), Uint8Array.of(0x10)]
  const identifier = concat(CARD_IDENTIFIER, cardId)
  return concat(...writeFields({ ...empty, identifier, version, grammar: version, pkcs15, dataModel }, CAPABILITIES))
}

/** Discovery object, table 12. */
const DISCOVERY = { identifier: { tag: 0x4f, length: [5, 16] }, policy: { tag: 0x5f2f, length: 2 } } as const

/** Bits of the first octet of the PIN usage policy. */
export const PIN_USAGE = { pin: 0x40, globalPin: 0x20, fingerprint: 0x10, virtualContact: 0x08 } as const

export const readDiscovery = (content: Uint8Array): Partial<FieldsOf<typeof DISCOVERY>> =>
  knownFields(content, DISCOVERY)

/** For a card with a PIN and no global PIN, unless given. `policy`: two octets. */
export const writeDiscovery = (policy: Uint8Array = Uint8Array.of(PIN_USAGE.pin, 0x00)): Uint8Array =>
  concat(...writeFields({ identifier: PIV_AID, policy }, DISCOVERY))

/** Key history, table 14. */
const HISTORY = {
  onCard: { tag: 0xc1, length: 1 },
  offCard: { tag: 0xc2, length: 1 },
  url: { tag: 0xf3, length: [0, 118], optional: true },
  check: CHECK,
} as const

export interface KeyHistory {
  /** The number of retired keys with certificates on the card: they fill slots 82 and up. */
  readonly onCard: number
  /** The number of those with certificates behind `url` only: they fill slots 95 and down. */
  readonly offCard: number
  readonly url?: string
}

const MOST_RETIRED = 20

/** The parts of a key history that can be parsed; undefined where the number of certificates on the card is not among them. */
export function readKeyHistory(content: Uint8Array): KeyHistory | undefined {
  const { onCard, offCard, url } = knownFields(content, HISTORY)
  const counts = { onCard: onCard?.[0] ?? MOST_RETIRED + 1, offCard: offCard?.[0] ?? 0 }
  if (counts.onCard > MOST_RETIRED) return undefined
  return url?.length ? { ...counts, url: text(url) } : counts
}

/** @throws TlvError */
export function writeKeyHistory(history: KeyHistory): Uint8Array {
  const { onCard, offCard, url } = history
  if (onCard + offCard > MOST_RETIRED) throw new TlvError('a card has at most 20 retired keys')
  if (offCard > 0 && !url) throw new TlvError('the URL of the certificates that are not on the card is missing')
  const counts = { onCard: Uint8Array.of(onCard), offCard: Uint8Array.of(offCard), check: EMPTY }
  return concat(...writeFields(url === undefined ? counts : { ...counts, url: utf8(url) }, HISTORY))
}

/** Printed information, table 13. */
export const PRINTED = {
  name: { tag: 0x01, length: [0, 125] },
  affiliation: { tag: 0x02, length: [0, 20] },
  expiry: { tag: 0x04, length: [0, 9] },
  serial: { tag: 0x05, length: [0, 20] },
  issuer: { tag: 0x06, length: [0, 15] },
  organization: { tag: 0x07, length: [0, 20], optional: true },
  organization2: { tag: 0x08, length: [0, 20], optional: true },
  check: CHECK,
} as const

/** `expiry` as YYYYMMMDD: 2030JAN01. */
export type PrintedInformation = Omit<
  { readonly [Name in keyof typeof PRINTED]: string },
  'check' | 'organization' | 'organization2'
> & {
  readonly organization?: string
  readonly organization2?: string
}

/** @throws TlvError for a text that is too long */
export function writePrintedInformation(information: PrintedInformation): Uint8Array {
  const texts = Object.entries(information).map(([name, value]) => [name, utf8(value)])
  const fields = Object.fromEntries(texts) as Omit<FieldsOf<typeof PRINTED>, 'check'>
  return concat(...writeFields({ ...fields, check: EMPTY }, PRINTED))
}
