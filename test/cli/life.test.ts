// takes: 20 s
// The life of a card at the command line, on a bare swtpm, as the README tells it.
import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { atExit, tempDir, within } from '../support/temp.ts'
import { PROGRAM, type Result, secretFile, tessera } from './cli.ts'

const PIN = '135790'
const NEXT_PIN = '246802'
const home = tempDir('home')
const elsewhere = tempDir('desk')
const tpm = await startSwtpm()
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = tpm.tcti

const input = join(root, 'LICENSE')
const at = (name: string) => join(home, name)
const pinFile = secretFile(at('pin'), PIN)
const wrongPin = secretFile(at('wrong-pin'), '999999')
let said = ''

/** Runs a command line and expects its exit code. */
async function expect(code: number, ...argv: string[]): Promise<Result> {
  const result = await tessera(argv)
  said += result.stdout + result.stderr
  assert.is(result.code, code, `tessera ${argv.join(' ')}: ${result.stderr}${result.stdout}`)
  return result
}

/** The same with --json: what was printed, parsed. */
async function json(code: number, ...argv: string[]) {
  const { stdout, stderr } = await expect(code, ...argv, '--json')
  return JSON.parse(code === 0 ? stdout : stderr)
}

const openssl = (...argv: string[]) => execFileSync('openssl', argv, { encoding: 'utf8', stdio: 'pipe' })

test('create: a default card, which says what is still default', async () => {
  const card = await json(0, 'create', 'work')
  assert.is(card.name, 'work')
  assert.is(card.assurance, 'software')
  assert.equal([...card.defaults].sort(), ['adminKey', 'pin', 'puk'])
  assert.ok(card.mustChangePin)
  assert.is((await json(2, 'create', 'work')).error.code, 'ERR_CARD_EXISTS')
  const { stderr } = await expect(0, 'info')
  for (const word of ['the PIN is the default', 'the PUK is the default', 'the admin key is'])
    assert.match(stderr, word)
})

test('before the default PIN is changed nothing is signed', async () => {
  const { error } = await json(7, 'sign', '9a', input, '--pin-file', pinFile)
  assert.is(error.code, 'ERR_PIN_CHANGE_REQUIRED')
  assert.match((await expect(0, 'pin', 'status')).stderr, 'must be changed')
})

test('pin change', async () => {
  const { pin } = await json(0, 'pin', 'change', '--pin-file', secretFile(at('change'), '12345678', PIN))
  assert.equal([pin.triesLeft, pin.tries, pin.mustChange, pin.blocked], [5, 5, false, false])
  assert.equal([...(await json(0, 'info')).defaults].sort(), ['adminKey', 'puk'])
  await expect(0, 'pin', 'change-puk', '--pin-file', secretFile(at('change-puk'), '12345678', 'four&#4 '))
  assert.equal((await json(0, 'info')).defaults, ['adminKey'])
})

const keys = [
  { slot: '9a', algorithm: 'P-256', policy: 'once' },
  { slot: '9c', algorithm: 'RSA-2048', policy: 'always' },
  { slot: '9e', algorithm: 'P-256', policy: 'never' },
]
for (const { slot, algorithm, policy } of keys) {
  test(`a key ${algorithm} in ${slot} signs, and openssl verifies`, async () => {
    const made = await expect(
      0,
      'key',
      'generate',
      slot,
      '-a',
      algorithm,
      '--pin-file',
      pinFile,
      '-o',
      at(`${slot}.pem`),
    )
    assert.is(made.stdout, '')
    const info = await json(0, 'key', 'info', slot)
    assert.equal([info.algorithm, info.pinPolicy, info.origin], [algorithm, policy, 'generated'])
    assert.is(info.publicKey, readFileSync(at(`${slot}.pem`), 'utf8'))
    const pin = policy === 'never' ? [] : ['--pin-file', pinFile]
    await expect(0, 'sign', slot, input, '-o', at('signature'), ...pin)
    assert.match(
      openssl('dgst', '-sha256', '-verify', at(`${slot}.pem`), '-signature', at('signature'), input),
      'Verified OK',
    )
    assert.match((await expect(0, 'verify', slot, input, at('signature'))).stdout, 'Verified OK')
    assert.match((await expect(1, 'verify', slot, at('pin'), at('signature'))).stdout, 'Verification failure')
  })
}

