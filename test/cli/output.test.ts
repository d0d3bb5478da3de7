// Who is told what: results, sentences, notes and errors in the three modes.
import { spawnSync } from 'node:child_process'
import { Writable } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { shownCertificate } from '../../src/cli/certificates.ts'
import { TEXT } from '../../src/cli/messages.ts'
import { LEVELS, type Mode, Output } from '../../src/cli/output.ts'
import { CardError, FileError, PinError, TpmError } from '../../src/errors.ts'
import type { Slot } from '../../src/piv/slots.ts'
import { certificate as certificateBy } from '../enroll/support/openssl.ts'

class Sink extends Writable {
  text = ''
  readonly isTTY = false

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    this.text += Buffer.from(chunk).toString()
    done()
  }
}

const HUMAN: Mode = { json: false, quiet: false, level: 'info' }
const QUIET: Mode = { ...HUMAN, quiet: true }
const JSON_MODE: Mode = { ...HUMAN, json: true }

async function said(mode: Mode, work: (out: Output) => Promise<void>): Promise<[string, string]> {
  const streams = { stdout: new Sink(), stderr: new Sink() }
  await work(new Output(mode, streams))
  return [streams.stdout.text, streams.stderr.text]
}

const modes: ReadonlyArray<readonly [string, (out: Output) => Promise<void>, ...Array<readonly [string, string]>]> = [
  ['a result', (out) => out.result({ a: 1 }, 'words'), ['words\n', ''], ['words\n', ''], ['{"a":1}\n', '']],
  ['a sentence', (out) => out.done({ a: 1 }, 'words'), ['words\n', ''], ['', ''], ['{"a":1}\n', '']],
  ['a note', (out) => out.note('words'), ['', 'words\n'], ['', ''], ['', '']],
  ['a warning', (out) => out.warn('words'), ['', 'Warning: words\n'], ['', ''], ['', '']],
  ['an aside', (out) => out.aside({ a: 1 }, 'words'), ['words\n', ''], ['words\n', ''], ['', '{"a":1}\n']],
  ['octets', (out) => out.octets(Uint8Array.of(65)), ['A', ''], ['A', ''], ['A', '']],
]
for (const [what, work, human, quiet, json] of modes) {
  test(`${what}: to people, quietly, as JSON`, async () => {
    assert.equal(await said(HUMAN, work), human)
    assert.equal(await said(QUIET, work), quiet)
    assert.equal(await said(JSON_MODE, work), json)
  })
}

const wrong = new PinError('ERR_PIN_WRONG', 'The PIN is wrong: 2 tries are left.', { triesLeft: 2 })
const gone = new TpmError('ERR_TPM_GONE', 'The TPM is gone.', { rc: 0xa000a, command: 'TPM2_Sign' })

test('an error in words: what, what to do, and the numbers that a search finds', async () => {
  const [stdout, stderr] = await said(HUMAN, (out) => out.error(wrong))
  assert.is(stdout, '')
  assert.is(stderr, 'tessera: The PIN is wrong: 2 tries are left.\n  (ERR_PIN_WRONG, SW 63C2, CKR_PIN_INCORRECT)\n')
  assert.match((await said(HUMAN, (out) => out.error(gone)))[1], '(ERR_TPM_GONE, TPM 0xa000a in TPM2_Sign)')
  const absent = new TpmError('ERR_TPM_ABSENT', 'There is no TPM.')
  const text = (await said(QUIET, (out) => out.error(absent)))[1]
  assert.is(text, 'tessera: There is no TPM.\n  To see what is there: tessera doctor.\n  (ERR_TPM_ABSENT)\n')
})

test('an error as JSON', async () => {
  const [stdout, stderr] = await said(JSON_MODE, (out) => out.error(wrong))
  assert.is(stdout, '')
  assert.equal(JSON.parse(stderr), {
    error: {
      code: 'ERR_PIN_WRONG',
      message: 'The PIN is wrong: 2 tries are left.',
      triesLeft: 2,
      sw: '63c2',
      ckr: 'CKR_PIN_INCORRECT',
    },
  })
  const tpm = JSON.parse((await said(JSON_MODE, (out) => out.error(gone)))[1])
  assert.equal(tpm.error, { code: 'ERR_TPM_GONE', message: 'The TPM is gone.', rc: 0xa000a, command: 'TPM2_Sign' })
})

test('what was not foreseen is internal, and its stack is shown only where asked for', async () => {
  const bug = new TypeError('x is not a function')
  const [, plain] = await said(HUMAN, (out) => out.error(bug))
  assert.match(plain, 'Internal error: x is not a function')
  assert.not.match(plain, 'output.test.ts')
  const [, debug] = await said({ ...HUMAN, level: 'debug' }, (out) => out.error(bug))
  assert.match(debug, 'output.test.ts')
  const json = JSON.parse((await said(JSON_MODE, (out) => out.error(bug)))[1])
  assert.is(json.error.code, 'ERR_INTERNAL')
})

