// How many columns of a terminal a text takes: two for the wide characters of East Asia, none for marks on the character
// before. Sequences of emoji that a terminal joins into one count as several.
import { eastAsianWidth } from 'get-east-asian-width'

/** Marks, format characters, and the vowels and final consonants that complete a Korean syllable. */
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff\ud7b0-\ud7fb]/u

const widthOfOne = (character: string): number =>
  NO_WIDTH.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) ?? 0)

export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  return Array.from(text, widthOfOne).reduce((sum, width) => sum + width, 0)
}

/** With spaces at the end, up to this width. */
export const padded = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))

/** At most this wide: a longer text ends with an ellipsis. */
export function cut(text: string, most: number): string {
  if (widthOf(text) <= most) return text
  let kept = ''
  let width = 1
  for (const character of text) {
    width += widthOfOne(character)
    if (width > most) break
    kept += character
  }
  return `${kept}…`
}
