// Candidates for the last word of a command line, from the same table as the command line itself.

import { TEMPLATES } from '../lab-ca/templates.ts'
import { ALGORITHMS, HASHES } from '../piv/algorithms.ts'
import { OBJECTS } from '../piv/objects.ts'
import { SLOTS } from '../piv/slots.ts'
import { PURPOSES } from '../x509/purposes.ts'
import type { CommandShape } from './context.ts'
import { flagOf, oldSpellingsOf } from './old-spellings.ts'
import { GLOBAL_OPTIONS, OPTIONS, type OptionName, optionRow } from './options.ts'
import { SHELLS } from './shells.ts'

type Names = () => Promise<readonly string[]>

/** Names known on this computer. Each list is read only when a name of its kind may come next. */
export interface Lists {
  readonly cards: Names
  /** Addresses of accounts. */
  readonly addresses: Names
  /** Users of the laboratory CA. */
  readonly users: Names
}
type Words = readonly string[] | Promise<readonly string[]>

const slots = [...SLOTS].flat()
const tags = OBJECTS.map((object) => object.name)

/** By the table's name for an argument or an option's value. Any other is a file, or cannot be guessed. */
const VALUES: Readonly<Record<string, (lists: Lists) => Words>> = {
  slot: () => slots,
  tag: () => tags,
  shell: () => [...SHELLS.keys()],
  name: ({ cards }) => cards(),
  address: ({ addresses }) => addresses(),
  user: ({ users }) => users(),
  key: () => ['default', 'random'],
}

/** The same for options with a value called `name` that is not the name of a card. */
const OPTION_VALUES: Readonly<Partial<Record<OptionName, (lists: Lists) => Words>>> = {
  algorithm: () => Object.keys(ALGORITHMS),
  hash: () => Object.keys(HASHES),
  purposes: () => Object.keys(PURPOSES),
  template: () => Object.values(TEMPLATES).map(({ label }) => label),
  user: ({ users }) => users(),
}

const flagsOf = (name: OptionName) => OPTIONS[name].flags.split(/,? /).filter((word) => word.startsWith('-'))
const placeholder = (flags: string) => /<(.*)>/.exec(flags)?.[1]
const names = Object.keys(OPTIONS) as OptionName[]

/** The option that a word of the command line stands for; the options of `row` take precedence. */
function optionOf(word: string, row: CommandShape | undefined): OptionName | undefined {
  const old = oldSpellingsOf(row?.words ?? '').find(({ flag }) => flag === word)
  return old?.option ?? [...(row?.options ?? []), ...names].find((name) => flagsOf(name).includes(word))
}

async function valuesOf(name: OptionName, lists: Lists): Promise<readonly string[]> {
  const { choices, flags } = optionRow(name)
  const what = placeholder(flags) ?? ''
  const alternatives = what.includes('|') ? what.split('|').filter((word) => word !== 'file') : undefined
  return choices ?? (await OPTION_VALUES[name]?.(lists)) ?? alternatives ?? (await VALUES[what]?.(lists)) ?? []
}

/** The command that the `plain` words begin with. */
function commandOf(commands: readonly CommandShape[], plain: readonly string[]): CommandShape | undefined {
  return commands.find(({ words }) => {
    const own = words.split(' ')
    return own.every((word, at) => plain[at] === word)
  })
}

/** The next words of commands that begin with `plain`: groups and commands, or the commands of a group. */
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

/** No candidates for files: the shell completes those. Text that a terminal would act on is never offered. */
export async function candidates(
  commands: readonly CommandShape[],
  words: readonly string[],
  lists: Lists,
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
      ? await valuesOf(value, lists)
      : last.startsWith('-')
        ? [...options(), '--help']
        : row === undefined
          ? nextWords(commands, plain)
          : ((await VALUES[argumentOf(row, plain)]?.(lists)) ?? [])
  return all.filter((word) => word.startsWith(last) && !/\p{C}/u.test(word))
}
