// From the argument table to commander, and from a command line to an exit code.
import { createRequire } from 'node:module'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { CardError, UsageError } from '../errors.ts'
import { traceTo } from '../trace/trace.ts'
import { Context } from './context.ts'
import { EXIT, type ExitCode, exitCode, failureOf } from './exit.ts'
import { assertWritable } from './files.ts'
import { helpAsOption } from './help-command.ts'
import { TEXT } from './messages.ts'
import { flagOf, oldFlags, oldSpellingsOf } from './old-spellings.ts'
import { GLOBAL_OPTIONS, type OptionName, type Options, optionRow } from './options.ts'
import { Output, type Streams, write } from './output.ts'
import { Interrupted } from './prompt.ts'
import { COMMANDS, type CommandRow } from './table.ts'

interface Chosen {
  readonly row: CommandRow
  readonly args: readonly string[]
  readonly options: Options
  /** A sentence for each renamed option. */
  readonly oldSpellings: readonly string[]
}

/** How long a stopped command may clean up, in milliseconds. */
const TIDY_UP = 10_000

/** Runs one command line and returns its exit code. Nothing is thrown. */
export async function run(
  argv: readonly string[],
  streams: Streams = process,
  commands: readonly CommandRow[] = COMMANDS,
): Promise<ExitCode> {
  let out = new Output({ json: argv.includes('--json'), quiet: false, level: 'info' }, streams)
  let chosen: Chosen | string | undefined
  const failed = () => failureOf(typeof chosen === 'object' ? chosen.row : undefined)
  try {
    chosen = parse(argv, out.mode.json, commands)
    if (typeof chosen === 'string') {
      await write(streams.stdout, chosen)
      return EXIT.ok
    }
    const { json = false, quiet = false, logLevel: level = 'info' } = chosen.options
    out = new Output({ json, quiet, level }, streams)
    for (const warning of chosen.oldSpellings) await out.warn(warning)
    return await execute(chosen, out, commands)
  } catch (error) {
    if (error instanceof Interrupted) return EXIT.interrupted
    // The reader has gone, so there is nobody to tell.
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE') return failed()
    await out.error(error).catch(() => undefined)
    const code = exitCode(error)
    return code === EXIT.failure ? failed() : code
  }
}

/** The chosen command; a text if the command line asks for help or the version. */
function parse(argv: readonly string[], json: boolean, commands: readonly CommandRow[]): Chosen | string {
  let text = ''
  let chosen: Chosen | undefined
  const program = buildProgram(
    (choice) => {
      chosen = choice
    },
    (written) => {
      text += written
    },
    commands,
  )
  try {
    program.parse(helpAsOption(argv, commands), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return text
    // A group without a command: commander has printed the group's help.
    const said =
      error.code === 'commander.help' ? TEXT.error.noCommand(json ? '' : text) : withoutSecrets(error.message)
    const runsProgram = commands.some(({ passesSignals, words }) => passesSignals && argv.includes(words))
    const isOfProgram = error.code === 'commander.unknownOption' && runsProgram && !argv.includes('--')
    throw new UsageError('ERR_USAGE', TEXT.error.usage(isOfProgram ? `${said}\n${TEXT.error.optionOfProgram}` : said))
  }
  if (chosen === undefined) throw new UsageError('ERR_USAGE', TEXT.error.usage(TEXT.error.noCommand(json ? '' : text)))
  return chosen
}

/** Builds the program from the table. Every command passes its row to `choose`; commander's output goes to `print`. */
export function buildProgram(
  choose: (chosen: Chosen) => void,
  print: (text: string) => void,
  commands: readonly CommandRow[] = COMMANDS,
): Command {
  const program = new Command('tessera')
    .description(TEXT.program)
    .version(version())
    .addHelpText('after', TEXT.helpFooter)
    .configureHelp({ showGlobalOptions: true })
  const settle = (command: Command) =>
    command.exitOverride().configureOutput({ writeOut: print, writeErr: () => undefined, outputError: () => undefined })
  settle(program).configureOutput({ writeOut: print, writeErr: print, outputError: () => undefined })
  for (const name of GLOBAL_OPTIONS) program.addOption(option(name))
  const groups = new Map<string, Command>()
  for (const row of commands) {
    const words = row.words.split(' ')
    const parent = groupOf(program, groups, words.slice(0, -1))
    const command = new Command(words.at(-1)).copyInheritedSettings(parent).description(TEXT.commands[row.words])
    if (row.args !== undefined) command.arguments(row.args)
    for (const name of row.options ?? []) command.addOption(option(name))
    const oldSpellings = takeOldSpellings(command, row)
    command.action(() => choose({ row, args: command.args, options: command.optsWithGlobals<Options>(), oldSpellings }))
    parent.addCommand(command, { isDefault: row.usual === true })
  }
  return program
}

/** The group with these words, inside its outer groups; the program itself for no words. */
function groupOf(program: Command, groups: Map<string, Command>, words: readonly string[]): Command {
  const name = words.join(' ') as keyof typeof TEXT.groups
  const known = words.length === 0 ? program : groups.get(name)
  if (known !== undefined) return known
  const parent = groupOf(program, groups, words.slice(0, -1))
  const group = new Command(words.at(-1)).copyInheritedSettings(parent).description(TEXT.groups[name])
  parent.addCommand(group)
  groups.set(name, group)
  return group
}

/** Makes a command accept the old names of its options; the returned list fills as they are met. */
function takeOldSpellings(command: Command, { words }: CommandRow): readonly string[] {
  const met: string[] = []
  for (const old of oldSpellingsOf(words)) {
    command.addOption(option(old.option, oldFlags(old)).makeOptionMandatory(false).hideHelp())
    const warning = TEXT.warn.oldSpelling(old.flag, flagOf(old.option))
    command.on(`option:${old.flag.slice(2)}`, () => met.push(warning))
  }
  return met
}

function option(name: OptionName, flags: string = optionRow(name).flags): Option {
  const { range, choices, required = false } = optionRow(name)
  const built = new Option(flags, TEXT.options[name]).makeOptionMandatory(required)
  // Two options may be spelled the same and mean different things in different commands.
  built.attributeName = () => name
  if (choices !== undefined) built.choices(choices)
  if (range !== undefined) built.argParser((text) => wholeNumber(text, range))
  return built
}

function wholeNumber(text: string, [low, high]: readonly [number, number]): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (value >= low && value <= high) return value
  throw new InvalidArgumentError(TEXT.error.range(low, high))
}

