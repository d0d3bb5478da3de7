// What may stand in the place of the last word of a command line: from the same table as the command line itself.
import { ALGORITHMS, HASHES } from '../piv/algorithms.ts'
import { OBJECTS } from '../piv/objects.ts'
import { SLOTS } from '../piv/slots.ts'
import { PURPOSES } from '../x509/purposes.ts'
import type { CommandShape } from './context.ts'
import { flagOf, oldSpellingsOf } from './old-spellings.ts'
import { GLOBAL_OPTIONS, OPTIONS, type OptionName, optionRow } from './options.ts'
import { SHELLS } from './shells.ts'

type Names = () => Promise<readonly string[]>
type Words = readonly string[] | Promise<readonly string[]>

const slots = [...SLOTS].flat()
const tags = OBJECTS.map((object) => object.name)

/** By what the table calls an argument or the value of an option; what is not here is a file, or anybody's guess. */
const VALUES: Readonly<Record<string, (cards: Names) => Words>> = {
  slot: () => slots,
  tag: () => tags,
  shell: () => [...SHELLS.keys()],
  name: (cards) => cards(),
  key: () => ['default', 'random'],
}

/** The same for options whose value is called `name` and is no card's. */
const OPTION_VALUES: Readonly<Partial<Record<OptionName, readonly string[]>>> = {
  algorithm: Object.keys(ALGORITHMS),
  hash: Object.keys(HASHES),
  purposes: Object.keys(PURPOSES),
}

const flagsOf = (name: OptionName) => OPTIONS[name].flags.split(/,? /).filter((word) => word.startsWith('-'))
const placeholder = (flags: string) => /<(.*)>/.exec(flags)?.[1]
const names = Object.keys(OPTIONS) as OptionName[]

/** The option that a word of the command line is; `row` has its own before others. */
function optionOf(word: string, row: CommandShape | undefined): OptionName | undefined {
  const old = oldSpellingsOf(row?.words ?? '').find(({ flag }) => flag === word)
  return old?.option ?? [...(row?.options ?? []), ...names].find((name) => flagsOf(name).includes(word))
}

async function valuesOf(name: OptionName, cards: Names): Promise<readonly string[]> {
  const { choices, flags } = optionRow(name)
  const what = placeholder(flags) ?? ''
  const alternatives = what.includes('|') ? what.split('|').filter((word) => word !== 'file') : undefined
  return choices ?? OPTION_VALUES[name] ?? alternatives ?? (await VALUES[what]?.(cards)) ?? []
}

/** The command that `plain` words begin with, and how many words it is. */
function commandOf(commands: readonly CommandShape[], plain: readonly string[]): CommandShape | undefined {
  return commands.find(({ words }) => {
    const own = words.split(' ')
    return own.every((word, at) => plain[at] === word)
  })
}

/** Words of commands that go on from `plain`: groups and commands, or the commands of a group. */
function nextWords(commands: readonly CommandShape[], plain: readonly string[]): string[] {
  const going = commands
    .map(({ words }) => words.split(' '))
    .filter((own) => plain.every((word, at) => own[at] === word))
  return [...new Set(going.flatMap((own) => own.slice(plain.length, plain.length + 1)))]
}

function argumentOf({ words, args = '' }: CommandShape, plain: readonly string[]): string {
  const own = args.split(' ').map((arg) => arg.replace(/[<>[\].]/g, ''))
  const last = args.includes('...') ? own.at(-1) : undefined
  return own[plain.length - words.split(' ').length] ?? last ?? ''
}

/** `cards`: the names of cards, asked for only where one may stand. Files are the shell's to know: then there are none. */
export async function candidates(
  commands: readonly CommandShape[],
  words: readonly string[],
  cards: Names,
): Promise<readonly string[]> {
  const last = words.at(-1) ?? ''
  const plain: string[] = []
  let value: OptionName | undefined
  for (const word of words.slice(0, -1)) {
    const option: OptionName | undefined = value === undefined ? optionOf(word, commandOf(commands, plain)) : undefined
    if (value === undefined && option === undefined && (word === '-' || !word.startsWith('-'))) plain.push(word)
    value = option !== undefined && placeholder(OPTIONS[option].flags) !== undefined ? option : undefined
  }
  const row = commandOf(commands, plain)
  const options = () => [...(row?.options ?? []), ...GLOBAL_OPTIONS].map(flagOf)
  const all =
    value !== undefined
      ? await valuesOf(value, cards)
      : last.startsWith('-')
        ? [...options(), '--help']
        : row === undefined
          ? nextWords(commands, plain)
          : ((await VALUES[argumentOf(row, plain)]?.(cards)) ?? [])
  return all.filter((word) => word.startsWith(last))
}
