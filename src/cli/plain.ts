// Makes untrusted text safe to print.
import { cut } from './width.ts'

/** Columns of a terminal. */
const WIDEST = 60

/** Replaces characters that a terminal would act on. */
export function plain(text: string): string {
  return cut(text.replaceAll(/\p{C}/gu, '?'), WIDEST)
}

/** For our own sentences and tables with untrusted text in them: their line ends and tabs stay. */
export const shown = (text: string): string => text.replaceAll(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')

/** JSON in one line, with these characters written as numbers. */
export const jsonLine = (value: unknown): string =>
  `${JSON.stringify(value).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (text) =>
    Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  )}\n`

/** The same for text that has to stay in one line. */
export const inLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')

/** A text as one word of a command line of the shell. */
export const inShell = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
