// `tessera help pin unblock`, `tessera pin help unblock`: the command line that asks for the same by --help. Commander's
// own help takes one word, and its exit code from the process.

type Words = readonly string[]
type Commands = ReadonlyArray<{ readonly words: string }>

const isCommand = (words: Words, commands: Commands): boolean =>
  commands.some((row) => `${row.words} `.startsWith(`${words.join(' ')} `))
/** The program itself is one. */
const isGroup = (words: Words, commands: Commands): boolean =>
  words.length === 0 || commands.some((row) => row.words.startsWith(`${words.join(' ')} `))

/** The command line itself where it asks for no help in this way. Never one that does anything else. */
export function helpAsOption(argv: Words, commands: Commands): Words {
  const at = argv.indexOf('help')
  const before = argv.slice(0, at)
  if (at < 0 || !isGroup(before, commands)) return argv
  const asked = [...before, ...argv.slice(at + 1)]
  const known = asked.filter((_, n) => isCommand(asked.slice(0, n + 1), commands))
  const next = asked[known.length]
  // What is no command of the group is refused, with the nearest one.
  const isMistyped = next !== undefined && !next.startsWith('-') && isGroup(known, commands)
  return isMistyped ? [...known, next] : [...known, '--help']
}
