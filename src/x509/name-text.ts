// Distinguished names of DER in words, as RFC 4514 writes them.
import { hex, utf8 } from '../bytes.ts'
import { readTlvs, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import { ATTRIBUTES, TEXT_TAGS } from './attributes.ts'
import { dotted } from './oid.ts'

const SEQUENCE = 0x30
/** What has to be escaped anywhere in a value. */
export const SPECIAL = '"+,;<>\\'

const LABELS = new Map(
  Object.entries(ATTRIBUTES)
    .map(([name, { oid }]) => [oid, name] as const)
    .reverse(),
)

/** A name in DER as RFC 4514 writes it. @throws TlvError */
export function formatName(der: Uint8Array): string {
  return readTlvs(unwrap(der, SEQUENCE))
    .map((set) =>
      readTlvs(set.value)
        .map(({ value }) => formatAttribute(value))
        .join('+'),
    )
    .reverse()
    .join(',')
}

function formatAttribute(octets: Uint8Array): string {
  const [type, value] = readTlvs(octets)
  if (type === undefined || value === undefined) throw new TlvError('a name has an attribute without a value')
  const label = LABELS.get(hex(type.value))
  const shown = label && shownText(value.tag, value.value)
  return shown === undefined
    ? `${dotted(type.value)}=#${hex(tlv(value.tag, value.value))}`
    : `${label}=${escaped(shown)}`
}

const TEXTS: ReadonlyMap<number, string> = new Map([
  [TEXT_TAGS.utf8, 'utf-8'],
  [TEXT_TAGS.printable, 'latin1'],
  [TEXT_TAGS.ia5, 'latin1'],
  [TEXT_TAGS.teletex, 'latin1'],
  [TEXT_TAGS.bmp, 'utf-16be'],
])

function shownText(tag: number, octets: Uint8Array): string | undefined {
  const encoding = TEXTS.get(tag)
  try {
    return encoding && new TextDecoder(encoding, { fatal: true }).decode(octets)
  } catch {
    return undefined
  }
}

/** What could not be seen, or could lead a terminal astray, is written as its octets. */
const INVISIBLE = /\p{C}|\p{Zl}|\p{Zp}/u

function escaped(value: string): string {
  return [...value]
    .map((character, index, { length }) => {
      if (INVISIBLE.test(character)) return hex(utf8(character)).replace(/../g, '\\$&')
      const atEdge = (character === ' ' && (index === 0 || index === length - 1)) || (character === '#' && index === 0)
      return SPECIAL.includes(character) || atEdge ? `\\${character}` : character
    })
    .join('')
}
