/** Text in HTML and SVG. */

/** Characters that would be markup, and those that turn a text around or hide it, as references. */
export const escaped = (text: string): string =>
  text.replaceAll(/[&<>"'\p{Cc}\p{Cf}]/gu, (found) =>
    /[\p{Cc}\p{Cf}]/u.test(found) ? '�' : `&#${found.charCodeAt(0)};`,
  )
