// Command lines that messages and documents print: the program takes each, and a test runs each in the state in which it is
// printed. The tables of test/cli/advice*.ts say where.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GLOBAL_OPTIONS, OPTIONS } from '../../src/cli/options.ts'
import { buildProgram } from '../../src/cli/program.ts'
import { COMMANDS } from '../../src/cli/table.ts'
import { ADVICE, PAGES_THAT_RUN, SERVICE_ADVICE } from '../cli/advice.ts'
import { IN_DOCUMENTS, IN_MESSAGES, type ProgramLine } from '../cli/advice-programs.ts'
import { root } from '../runner/jobs.ts'
import { isTypedFor, otherProgramsIn, printedIn, withPlaceholders } from './printed.ts'
import { codeLines, simpleCommands } from './shell.ts'
import { treeFiles } from './tree.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** Without comments, which nobody at a terminal reads. */
const messagesOf = (path: string) =>
  read(path)
    .split('\n')
    .filter((line) => !/^\s*(\/\/|\/?\*)/.test(line))
    .join('\n')

/** The man page is made from the table of commands. */
const sources = treeFiles().filter(
  (path) => /^(src\/.*\.ts|native\/.*\.cc|scripts\/native\.mjs|bin\/.*)$/.test(path) && path !== 'src/cli/man-page.ts',
)
const inMessages = sources.flatMap((path) => printedIn(messagesOf(path)).map(({ line }) => ({ path, line })))

const isTessera = (word: string | undefined) => /^(\.\/bin\/)?tessera$/.test(word ?? '')
const documents = treeFiles().filter((path) => /\.(md|service)$/.test(path) && !path.startsWith('test/'))
const commands = documents.flatMap((path) =>
  codeLines(path, read(path))
    .flatMap(simpleCommands)
    .map((words) => ({ path, words })),
)
const ofTessera = commands
  .filter(({ words }) => isTessera(words[0]))
  .map(({ path, words }) => ({ path, words: words.slice(1) }))
const rows = [...ADVICE, ...SERVICE_ADVICE]

/** Why the program refuses a command line, or takes it only as one of before; undefined where it takes it. */
function refusal(words: readonly string[]): string | undefined {
  let said: readonly string[] | undefined
  const program = buildProgram(
    ({ oldSpellings }) => {
      said = oldSpellings
    },
    () => undefined,
  )
  try {
    program.parse(words, { from: 'user' })
    return said === undefined ? 'no command' : said[0]
  } catch (error) {
    return String(error).includes('outputHelp') ? undefined : String(error)
  }
}

/** A number for each placeholder that is to be one. */
const filled = (line: string) => line.split(' ').map((word) => (/^(PORT|DAYS)$/.test(word) ? '35963' : word))

test('command lines are found in texts', () => {
  const lines = (text: string) => printedIn(text).map(({ line }) => line)
  assert.equal(lines('Make one: tessera key generate $' + '{slot}. See tessera list, or tessera pin unblock (with'), [
    'key generate X',
    'list',
    'pin unblock',
  ])
  assert.equal(
    lines("'tessera signin ADDRESS --method challenge'. Tessera is not tessera-card, nor namespace tessera {"),
    ['signin ADDRESS --method challenge'],
  )
  assert.equal(lines('tessera --card $' + '{card} pin change. Until'), ['--card X pin change'])
  assert.equal(lines('tessera lab-ca. Or tessera --help'), ['lab-ca', '--help'])
  assert.equal(lines('"run tessera rename " + name + " NEW"'), ['rename X NEW'])
  assert.equal(lines('tessera pin unblok. tessera lst, tessera lab-ca'), ['pin unblok', 'lst', 'lab-ca'])
  assert.equal(lines('run tessera $' + '{command} again'), ['X'])
})

test('commands are found in lines of a shell, of units and of images', () => {
  const found = (line: string) => simpleCommands(line).map((words) => words.join(' '))
  assert.equal(found("until grep -q 'a | b' log; do sleep 1; done"), ['grep -q a | b log', 'sleep 1', 'done'])
  assert.equal(found('source <(tessera completion bash)   # there'), ['tessera completion bash'])
  assert.equal(found('A=b tessera list > list 2>&1 && sudo apt-get install x'), ['tessera list', 'apt-get install x'])
  assert.equal(found('ExecStart=/usr/bin/env tessera serve %i'), ['tessera serve %i'])
  assert.equal(found(`ExecCondition=/bin/sh -c 'tessera list; exit $$?'`), ['tessera list', 'exit $?'])
  assert.equal(found('CMD ["sh", "-c", "pcscd --foreground & exec tessera serve work"]'), [
    'pcscd --foreground',
    'tessera serve work',
  ])
  assert.equal(codeLines('x.md', '```sh\ntessera a\n```\ntext\n\n    tessera b \\\n      c\n```ts\ntessera d\n```\n'), [
    'tessera a',
    'tessera b  c',
  ])
})