/** Clears a terminal, in both of its spellings, and turns the direction of writing around. */
const EVIL = 'a\u001b[2Jb\u009b2Jc\u202ed\re'

test("what a terminal would act on in other people's text is not printed", async () => {
  const ways: Array<(out: Output) => Promise<void>> = [
    (out) => out.result(1, EVIL),
    (out) => out.done(1, EVIL),
    (out) => out.aside(1, EVIL),
    (out) => out.note(EVIL),
    (out) => out.warn(EVIL),
    (out) => out.error(new CardError('ERR_DATA', EVIL)),
  ]
  for (const way of ways) assert.match((await said(HUMAN, way)).join(''), 'a?[2Jb?2Jc?d?e')
})

test('the same in JSON, where it is still what it was', async () => {
  const ways: Array<(out: Output) => Promise<void>> = [
    (out) => out.result({ name: EVIL }, ''),
    (out) => out.aside({ name: EVIL }, ''),
    (out) => out.error(new CardError('ERR_DATA', EVIL)),
  ]
  for (const way of ways) {
    const text = (await said(JSON_MODE, way)).join('')
    assert.not.match(text, /(?!\n)[\p{Cc}\p{Cf}]/u)
    const { name, error } = JSON.parse(text)
    assert.is(name ?? error.message, EVIL)
  }
})

test('a name in a certificate stays in its line', () => {
  // An e-mail address of "a", an escape, a line end and "b".
  const certificate = certificateBy('evil', { extensions: ['subjectAltName=DER:30068104611b0a62'] })
  const { text } = shownCertificate('9a' as Slot, { certificate }, { key: undefined, name: undefined })
  assert.match(text, 'a??b')
})

test('causes are told where the stack is', async () => {
  const error = new CardError('ERR_CARD_DEAD', 'The card is dead.', { cause: new Error('lies below') })
  const [, debug] = await said({ ...HUMAN, level: 'debug' }, (out) => out.error(error))
  assert.match(debug, 'caused by: Error: lies below')
})

test('a reader that went away is an error of the write', async () => {
  const closed = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  })
  closed.on('error', () => undefined)
  const out = new Output(HUMAN, { stdout: closed, stderr: new Sink() })
  try {
    await out.result(1, 'x')
    assert.unreachable('the write succeeded')
  } catch (error) {
    assert.is((error as NodeJS.ErrnoException).code, 'EPIPE')
  }
})

test('a full disk under standard output is no internal error', async () => {
  const full = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('ENOSPC, write'), { code: 'ENOSPC' })),
  })
  full.on('error', () => undefined)
  const error = await new Output(HUMAN, { stdout: full, stderr: new Sink() }).result(1, 'x').then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.instance(error, FileError)
  assert.is((error as FileError).code, 'ERR_DISK_FULL')
  assert.match((error as FileError).message, 'the disk is full (ENOSPC)')
})

test('what the TPM did not answer has no number of the TPM', async () => {
  const [, human] = await said(HUMAN, (out) => out.error(new TpmError('ERR_TPM_BUSY', 'Busy.', { rc: 0 })))
  assert.match(human, /\(ERR_TPM_BUSY\)$/m)
})

test('the command that reaches a session can be pasted, whatever the path has in it', () => {
  const path = `/tmp/it's a "home" $(exit 9)/maria.sock`
  const [, command] = TEXT.signIn.socket(path).match(/: (curl .*)$/) ?? []
  const { stdout } = spawnSync('sh', ['-c', `curl() { printf %s "$2"; }; ${command}`], { encoding: 'utf8' })
  assert.is(stdout, path)
})

test('--log-level: each level says what the one before says, and more', async () => {
  const everything = async (out: Output) => {
    await out.note('noted')
    await out.warn('mind')
    await out.error(wrong)
    await out.result(1, 'result')
  }
  const expected = { none: '', error: 'E', warning: 'WE', info: 'NWE', debug: 'NWES' }
  for (const level of LEVELS) {
    const [stdout, stderr] = await said({ ...HUMAN, level }, everything)
    const marks = { N: 'noted', W: 'mind', E: 'The PIN is wrong', S: 'output.test.ts' }
    const found = Object.entries(marks).filter(([, text]) => stderr.includes(text))
    assert.is(found.map(([mark]) => mark).join(''), expected[level], level)
    assert.is(stdout, 'result\n')
  }
  assert.is((await said({ ...QUIET, level: 'debug' }, everything))[1].includes('noted'), false)
  assert.equal(await said({ ...JSON_MODE, level: 'none' }, everything), ['1\n', ''])
})

test('work goes on with no spinner where nobody watches', async () => {
  const [stdout, stderr] = await said(HUMAN, async (out) => {
    assert.is(await out.working('working', async () => 7), 7)
  })
  assert.is(stdout + stderr, '')
})

test.run()
