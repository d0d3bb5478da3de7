// Text in ASN.1, by its types. X.680, 8.4; X.690, 8.23.
import { DER } from '../iso7816/der.ts'

const latin1 = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1')
const by = (encoding: string) => {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true })
  return (octets: Uint8Array): string | undefined => {
    try {
      return decoder.decode(octets)
    } catch {
      return undefined
    }
  }
}
const utf8 = by('utf-8')

/** Types that allow only ASCII: in practice, octets beyond ASCII are UTF-8 or Latin-1. */
export const asciiText = (octets: Uint8Array): string => utf8(octets) ?? latin1(octets)

/** UniversalString: four octets per character, the highest one first. */
function universal(octets: Uint8Array): string | undefined {
  if (octets.length % 4 !== 0) return undefined
  const { buffer, byteOffset } = octets
  const view = new DataView(buffer, byteOffset, octets.length)
  const points = Array.from({ length: octets.length / 4 }, (_, at) => view.getUint32(4 * at))
  const valid = points.every((point) => point <= 0x10ffff && (point < 0xd800 || point > 0xdfff))
  return valid ? points.map((point) => String.fromCodePoint(point)).join('') : undefined
}

const TEXTS: ReadonlyMap<number, (octets: Uint8Array) => string | undefined> = new Map([
  [DER.utf8, utf8],
  [0x12, asciiText], // NumericString
  [0x13, asciiText], // PrintableString
  // TeletexString (T.61): in practice it is Latin-1.
  [0x14, latin1],
  [0x16, asciiText], // IA5String
  [0x19, asciiText], // GraphicString
  [0x1a, asciiText], // VisibleString
  [0x1b, asciiText], // GeneralString
  [0x1c, universal],
  [DER.bmp, by('utf-16be')],
])

/** The text of an element; undefined if it is no text. */
export const textOf = (tag: number, octets: Uint8Array): string | undefined => TEXTS.get(tag)?.(octets)

/** The octets of a BMPString. */
export const bmpOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'utf16le').swap16())