test('what is typed is what is printed', () => {
  assert.ok(isTypedFor('--card X pin change', '--card work pin change --pin-file change'))
  assert.ok(isTypedFor('enroll SLOT --est URL', 'enroll 9c --est {est} --pin-file pin'))
  assert.not(isTypedFor('key generate 9a', 'key generate 9c'))
  assert.not(isTypedFor('enroll SLOT --est URL', 'enroll 9c --pin-file pin'))
  assert.not(isTypedFor('reset X', 'destroy work --yes'))
})

test('the program takes every command line of a message, under its name of now', () => {
  assert.ok(inMessages.length > 60, String(inMessages.length))
  const refused = inMessages.flatMap(({ path, line }) => {
    const why = refusal(filled(line))
    return why === undefined ? [] : [`${path}: tessera ${line}: ${why}`]
  })
  assert.equal(refused, [])
  const bad = ['object delete', 'lab-ca approve a b', 'lab-ca strt', 'pin unblok', 'lst', 'signin --method challenge']
  const old = ['signin a@b.example --wait', 'serve work --listen 35963', 'sign 9a f --format raw']
  for (const line of [...bad, ...old]) assert.type(refusal(line.split(' ')), 'string', line)
})

test('and every one of a document', () => {
  assert.ok(ofTessera.length > 90, String(ofTessera.length))
  const refused = ofTessera.flatMap(({ path, words }) => {
    const why = refusal(words)
    return why === undefined ? [] : [`${path}: tessera ${words.join(' ')}: ${why}`]
  })
  assert.equal(refused, [])
})

test('a test runs each of them', () => {
  const known = new Set(rows.map(({ line }) => line))
  const printed = [
    ...inMessages,
    ...ofTessera
      .filter(({ path }) => !(path in PAGES_THAT_RUN))
      .map(({ path, words }) => ({ path, line: words.join(' ') })),
  ]
  assert.equal(
    printed.filter(({ line }) => !known.has(line)).map(({ path, line }) => `${path}: tessera ${line}`),
    [],
    'printed, and in no row of test/cli/advice.ts',
  )
  const lines = new Set(printed.map(({ line }) => line))
  assert.equal(
    [...known].filter((line) => !lines.has(line)),
    [],
    'in test/cli/advice.ts, and printed nowhere',
  )
  assert.is(known.size, rows.length, 'one row a line')
  assert.equal(
    rows.filter(({ line, typed = line }) => !isTypedFor(line, typed)),
    [],
    'typed is another command than the one that is printed',
  )
  for (const [page, path] of Object.entries(PAGES_THAT_RUN)) assert.ok(read(path).includes(`'${page}'`), path)
})

/** Rows whose test is not there, or does not run the command. */
const wrongRows = (table: readonly ProgramLine[]) =>
  table.filter((row) => 'test' in row && !(existsSync(join(root, row.test)) && read(row.test).includes(row.by)))

test('so is each command line of another program that a message prints', () => {
  const byLength = [...IN_MESSAGES].sort((one, other) => other.line.length - one.line.length)
  const rest = sources.flatMap((path) => {
    let text = withPlaceholders(messagesOf(path))
    for (const { line } of byLength) text = text.replaceAll(line, '')
    return otherProgramsIn(text).map((found) => `${path}: ${found}`)
  })
  assert.equal(rest, [], 'in no row of test/cli/advice-programs.ts')
  const all = withPlaceholders(sources.map(messagesOf).join('\n'))
  assert.equal(
    IN_MESSAGES.filter(({ line }) => !all.includes(line)),
    [],
  )
  assert.equal(wrongRows(IN_MESSAGES), [])
  assert.is(otherProgramsIn('See openssl asn1parse, npm rebuild, or sudo x').length, 1)
  assert.equal(otherProgramsIn('OpenSSL reads what pcscd and curl do not'), [])
})

