// Other people's text, as it may be printed.

const LONGEST = 60

/** Without what a terminal would act on. */
export function plain(text: string): string {
  const shown = text.replaceAll(/\p{C}/gu, '?')
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST - 1)}…` : shown
}

/** Sentences and tables of ours with other people's text in them: the line ends and tabs are ours. */
export const shown = (text: string): string => text.replaceAll(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')

/** The same for what is to stay in its line. */
export const inLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