test('other hashes, formats and paddings', async () => {
  const variants: ReadonlyArray<readonly [string, string[]]> = [
    ['9a', ['--hash', 'SHA-384']],
    ['9a', ['--signature-format', 'raw']],
    ['9c', ['--hash', 'SHA-512', '--padding', 'pss']],
  ]
  for (const [slot, options] of variants) {
    await expect(0, 'sign', slot, input, '-o', at('other'), '--pin-file', pinFile, ...options)
    assert.is((await json(0, 'verify', slot, input, at('other'), ...options)).valid, true)
  }
  const { octets } = await expect(0, 'sign', '9a', input, '--signature-format', 'raw', '--pin-file', pinFile)
  assert.is(octets.length, 64)
})

test('a key in use is not overwritten by accident', async () => {
  await expect(2, 'key', 'generate', '9a', '--pin-file', pinFile)
  assert.is((await json(0, 'key', 'info', '9a')).publicKey, readFileSync(at('9a.pem'), 'utf8'))
})

test('wrong PINs: tries left, the last one kept, then blocked', async () => {
  for (const left of [4, 3, 2, 1]) {
    const { error } = await json(4, 'pin', 'verify', '--pin-file', wrongPin)
    assert.equal([error.code, error.triesLeft], ['ERR_PIN_WRONG', left])
  }
  for (const line of [
    ['pin', 'verify'],
    ['pin', 'change'],
    ['sign', '9a', input],
  ]) {
    assert.is((await json(7, ...line, '--pin-file', pinFile)).error.code, 'ERR_PIN_LAST_TRY')
  }
  const { code } = await tessera(['pin', 'verify', '--pin-file', wrongPin, '--last-try'])
  assert.ok(code === 4 || code === 5, 'the last try')
  const { stderr } = await expect(5, 'pin', 'verify', '--pin-file', pinFile)
  assert.match(stderr, 'tessera pin unblock.')
  assert.not.match(stderr, '--help-desk')
  assert.is((await json(5, 'sign', '9a', input, '--pin-file', pinFile)).error.code, 'ERR_PIN_BLOCKED')
  const { pin } = await json(0, 'pin', 'status')
  assert.equal([pin.blocked, pin.triesLeft], [true, 0])
})

test('unblock by PUK', async () => {
  const wrong = await json(6, 'pin', 'unblock', '--pin-file', secretFile(at('bad-puk'), '12345678', NEXT_PIN))
  assert.equal([wrong.error.code, wrong.error.triesLeft], ['ERR_PUK_WRONG', 4])
  await expect(0, 'pin', 'unblock', '--pin-file', secretFile(at('unblock'), 'four&#4 ', NEXT_PIN))
  await expect(4, 'pin', 'verify', '--pin-file', pinFile)
  secretFile(at('pin'), NEXT_PIN)
  await expect(0, 'pin', 'verify', '--pin-file', pinFile)
  await expect(0, 'sign', '9a', input, '-o', at('signature'), '--pin-file', pinFile)
})

test('a card of another name: no PUK, a help desk', async () => {
  openssl('ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', join(elsewhere, 'private.pem'))
  openssl('ec', '-in', join(elsewhere, 'private.pem'), '-pubout', '-out', at('desk.pem'))
  const options = ['--pin', pinFile, '--puk', 'none', '--admin-key', 'random', '--pin-tries', '2']
  const card = await json(0, 'create', 'other', ...options, '--help-desk-key', at('desk.pem'))
  assert.equal([card.pukTries, card.helpDesk, card.mustChangePin, card.defaults], [null, true, false, []])
  assert.is((await json(2, 'pin', 'status')).error.code, 'ERR_CARD_AMBIGUOUS')
  assert.equal((await json(0, 'list')).map((one: { name: string }) => one.name).sort(), ['other', 'work'])
  await expect(4, 'pin', 'verify', '--card', 'other', '--pin-file', wrongPin)
  await tessera(['pin', 'verify', '--card', 'other', '--pin-file', wrongPin, '--last-try'])
  await expect(5, 'pin', 'verify', '--card', 'other', '--pin-file', pinFile)
  const puk = await json(8, 'pin', 'unblock', '--card', 'other', '--pin-file', secretFile(at('x'), '12345678', PIN))
  assert.is(puk.error.code, 'ERR_PUK_ABSENT')
})

