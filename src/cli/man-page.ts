// The man page tessera(1), from the table of commands; scripts/build.mjs writes it. Macros: man(7).

import { TEXT } from './messages.ts'
import { ENVIRONMENT, EXIT_CODES, FILES, MAN_PAGE, SECRETS } from './messages-help.ts'
import { GLOBAL_OPTIONS, type OptionName, optionRow } from './options.ts'
import { COMMANDS, type CommandRow } from './table.ts'

/** Text as roff shows it: no escapes, no macros, and hyphens that can be searched and copied. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^(['.])/gm, '\\&$1')

const bold = (text: string): string => `\\fB${roff(text)}\\fR`
const italic = (text: string): string => `\\fI${roff(text)}\\fR`

/** `<name>` and `[slot]` of a command: names in italics, brackets only where the argument may be left out. */
const argument = (word: string): string => {
  const name = italic(word.replaceAll(/[<>[\]]/g, ''))
  return word.startsWith('[') ? `[${name}]` : name
}

/** `-a, --algorithm <name>`. */
const flags = (text: string): string =>
  text.replaceAll(/-[\w-]+|<[^>]*>|[^-<]+/g, (part) =>
    part.startsWith('-') ? bold(part) : part.startsWith('<') ? italic(part.slice(1, -1)) : part,
  )

function optionLines(name: OptionName): string[] {
  const { flags: written, choices, range } = optionRow(name)
  const values = choices?.join(', ') ?? range?.join(' to ')
  return ['.TP', flags(written), roff(`${TEXT.options[name]}${values === undefined ? '' : ` [${values}]`}`)]
}

function commandLines({ words, args = '', options = [] }: CommandRow): string[] {
  const usage = [bold(`tessera ${words}`), ...args.split(' ').filter(Boolean).map(argument)]
  return [`.SS ${usage.join(' ')}`, roff(TEXT.commands[words]), ...options.flatMap(optionLines)]
}

const section = (title: string, lines: readonly string[]): string[] => [`.SH ${title}`, ...lines]
const pairs = (rows: ReadonlyArray<readonly [string | number, string]>): string[] =>
  rows.flatMap(([name, meaning]) => ['.TP', bold(String(name)), roff(meaning)])

/** @param date as in 2026-11-30 */
export function manPage(version: string, date: string): string {
  const { sections } = MAN_PAGE
  return [
    `.TH TESSERA 1 ${date} "tessera ${version}"`,
    ...section(sections.name, [`tessera \\- ${roff(MAN_PAGE.name)}`]),
    ...section(sections.synopsis, [`${bold('tessera')} ${italic(MAN_PAGE.command)} [${italic('options')}]`]),
    ...section(sections.description, [MAN_PAGE.about, FILES, SECRETS].map(roff)),
    ...section(sections.everyCommand, GLOBAL_OPTIONS.flatMap(optionLines)),
    ...section(sections.commands, COMMANDS.flatMap(commandLines)),
    ...section(sections.environment, pairs(ENVIRONMENT)),
    ...section(sections.exitStatus, pairs(EXIT_CODES)),
    ...section(sections.seeAlso, [roff(MAN_PAGE.documents)]),
    '',
  ].join('\n')
}