/** Removes a PIN that was typed in the wrong place from the message. */
function withoutSecrets(message: string): string {
  return message.replace(/^error: /, '').replace(/'[^']*\d{6}[^']*'/g, "'...'")
}

function version(): string {
  // By the package's own name, which works wherever this file was built to.
  return (createRequire(import.meta.url)('tessera-card/package.json') as { version: string }).version
}

/** Runs the command; at SIGINT or SIGTERM the card is closed first, and a second one ends it at once. */
async function execute(
  { row, args, options }: Chosen,
  out: Output,
  commands: readonly CommandRow[],
): Promise<ExitCode> {
  const stop = new AbortController()
  const context = new Context(options, out, stop.signal, commands)
  let stopped: ExitCode | undefined
  let endTrace = () => {}
  const told = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopped !== undefined) process.exit(stopped)
    stopped = signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated
    stop.abort()
  }
  if (!row.passesSignals) process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    if (options.trace !== undefined) endTrace = traceTo(options.trace)
    if (row.tpmOnly) assertInTpm([options.card, ...args])
    if (options.out !== undefined && options.out !== '-') await assertWritable(options.out)
    if (row.asks) await context.hideTyping(args)
    if (out.watched && !out.mode.json && !out.mode.quiet) await tellFailed(out)
    const { run: command } = await row.load()
    const work = command(context, ...args)
    work.catch(() => undefined)
    await Promise.race([work, told])
    if (stopped === undefined) return (await work) ?? EXIT.ok
    const finished = await tidyUp(context, work)
    return row.untilStopped && finished ? EXIT.ok : stopped
  } catch (error) {
    if (stopped !== undefined) return stopped
    throw error
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    context.close()
    endTrace()
  }
}

/** What cannot be told must not keep anybody from a command. */
async function tellFailed(out: Output): Promise<void> {
  const { tellFailedRenewals } = await import('./failed-renewals.ts')
  await tellFailedRenewals(out).catch(() => undefined)
}

/** @throws CardError ERR_NOT_SUPPORTED for a card in a reader */
function assertInTpm(named: readonly (string | undefined)[]): void {
  if (named.some((name) => name?.startsWith('reader:'))) throw new CardError('ERR_NOT_SUPPORTED', TEXT.error.reader)
}

/** Whether the command finished without an error, and in time. */
async function tidyUp(context: Context, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, TIDY_UP, false)
  })
  const all = Promise.allSettled([context.closeCard(), work]).then((ends) =>
    ends.every(({ status }) => status === 'fulfilled'),
  )
  const finished = await Promise.race([all, enough])
  clearTimeout(timer)
  return finished
}