/** `pin unblock --help-desk` in a process that waits; `answer` makes the response from the challenge. */
async function helpDesk(answer: (challenge: string) => Promise<string>): Promise<{ code: number; output: string }> {
  const [node, ...words] = PROGRAM
  const line = ['pin', 'unblock', '--help-desk', '--card', 'other', '--pin-file', secretFile(at('new'), PIN)]
  const child = spawn(node, [...words, ...line], { stdio: 'pipe' })
  const forget = atExit(() => child.kill('SIGKILL'))
  let output = ''
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)))
  const challenge = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      const [found] = /^C-\S+(?=\n)/m.exec(output) ?? []
      if (found !== undefined) resolve(found)
    })
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const response = await within(Promise.race([challenge, ended.then(() => '')]), 120_000, 'no challenge')
  if (response === '') throw new Error(`no challenge: ${output}`)
  child.stdin.end(`${await answer(response)}\n`)
  const code = await within(ended, 120_000, 'pin unblock --help-desk')
  forget()
  said += output
  return { code, output }
}

test('unblock by help desk: the private key is elsewhere', async () => {
  const refused = await helpDesk(async () => 'R-00000')
  assert.is(refused.code, 6, refused.output)
  assert.match(refused.output, 'ERR_HELP_DESK_REFUSED')
  const { cardId } = await json(0, 'info', 'other')
  const done = await helpDesk(async (challenge) => {
    const words = ['help-desk', 'respond', challenge, '--private-key', join(elsewhere, 'private.pem')]
    const { stdout, stderr } = await expect(0, ...words)
    assert.match(stderr, cardId)
    return stdout.trim()
  })
  assert.is(done.code, 0, done.output)
  await expect(0, 'pin', 'verify', '--card', 'other', '--pin-file', secretFile(at('new'), PIN))
})

test('destroy: files that were copied before and put back do not sign', async () => {
  const card = await json(0, 'info', 'work')
  await expect(0, 'sign', '9a', input, '-o', at('before'), '--card', 'work', '--pin-file', pinFile)
  copyFileSync(card.path, at('copy'))
  assert.match((await expect(2, 'destroy', 'work')).stderr, '--yes')
  const { destroyed, copiesStillWork } = await json(0, 'destroy', 'work', '--yes')
  assert.equal([destroyed, copiesStillWork], ['work', ['9e']])
  assert.not(existsSync(card.path))
  await expect(3, 'info', '--card', 'work')
  copyFileSync(at('copy'), card.path)
  for (const slot of ['9a', '9c']) {
    const line = ['sign', slot, input, '-o', at(`after-${slot}`), '--card', 'work', '--pin-file', pinFile]
    assert.is((await json(3, ...line)).error.code, 'ERR_CARD_DEAD')
    assert.not(existsSync(at(`after-${slot}`)))
  }
  await expect(0, 'destroy', 'work', '--yes')
  await expect(0, 'destroy', 'other', '--yes')
  assert.equal(await json(0, 'list'), [])
})

test('no secret was in anything that was said', () => {
  for (const secret of [PIN, NEXT_PIN, '999999', 'four&#4 ']) assert.not.match(said, secret)
})

test('a TPM that is gone: exit code 9, in bounded time', async () => {
  await tpm.stop()
  const { code, stderr } = await tessera(['create', 'late'])
  assert.is(code, 9, stderr)
  assert.equal(await json(0, 'list'), [])
})

test.run()
