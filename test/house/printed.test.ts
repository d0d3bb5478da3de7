// Command lines that messages and documents print: each is one that the program understands, and each of a message is run
// by test/cli/advice.test.ts, in the state in which it is printed.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { buildProgram } from '../../src/cli/program.ts'
import { COMMANDS } from '../../src/cli/table.ts'
import { ADVICE, ADVICE_ELSEWHERE, OTHER_PROGRAMS } from '../cli/advice.ts'
import { root } from '../runner/jobs.ts'
import { type Printed, printedIn } from './printed.ts'
import { treeFiles } from './tree.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** Without comments, which nobody at a terminal reads. */
const messagesOf = (path: string) =>
  read(path)
    .split('\n')
    .filter((line) => !/^\s*(\/\/|\/?\*)/.test(line))
    .join('\n')

const sources = treeFiles().filter((path) => /^(src\/.*\.ts|native\/.*\.cc)$/.test(path))
const printed = sources.flatMap((path) => printedIn(messagesOf(path)).map((one) => ({ ...one, path })))

/** Why the program refuses a command line; undefined where it takes it. */
function refusal(words: readonly string[]): string | undefined {
  let chosen = false
  const program = buildProgram(
    () => {
      chosen = true
    },
    () => undefined,
  )
  try {
    program.parse(words, { from: 'user' })
    return chosen ? undefined : 'no command'
  } catch (error) {
    return String(error)
  }
}

/** Something for each placeholder that an option takes. */
const filled = ({ line }: Pick<Printed, 'line'>) =>
  line.split(' ').map((word) => (word === 'PORT' || word === 'DAYS' ? '35963' : word))

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
})

test('every command line of a message is whole: the program takes it', () => {
  assert.ok(printed.length > 60, String(printed.length))
  const refused = printed.flatMap((one) => {
    const why = refusal(filled(one))
    return why === undefined ? [] : [`${one.path}: tessera ${one.line}: ${why}`]
  })
  assert.equal(refused, [])
  for (const bad of ['object delete', 'lab-ca approve a b', 'pin unblok', 'signin --method challenge'])
    assert.type(refusal(bad.split(' ')), 'string', bad)
})

test('every command line of a message is run by a test', () => {
  const known = new Set([...ADVICE.map(({ line }) => line), ...Object.keys(ADVICE_ELSEWHERE)])
  const lines = new Set(printed.map(({ line }) => line))
  assert.equal(
    [...lines].filter((line) => !known.has(line)),
    [],
    'printed, and in no row of test/cli/advice.ts',
  )
  assert.equal(
    [...known].filter((line) => !lines.has(line)),
    [],
    'in test/cli/advice.ts, and printed nowhere',
  )
  for (const path of Object.values(ADVICE_ELSEWHERE)) assert.ok(existsSync(join(root, path)), path)
})

test('so is every command line of openssl', () => {
  const rest = sources.flatMap((path) => {
    let text = messagesOf(path)
    for (const { line } of OTHER_PROGRAMS) text = text.replaceAll(line, '')
    return [...text.matchAll(/openssl (pkcs|pkey|ec|rsa|x509|req|dgst -\w+ -)[^'"`\n]*/g)].map(
      ([found]) => `${path}: ${found}`,
    )
  })
  assert.equal(rest, [])
  const all = sources.map(messagesOf).join('\n')
  for (const { line } of OTHER_PROGRAMS) assert.ok(all.includes(line), line)
})

/** Lines of a document that a person copies into a shell: indented, or in a block of sh. */
function shellLines(text: string): string[] {
  const joined = text.replaceAll(/\\\n\s*/g, ' ')
  return joined.split('\n').flatMap((line) => (/^ {4}(\S*=\S+ )?tessera /.test(line) ? [line.trim()] : []))
}

/** The words of each simple command of tessera; what a shell makes of quotes is enough here. */
function commandsOf(line: string): string[][] {
  return line
    .replace(/(^|\s)#.*$/, '')
    .split(/&&|\|\||[|&;]/)
    .map((one) => one.replaceAll(/\d?[<>]+\s*\S+/g, ' ').trim())
    .filter((one) => one.startsWith('tessera '))
    .map((one) => (one.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).slice(1).map((word) => word.replaceAll(/^["']|["']$/g, '')))
}

test('every command line of a document is one that the program takes', () => {
  const documents = treeFiles().filter((path) => path.endsWith('.md') && !path.startsWith('test/'))
  const lines = documents.flatMap((path) =>
    shellLines(read(path))
      .flatMap(commandsOf)
      .map((words) => ({ path, words })),
  )
  assert.ok(lines.length > 60, String(lines.length))
  const refused = lines.flatMap(({ path, words }) => {
    const why = refusal(words)
    return why === undefined ? [] : [`${path}: tessera ${words.join(' ')}: ${why}`]
  })
  assert.equal(refused, [])
})

test('documents name commands that there are', () => {
  const groups = new Set(COMMANDS.flatMap(({ words }) => words.split(' ').slice(0, 1)))
  const named = treeFiles()
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) => [...read(path).matchAll(/`tessera ([a-z][a-z-]*)/g)].map(([, word = '']) => ({ path, word })))
  assert.equal(
    named.filter(({ word }) => !groups.has(word)),
    [],
  )
})

test.run()
