// The language of the page, and its texts.
import { type Language, languageOf, TEXTS, type TextKey } from '../texts/index.ts'

let now: Language = languageOf(document.documentElement.lang)

export const language = (): Language => now

/** Kept in a cookie, so that the server sends the page in it. */
export function choose(chosen: Language): void {
  now = chosen
  // biome-ignore lint/suspicious/noDocumentCookie: the store of cookies is asynchronous, and not in every browser
  document.cookie = `tessera-language=${chosen}; SameSite=Strict; Path=/; Max-Age=31536000`
}

export function t(key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  return TEXTS[now][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

/** Whether there is a text of this name, which is made of a word from elsewhere. */
export const hasText = (key: string): key is TextKey => Object.hasOwn(TEXTS.en, key)

export const minute = (iso: string): string =>
  new Intl.DateTimeFormat(now, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(iso))

export const day = (iso: string): string => new Intl.DateTimeFormat(now, { dateStyle: 'long' }).format(new Date(iso))
