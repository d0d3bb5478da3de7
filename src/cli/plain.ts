// Other people's text, as it may be printed.

const LONGEST = 60

/** Without what a terminal would act on. */
export function plain(text: string): string {
  const shown = text.replaceAll(/\p{C}/gu, '?')
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST - 1)}…` : shown
}

/** Sentences and tables of ours with other people's text in them: the line ends and tabs are ours. */
export const shown = (text: string): string => text.replaceAll(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')

/** JSON in one line, in which they are written as numbers. */
export const jsonLine = (value: unknown): string =>
  `${JSON.stringify(value).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (text) =>
    Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  )}\n`

/** The same for what is to stay in its line. */
export const inLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
