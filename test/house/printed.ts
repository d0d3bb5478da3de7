// Command lines in texts: of `tessera` and of other programs, in messages of the sources and in documents.
import { OPTIONS } from '../../src/cli/options.ts'
import { COMMANDS } from '../../src/cli/table.ts'

/** A command line of `tessera` without that word. In a message, X stands for what the source puts in. */
export interface Printed {
  readonly line: string
}

/** What a source puts into a message, in TypeScript and in C++, becomes X; strings that are put together become one. */
export const withPlaceholders = (text: string): string =>
  text
    .replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, 'X')
    .replaceAll(/'\s*\+\s*'/g, '')
    .replaceAll(/"\s*\+\s*[\w>.()-]+(\s*\+\s*"|(?=\)))/g, (_, more) => (more ? 'X' : 'X"'))

const tokens = (text: string) => text.split(/\s+/).filter((word) => word !== '')

/** What ends a sentence or a quotation is no part of the command line. */
const bare = (word: string) => word.replace(/[.,;:)'"`]+(?!\w).*$/, '')
const isWord = (word: string) => /^[a-z][a-z-]*$/.test(word)
const isOption = (word: string) => /^--?[a-z][a-z-]*$/.test(word)
/** What stands for something, or is an example of it. */
const isValue = (word: string) => /^(X|[A-Z][A-Z-]*(\.pem)?|9[acde]|default|random|work)$/.test(word)

const takesValue = new Set(
  Object.values(OPTIONS).flatMap(({ flags }) => (flags.includes('<') ? flags.split(' ').filter(isOption) : [])),
)

/** What names a command: the words of a row, or of a group that has a usual command. */
const names = COMMANDS.flatMap(({ words, usual }) => (usual ? [words, words.replace(/ \S+$/, '')] : [words]))
  .map((words) => words.split(' '))
  .sort((one, other) => other.length - one.length)

/**
 * The command lines in a message. `tessera` with a word after it is one, whether there is such a command or not:
 * only Tessera with a capital letter is the project.
 */
export function printedIn(text: string): Printed[] {
  return withPlaceholders(text)
    .split(/(?<![\w/@.-]|namespace |complete -c )(?:\.\/bin\/)?tessera(?=\s)/)
    .slice(1)
    .flatMap((rest) => lineOf(tokens(rest)) ?? [])
}

function lineOf(all: readonly string[]): Printed | undefined {
  const line: string[] = []
  let at = 0
  while (isOption(all[at] ?? '') && isValue(bare(all[at + 1] ?? ''))) {
    line.push(...all.slice(at, at + 2))
    at += 2
  }
  const first = bare(all[at] ?? '')
  // A command that the source puts in: nobody can tell which, so it is none.
  if (isOption(first) || first === 'X') return { line: [...line, first].join(' ') }
  if (!isWord(first)) return undefined
  const command = names.find((words) => words.every((word, n) => bare(all[at + n] ?? '') === word))
  if (command === undefined) return { line: [...line, ...wordsAt(all, at)].join(' ') }
  line.push(...command)
  let before = all[at + command.length - 1] ?? ''
  for (const word of all.slice(at + command.length)) {
    const goesOn = bare(before) === before && (isOption(bare(word)) || isValue(bare(word)) || takesValue.has(before))
    if (!goesOn) break
    line.push(bare(word))
    before = word
  }
  return { line: line.join(' ') }
}

/** Two words at most that might have been meant for a command. */
function wordsAt(all: readonly string[], at: number): string[] {
  const [first = '', second = ''] = all.slice(at, at + 2)
  return bare(first) === first && isWord(bare(second)) ? [first, bare(second)] : [bare(first)]
}

/** Programs that a message may tell somebody to run. What is a word of its own in a sentence needs its first argument. */
const OTHER =
  /(?<![\w/.$-])(?:sudo |docker |apt-get |apt |dpkg |systemctl |loginctl |usermod |chmod |chown |npx |nft |iptables |ufw |ln |kinit\b|tpm2_\w+|npm (?:install|rebuild|ci|run|start|test)\b|openssl [a-z]|(?:curl|ssh|ssh-keygen|ssh-add|pcscd|pkcs1[15]-tool|certutil|modutil|ykman|yubico-piv-tool|node) -|swtpm socket)[^\n]*/g

/** The rest of each line from where the name of another program begins. */
export function otherProgramsIn(text: string): string[] {
  return [...withPlaceholders(text).matchAll(OTHER)].map(([found]) => found)
}

/** What a document has for something that differs from person to person, or from machine to machine. */
const isExample = (word: string) => /^(X|[A-Z]{2,}|%.*|https:.*|maria(@lab\.example)?|alice|35963)$/.test(word)

/**
 * Whether `typed` is the line, perhaps with more options: with something in place of each word that stands for something.
 * `{name}` in what is typed is what a test puts in.
 */
export function isTypedFor(line: string, typed: string): boolean {
  const given = typed.split(' ')
  let at = 0
  for (const word of line.split(' ')) {
    const found = given.findIndex((other, n) => n >= at && (other === word || (n === at && stands(word, other))))
    if (found < 0) return false
    at = found + 1
  }
  return true
}

const stands = (word: string, other: string) => !isOption(other) && (isExample(word) || /\{\w+\}/.test(other))
