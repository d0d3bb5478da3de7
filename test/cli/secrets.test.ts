// Files of secrets: one a line, bounded, wiped, and never repeated in a message.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import type { Context } from '../../src/cli/context.ts'
import { standingRights } from '../../src/cli/management.ts'
import { unlock } from '../../src/cli/pin.ts'
import type { Terminal } from '../../src/cli/prompt.ts'
import { MOST_OCTETS, splitSecrets } from '../../src/cli/secret-file.ts'
import { type Question, Secrets } from '../../src/cli/secrets.ts'
import { CardError, UsageError } from '../../src/errors.ts'
import { createCard } from '../../src/index.ts'
import { pinBytes } from '../../src/piv/pin.ts'
import { tempDir } from '../support/temp.ts'

const folder = tempDir('cli')
const QUESTION: Question = { what: 'PIN', prompt: 'PIN: ', check: pinBytes }

function file(name: string, content: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

function secrets(pinFile?: string, stdin = ''): { secrets: Secrets; warnings: string[] } {
  const warnings: string[] = []
  const made = new Secrets({
    pinFile,
    terminal: () => undefined,
    warn: (text) => warnings.push(text),
    claimStdin: () => Readable.from([Buffer.from(stdin.slice(0, 3)), Buffer.from(stdin.slice(3))]),
  })
  return { secrets: made, warnings }
}

const asText = (octets: Uint8Array) => Buffer.from(octets).toString()

/** The error of `work`. */
async function errorOf(work: Promise<unknown>): Promise<CardError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof CardError) return error
  throw new Error(`no error of ours: ${String(error)}`)
}

const splits: ReadonlyArray<readonly [string, string, readonly string[]]> = [
  ['nothing', '', []],
  ['one line', '123456\n', ['123456']],
  ['no end of line', '123456', ['123456']],
  ['two lines', 'old\nnew\n', ['old', 'new']],
  ['CR LF', 'old\r\nnew\r\n', ['old', 'new']],
  ['CR LF, the last without an end', 'old\r\nnew', ['old', 'new']],
  ['a CR within a line stays', 'a\rb\n', ['a\rb']],
  ['blanks stay', ' a \n', [' a ']],
  ['an empty line is a line', 'a\n\nb\n', ['a', '', 'b']],
  ['a byte order mark goes', '\ufeff123456\r\n', ['123456']],
]
for (const [what, content, lines] of splits) {
  test(`split: ${what}`, () => {
    const octets = Uint8Array.from(Buffer.from(content))
    const found = splitSecrets(octets)
    assert.equal(found.map(asText), lines)
    assert.ok(
      octets.every((octet) => octet === 0),
      'the content is wiped',
    )
    for (const line of found) assert.is(line.buffer.byteLength, line.length, 'a line has memory of its own')
  })
}

test('each take is the next line', async () => {
  const { secrets: source, warnings } = secrets(file('two', '123456\n654321\n'))
  assert.is(asText(await source.take(QUESTION)), '123456')
  assert.is(asText(await source.takeNew(QUESTION)), '654321')
  const error = await errorOf(source.take(QUESTION))
  assert.is(error.code, 'ERR_USAGE')
  assert.match(error.message, 'no line 3')
  assert.equal(warnings, [])
})

test('the file is wiped with all lines, taken or not', async () => {
  const { secrets: source } = secrets(file('wiped', '123456\n654321\n'))
  const first = await source.take(QUESTION)
  source.wipe()
  assert.equal([...first], [0, 0, 0, 0, 0, 0])
})

test('a malformed PIN in a file is found before anything is sent', async () => {
  const error = await errorOf(secrets(file('bad', 'hunter2\n')).secrets.take(QUESTION))
  assert.is(error.code, 'ERR_PIN_FORMAT')
  assert.not.match(error.message, 'hunter2')
})

test('an empty line holds no secret', async () => {
  assert.is((await errorOf(secrets(file('empty', '\n')).secrets.take(QUESTION))).code, 'ERR_USAGE')
})

test('an empty line is the passphrase of a file that has none, and the next line is the next secret', async () => {
  const passphrase: Question = { what: 'passphrase', prompt: 'Passphrase: ', mayBeEmpty: true }
  const { secrets: given } = secrets(file('empty-passphrase', '\n271828\n'))
  assert.is((await given.take(passphrase)).length, 0)
  assert.is(asText(await given.take(QUESTION)), '271828')
  assert.match((await errorOf(given.take(passphrase))).message, 'no line 3')
})

