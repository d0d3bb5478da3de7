// The languages of the page.
import { en } from './en.ts'
import { ko } from './ko.ts'

export type TextKey = keyof typeof en
export type Texts = Readonly<Record<TextKey, string>>

export const TEXTS = { en, ko } as const satisfies Readonly<Record<string, Texts>>
export type Language = keyof typeof TEXTS

/** Each language in itself. */
export const LANGUAGES: Readonly<Record<Language, string>> = { en: 'English', ko: '한국어' }
export const TITLES: Readonly<Record<Language, string>> = { en: en.title, ko: ko.title }

/** The first of these that the page has: `Accept-Language` as RFC 9110, 12.5.4 has it, or one language. English else. */
export function languageOf(accepted: string): Language {
  const wanted = accepted
    .split(',')
    .map((range) => {
      const [tag = '', ...parameters] = range.trim().toLowerCase().split(';')
      const quality = parameters.map((one) => /^\s*q=([\d.]+)\s*$/.exec(one)?.[1]).find((one) => one !== undefined)
      return { tag: tag.split('-', 1)[0] ?? '', quality: quality === undefined ? 1 : Number(quality) }
    })
    .filter(({ tag, quality }) => Object.hasOwn(TEXTS, tag) && quality > 0)
    .sort((left, right) => right.quality - left.quality)
  return (wanted[0]?.tag ?? 'en') as Language
}
