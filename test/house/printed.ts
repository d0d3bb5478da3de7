// Command lines of `tessera` in texts: in messages of the sources, and in documents.
import { OPTIONS } from '../../src/cli/options.ts'
import { COMMANDS } from '../../src/cli/table.ts'

export interface Printed {
  /** As it is printed, without the word tessera; what a source puts in is X. */
  readonly line: string
  readonly words: string
}

const tokens = (text: string) =>
  text
    .replaceAll(/\$\{[^}]*\}/g, 'X')
    .split(/\s+/)
    .filter((word) => word !== '')

/** What ends a sentence or a quotation is no part of the command line. */
const bare = (word: string) => word.replace(/[.,;:)'"`]+(?!\w).*$/, '')
const isOption = (word: string) => /^--?[a-z][a-z-]*$/.test(word)
/** What stands for something, or is an example of it. */
const isValue = (word: string) => /^(X|[A-Z][A-Z-]*(\.pem)?|9[acde]|default|random|work)$/.test(word)

/** The command lines in a text: those whose words are a command of the table. */
export function printedIn(text: string): Printed[] {
  return text
    .split(/(?<![\w/@.-])(?:\.\/bin\/)?tessera(?=\s)/)
    .slice(1)
    .flatMap((rest) => {
      const line = lineOf(tokens(rest))
      return line === undefined ? [] : [line]
    })
}

const takesValue = new Set(
  Object.values(OPTIONS).flatMap(({ flags }) => (flags.includes('<') ? flags.split(' ').filter(isOption) : [])),
)

function lineOf(all: readonly string[]): Printed | undefined {
  const line: string[] = []
  let at = 0
  while (isOption(all[at] ?? '') && isValue(bare(all[at + 1] ?? ''))) {
    line.push(...all.slice(at, at + 2))
    at += 2
  }
  const row = COMMANDS.filter(({ words }) =>
    words.split(' ').every((word, n) => bare(all[at + n] ?? '') === word),
  ).sort((one, other) => other.words.length - one.words.length)[0]
  if (row === undefined) return undefined
  const own = row.words.split(' ')
  line.push(...own)
  let before = all[at + own.length - 1] ?? ''
  for (const word of all.slice(at + own.length)) {
    const goesOn = bare(before) === before && (isOption(bare(word)) || isValue(bare(word)) || takesValue.has(before))
    if (!goesOn) break
    line.push(bare(word))
    before = word
  }
  return { line: line.join(' '), words: row.words }
}