test('standard input, in pieces', async () => {
  const { secrets: source } = secrets('-', '123456\n654321\n')
  assert.is(asText(await source.take(QUESTION)), '123456')
  assert.is(asText(await source.take(QUESTION)), '654321')
})

test('two options that name the same file read one line each', async () => {
  const { secrets: source } = secrets(undefined, '123456\n12345678\n')
  assert.is(asText(await source.fromFile('-', '--pin', 'PIN')), '123456')
  assert.is(asText(await source.fromFile('-', '--puk', 'PUK')), '12345678')
})

test('a file up to the limit is read, a longer one refused', async () => {
  const line = `${'1'.repeat(7)}\n`
  const most = line.repeat(MOST_OCTETS / line.length)
  assert.is(asText(await secrets(file('most', most)).secrets.take(QUESTION)), '1111111')
  const error = await errorOf(secrets(file('more', `${most}1`)).secrets.take(QUESTION))
  assert.instance(error, UsageError)
  assert.is((await errorOf(secrets('-', `${most}1`).secrets.take(QUESTION))).code, 'ERR_USAGE')
})

test('no file, no directory, no permission: an error that does not repeat what was given', async () => {
  mkdirSync(join(folder, '246802'))
  for (const path of [join(folder, '135791'), join(folder, '246802')]) {
    const error = await errorOf(secrets().secrets.fromFile(path, '--pin', 'PIN'))
    assert.is(error.code, 'ERR_IO')
    assert.match(error.message, '--pin')
    assert.not.match(JSON.stringify({ ...error, message: error.message, stack: error.stack }), /135791|246802/)
    assert.is(error.cause, undefined)
  }
})

test('a file that others may read: a warning, and it is read', async () => {
  const { secrets: source, warnings } = secrets(file('open', '123456\n', 0o644))
  assert.is(asText(await source.take(QUESTION)), '123456')
  assert.is(warnings.length, 1)
  assert.match(warnings[0] ?? '', '0644')
})

test('a named pipe is a file as well', async () => {
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const { secrets: source } = secrets(path)
  const [pin] = await Promise.all([source.take(QUESTION), writeFile(path, '123456\n')])
  assert.is(asText(pin), '123456')
})

test('nobody to ask and no file: PIN needed, with the way out', async () => {
  const error = await errorOf(secrets().secrets.take(QUESTION))
  assert.is(error.code, 'ERR_PIN_REQUIRED')
  assert.match(error.message, '--pin-file')
  const other = await errorOf(secrets().secrets.prompt({ ...QUESTION, option: '--owner-password-file' }))
  assert.match(other.message, '--owner-password-file')
})

test('tries that others spend while a person types: the last one is left all the same', async () => {
  const card = await createCard({ name: 'work', home: tempDir('home'), tcti: 'embedded:', pin: '135790', pinTries: 3 })
  /** Somebody types a wrong PIN, and another program tries two meanwhile. */
  const take = async () => {
    for (const wrong of ['000000', '000001']) await card.verifyPin(wrong).catch(() => undefined)
    return utf8('000002')
  }
  const code = (error: { readonly code?: string }) => error.code
  const context = { options: {}, secrets: { take } } as unknown as Context
  assert.is(await unlock(context, card).catch(code), 'ERR_PIN_LAST_TRY')
  await card.verifyPin('135790')
  assert.is(await standingRights(context, card).authorize().catch(code), undefined)
  await card.lock()
  assert.is(await standingRights(context, card).authorize().catch(code), 'ERR_PIN_LAST_TRY')
  await card.close()
})

test('a new PIN whose repetition is given up is wiped', async () => {
  const typed = utf8('271828')
  const answers: (Uint8Array | undefined)[] = [typed, undefined]
  const terminal = {
    ask: async () => answers.shift(),
    quietly: <T>(work: () => Promise<T>) => work(),
    say: () => undefined,
  } as unknown as Terminal
  const source = new Secrets({
    pinFile: undefined,
    terminal: () => terminal,
    warn: () => undefined,
    claimStdin: () => Readable.from([]),
  })
  assert.is((await errorOf(source.takeNew(QUESTION))).code, 'ERR_PIN_REQUIRED')
  assert.equal(typed, new Uint8Array(6))
})

test.run()
