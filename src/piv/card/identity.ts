// Objects that a card has from its creation: who it is. SP 800-73-5 part 1, section 3 and appendix A.
import { concat, hex, utf8 } from '../../bytes.ts'
import { tlv } from '../../iso7816/tlv.ts'
import { PIV_AID } from '../application.ts'
import { tagOf } from '../objects.ts'

/** What the objects say. All of it is public, or becomes so to who has the PIN. */
export interface CardIdentity {
  /** 16 octets: the card's GUID. */
  readonly cardId: Uint8Array
  readonly name: string
  /** When the card was made. */
  readonly created: Date
}

/** FASC-N of a non-federal issuer (agency code 9999): readers then go by the GUID. SP 800-73-5 part 1, 3.1.2. */
const FASC_N = Uint8Array.from(Buffer.from('d4e739da739ced39ce739d836858210842108421c84210c3eb', 'hex'))
const YEARS = 30

const digits = (value: number, length: number) => String(value).padStart(length, '0')

/** CHUID, table 9: FASC-N, GUID, expiration, an empty signature, an empty error detection code. */
function chuid({ cardId, created }: CardIdentity): Uint8Array {
  const day = digits(created.getUTCMonth() + 1, 2) + digits(Math.min(created.getUTCDate(), 28), 2)
  const expiration = utf8(digits(created.getUTCFullYear() + YEARS, 4) + day)
  return concat(tlv(0x30, FASC_N), tlv(0x34, cardId), tlv(0x35, expiration), tlv(0x3e), tlv(0xfe))
}

/** CCC, table 8: card identifier (GSC-RID, manufacturer, card type, 14 octets of the card's own), data model 10. */
function ccc({ cardId }: CardIdentity): Uint8Array {
  const identifier = concat(Uint8Array.from([0xa0, 0, 0, 0x01, 0x16, 0xff, 0x02]), cardId.slice(0, 14))
  const version = Uint8Array.of(0x21)
  return concat(
    tlv(0xf0, identifier),
    tlv(0xf1, version),
    tlv(0xf2, version),
    tlv(0xf3),
    tlv(0xf4, Uint8Array.of(0x00)),
    tlv(0xf5, Uint8Array.of(0x10)),
    ...[0xf6, 0xf7, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe].map((tag) => tlv(tag)),
  )
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']

/** Printed information, table 14: name, affiliation, expiration, serial number, issuer. */
function printed({ cardId, name, created }: CardIdentity): Uint8Array {
  const month = MONTHS[created.getUTCMonth()] ?? 'JAN'
  const expiration = `${digits(created.getUTCFullYear() + YEARS, 4)}${month}${digits(Math.min(created.getUTCDate(), 28), 2)}`
  return concat(
    tlv(0x01, utf8(name)),
    tlv(0x02),
    tlv(0x04, utf8(expiration)),
    tlv(0x05, utf8(hex(cardId).slice(0, 20))),
    tlv(0x06, utf8('Tessera')),
    tlv(0xfe),
  )
}

/** Discovery object, table 18: this application, and a card that has its own PIN alone. */
function discovery(): Uint8Array {
  return concat(tlv(0x4f, PIV_AID), tlv(0x5f2f, Uint8Array.of(0x40, 0x00)))
}

/** Key history, table 19: how many retired keys have certificates on the card; none is elsewhere. */
export function keyHistory(onCard: number): Uint8Array {
  return concat(tlv(0xc1, Uint8Array.of(onCard)), tlv(0xc2, Uint8Array.of(0)), tlv(0xfe))
}

const MADE: ReadonlyMap<string, (identity: CardIdentity) => Uint8Array> = new Map([
  [tagOf('chuid'), chuid],
  [tagOf('ccc'), ccc],
  [tagOf('printed-information'), printed],
  [tagOf('discovery'), discovery],
])

/** The content of an object that nobody has written yet; undefined where there is none. */
export function initialObject(tag: string, identity: CardIdentity): Uint8Array | undefined {
  return MADE.get(tag)?.(identity)
}