/** What a shell has by itself, and what every machine has. */
const EVERYWHERE = /^(cd|umask|printf|echo|kill|wait|grep|sleep|done|cat|rm|cp|mkdir|export|mktemp|exit|\[)$/
const PROGRAM =
  /^(apt-get|npm|npx|swtpm|openssl|curl|ssh[a-z-]*|pk[a-z0-9]*-tool|pki|certutil|modutil|nft|iptables|systemctl|journalctl|loginctl|pcscd|docker|node|find|ykman|yubico-piv-tool|jose|pdfsig|xmlsec1|\/usr\/bin\/python3|tpm2_\w+)$/

test('and each that a document prints', () => {
  const packages = read('scripts/setup')
  const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts)
  const inSentences = documents.flatMap((path) =>
    [...read(path).matchAll(/`([a-z][^`\n]* [^`\n]*)`/g)].flatMap(([, line = '']) =>
      simpleCommands(line).map((words) => ({ path, words })),
    ),
  )
  const others = [...commands, ...inSentences]
    .filter(({ path, words: [first = ''] }) => PROGRAM.test(first) && !(path in PAGES_THAT_RUN))
    .map(({ path, words }) => ({ path, words, line: words.join(' ') }))
    .filter(({ words: [program = '', verb = '', script = '', more] }) => {
      const name = /^(start|test)$/.test(verb) ? verb : verb === 'run' ? script : ''
      return program !== 'npm' || more !== undefined || !scripts.includes(name)
    })
  const known = new Map(IN_DOCUMENTS.map((row) => [row.line, row]))
  const missing = others.filter(({ line, words: [program, verb, ...rest] }) => {
    if (program !== 'apt-get') return !known.has(line)
    // Packages are those that the tests install for themselves.
    const named = rest.filter((word) => !word.startsWith('-'))
    return (
      verb !== 'update' &&
      !named.every((name) => new RegExp(`[ '"]${name.replaceAll('+', '\\+')}[ '"\n]`).test(packages))
    )
  })
  assert.equal(
    missing.map(({ path, line }) => `${path}: ${line}`),
    [],
    'in no row of test/cli/advice-programs.ts',
  )
  const lines = new Set(others.map(({ line }) => line))
  assert.equal(
    [...known.keys()].filter((line) => !lines.has(line)),
    [],
    'in test/cli/advice-programs.ts, and printed nowhere',
  )
  assert.equal(wrongRows(IN_DOCUMENTS), [])
  // In a page that runs, every word at the beginning of a command is one of a program that is known here.
  const strange = commands.filter(({ path, words: [first = ''] }) => {
    const isKnown = isTessera(first) || EVERYWHERE.test(first) || PROGRAM.test(first) || first.startsWith('$')
    return path in PAGES_THAT_RUN && !isKnown
  })
  assert.equal(strange, [])
})

test('docs/cli.md names every option of every command', () => {
  const text = read('docs/cli.md')
  const missing = Object.values(OPTIONS).filter(({ flags }) => !text.includes(flags.split(/,? /)[0] ?? '?'))
  assert.equal(missing, [])
})

/** What a document names in a sentence: a command, or the beginning of one, and options. */
const named = documents.flatMap((path) =>
  [...read(path).matchAll(/`tessera ([a-z-][^`\n]*)`/g)].map(([, line = '']) => ({ path, line })),
)

/** What is wrong with it: no such command, or no such option of the command. */
function faultOf(line: string): string | undefined {
  const words = line.split(' ').filter((word) => !word.startsWith('['))
  const first = words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word))
  const own = first < 0 ? words : words.slice(0, first)
  const options = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/[^a-z-].*$/, ''))
  const meant = COMMANDS.filter((row) => row.words.split(' ').every((word, n) => n >= own.length || word === own[n]))
  if (own.length > 0 && meant.length === 0) return 'no such command'
  const known = new Set(
    [...GLOBAL_OPTIONS, ...meant.flatMap((row) => row.options ?? [])].flatMap((name) =>
      OPTIONS[name].flags.split(/,? /),
    ),
  )
  const strange = options.filter((option) => !known.has(option) && !/^--(help|version)$/.test(option))
  return strange.length === 0 ? undefined : `no such option: ${strange.join()}`
}

test('documents name commands and options that there are', () => {
  assert.ok(named.length > 60, String(named.length))
  const wrong = named.flatMap(({ path, line }) => {
    const fault = faultOf(line)
    return fault === undefined ? [] : [`${path}: tessera ${line}: ${fault}`]
  })
  assert.equal(wrong, [])
  assert.is(faultOf('pin unblok'), 'no such command')
  assert.is(faultOf('lst'), 'no such command')
  assert.is(faultOf('sign 9a FILE --format raw'), 'no such option: --format')
})

test.run()
