// Distinguished names: from text (RFC 4514) to X.501's DER (RFC 5280, 4.1.2.4).
import { concat, fromHex, utf8 } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import { DER } from '../iso7816/der.ts'
import { ifWellFormed, readTlv, tlv } from '../iso7816/tlv.ts'
import { ATTRIBUTES, type Attribute, TEXT_TAGS } from './attributes.ts'
import { SPECIAL } from './name-text.ts'
import { oidOctets } from './oid.ts'

/** Most characters of a name as text. */
const LONGEST = 1024
const CONTROL = /\p{Cc}/u
const HALF_CHARACTER = /\p{Cs}/u
/** Characters allowed in a type of text. X.680, table 10; RFC 5280, 4.1.2.4. */
const ALPHABETS = {
  utf8: { pattern: /^/, words: 'anything' },
  printable: { pattern: /^[A-Za-z0-9 '()+,\-./:=?]*$/, words: 'letters, digits and simple punctuation' },
  ia5: { pattern: /^[ -~]*$/, words: 'ASCII characters' },
} as const

const bad = (why: string): UsageError =>
  new UsageError(
    'ERR_USAGE',
    `This subject cannot be used: ${why}. Write it as in CN=Maria Example,O=Example Ltd,C=DE (RFC 4514).`,
  )

/**
 * The DER of a name written as in RFC 4514: the most specific attribute first, as `CN=...,O=...,C=...`.
 * @throws UsageError ERR_USAGE
 */
export function parseName(text: string): Uint8Array {
  if (text.length > LONGEST) throw bad(`it has more than ${LONGEST} characters`)
  if (text === '') throw bad('it is empty')
  if (HALF_CHARACTER.test(text)) throw bad('it has half of a character')
  const names = splitUnescaped(text, ',').map((part) => splitUnescaped(part, '+').map(parseAttribute))
  const sets = names.map((attributes) => tlv(DER.set, ...attributes.sort(byOctets)))
  return tlv(DER.sequence, ...sets.reverse())
}

/** The DER of a name of one-valued attributes, in the order of X.501: the most specific one last. @throws UsageError */
export const writeName = (...attributes: ReadonlyArray<readonly [name: keyof typeof ATTRIBUTES, value: string]>) =>
  tlv(DER.sequence, ...attributes.map(([name, value]) => tlv(DER.set, textAttribute(name, value))))

/** DER, 11.6: the elements of a SET OF are in ascending order. */
const byOctets = (left: Uint8Array, right: Uint8Array): number => Buffer.compare(left, right)

function splitUnescaped(text: string, separator: string): string[] {
  const parts = ['']
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? ''
    if (character === separator) parts.push('')
    else parts[parts.length - 1] += character === '\\' ? `\\${text[++at] ?? ''}` : character
  }
  return parts
}

function parseAttribute(part: string): Uint8Array {
  const [, type = '', raw = ''] = /^ *([A-Za-z][A-Za-z0-9-]*|[0-9][0-9.]*)=(.*)$/su.exec(part) ?? []
  if (type === '') throw bad(`"${shorten(part)}" is no attribute with a value`)
  if (/^[0-9]/.test(type)) return attribute(oidOctets(type) ?? type, parseValue(raw))
  const name = Object.keys(ATTRIBUTES).find((known) => known.toLowerCase() === type.toLowerCase()) ?? ''
  if (name !== '') return textAttribute(name, unescaped(raw))
  const known = `use one of ${Object.keys(ATTRIBUTES).join(', ')}, or an object identifier`
  throw bad(`the attribute "${shorten(type)}" is not known; ${known}`)
}

function textAttribute(name: string, value: string): Uint8Array {
  const row: Attribute = ATTRIBUTES[name] ?? { oid: '', most: 0 }
  return attribute(fromHex(row.oid) ?? name, textValue(name, row, value))
}

function attribute(oid: Uint8Array | string, value: Uint8Array): Uint8Array {
  if (typeof oid === 'string') throw bad(`"${shorten(oid)}" is not an object identifier`)
  return tlv(DER.sequence, tlv(DER.oid, oid), value)
}

function textValue(name: string, { type = 'utf8', least = 1, most }: Attribute, value: string): Uint8Array {
  const { pattern, words } = ALPHABETS[type]
  const length = [...value].length
  if (length < least || length > most) {
    throw bad(`${name} has ${length} characters, and has to have ${least === most ? most : `${least} to ${most}`}`)
  }
  if (!pattern.test(value)) throw bad(`${name} may have ${words} only`)
  return tlv(TEXT_TAGS[type], utf8(value))
}

/** The value of an attribute named by its object identifier: `#` and its DER in hex digits, or text. */
function parseValue(raw: string): Uint8Array {
  if (!raw.startsWith('#')) return tlv(TEXT_TAGS.utf8, utf8(unescaped(raw)))
  const octets = fromHex(raw.slice(1))
  if (octets !== undefined && ifWellFormed(() => readTlv(octets)) !== undefined) return octets
  throw bad(`"${shorten(raw)}" is no value in DER`)
}

/** Text without its escapes: RFC 4514, 2.4 and section 3. Spaces around it count only if they are escaped. */
function unescaped(raw: string): string {
  const octets: Uint8Array[] = []
  let kept = 0
  for (const [piece] of raw.replace(/^ +/, '').matchAll(/\\[0-9A-Fa-f]{2}|\\.|./gsu)) {
    octets.push(pieceOctets(piece, octets.length === 0))
    if (piece !== ' ') kept = octets.length
  }
  const text = decoded(concat(...octets.slice(0, kept)))
  if (CONTROL.test(text)) throw bad('it has a control character')
  return text
}

function pieceOctets(piece: string, first: boolean): Uint8Array {
  const [character = '', next = ''] = piece
  if (character !== '\\') {
    if (!SPECIAL.includes(character) && !(first && character === '#')) return utf8(piece)
    throw bad(`"${character}" has to be written as "\\${character}"`)
  }
  if (piece.length === 3) return fromHex(piece.slice(1)) ?? new Uint8Array(0)
  if (next !== '' && `${SPECIAL} #=`.includes(next)) return utf8(next)
  throw bad('a backslash stands before no character that it can escape')
}

function decoded(octets: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
  } catch {
    throw bad('its escaped octets are no UTF-8')
  }
}

const shorten = (text: string): string => text.slice(0, 40)
