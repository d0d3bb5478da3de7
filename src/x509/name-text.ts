// Distinguished names from DER to text, as RFC 4514 writes them.
import { hex, utf8 } from '../bytes.ts'
import { DER } from '../iso7816/der.ts'
import { readTlvs, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import { ATTRIBUTES } from './attributes.ts'
import { dotted } from './oid.ts'
import { textOf } from './text.ts'

/** Characters that must be escaped anywhere in a value. */
export const SPECIAL = '"+,;<>\\'

const LABELS = new Map(
  Object.entries(ATTRIBUTES)
    .map(([name, { oid }]) => [oid, name] as const)
    .reverse(),
)

/** A name in DER as RFC 4514 writes it. @throws TlvError */
export function formatName(der: Uint8Array): string {
  return readTlvs(unwrap(der, DER.sequence))
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
  const shown = label && textOf(value.tag, value.value)
  return shown === undefined
    ? `${dotted(type.value)}=#${hex(tlv(value.tag, value.value))}`
    : `${label}=${escaped(shown)}`
}

/** Invisible characters, or ones that a terminal acts on, are written as octets. */
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
