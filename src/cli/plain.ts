// Other people's text, as it may be printed.

const LONGEST = 60

/** Without what a terminal would act on. */
export function plain(text: string): string {
  const shown = text.replaceAll(/\p{C}/gu, '?')
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST - 1)}…` : shown
}
