// takes: 6 s
// A trace of the command line: every APDU and TPM command, in words, for Wireshark, and of several processes.
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { secretFile, tessera, tesseraProcess } from '../cli/cli.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'

const folder = tempDir('trace')
process.env.TESSERA_HOME = join(folder, 'home')
const file = join(folder, 'trace')
const capture = join(folder, 'trace.pcapng')
const swtpm = await startSwtpm()
const pin = secretFile(join(folder, 'pin'), '483920')
const wrong = secretFile(join(folder, 'wrong'), '483921')
const text = (name: string) => readFileSync(join(folder, name), 'utf8')

interface Line {
  readonly process: number
  readonly kind: string
  readonly to: string
  readonly command: string
  readonly answer?: string
}
const lines = (): Line[] =>
  text('trace')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

const ok = async (...words: string[]) => {
  const { code, stdout, stderr } = await tessera(words)
  assert.is(code, 0, stderr)
  return stdout
}
const traced = (...words: string[]) => ['--trace', file, ...words]
writeFileSync(join(folder, 'data'), 'x')

test('what a process says to the card and to the TPM is in the file, for its user alone', async () => {
  await ok(...traced('--tcti', swtpm.tcti, 'create', 'work', '--pin', pin))
  await ok(...traced('--pin-file', pin, 'key', 'generate', '9a'))
  await ok(...traced('--pin-file', pin, 'sign', '9a', join(folder, 'data'), '--out', join(folder, 'signature')))
  assert.is((await tessera(traced('--pin-file', wrong, 'pin', 'verify'))).code, 4)
  assert.is(statSync(file).mode & 0o777, 0o600)
  const found = lines()
  assert.equal([...new Set(found.map(({ kind, to }) => `${kind} ${to}`))].sort(), ['apdu work', `tpm ${swtpm.tcti}`])
  assert.ok(found.some(({ command }) => /^0020008008x{16}$/.test(command)))
  assert.not.match(text('trace'), Buffer.from('483920').toString('hex'))
})

test('a process that is not told goes on without one; TESSERA_TRACE tells it', async () => {
  const before = lines().length
  await ok('--pin-file', pin, 'pin', 'verify')
  assert.is(lines().length, before)
  const { code, stderr } = await tesseraProcess(['--pin-file', pin, 'pin', 'verify'], { env: { TESSERA_TRACE: file } })
  assert.is(code, 0, stderr)
  assert.ok(lines().length > before)
  assert.is(new Set(lines().map((line) => line.process)).size, 2)
})

test('for people', async () => {
  const shown = await ok('trace', 'show', file)
  for (const line of [
    /^[\d:.]+ {2}[\d.]+ ms {2}work {2}VERIFY pin: done \(status 9000\)\n {2}> 0020008008x{16}\n {2}< 9000$/m,
    /VERIFY pin: the PIN or PUK is wrong \(status 63C4\)/i,
    /GENERATE ASYMMETRIC KEY PAIR 9a: done/,
    /GENERAL AUTHENTICATE 9a P-256: done/,
    / {2}TPM2_Sign: done/,
    / {2}TPM2_PolicySecret: TPM_RC_(AUTH_FAIL|BAD_AUTH), session 1/,
  ])
    assert.match(shown, line)
  const json = JSON.parse(await ok('--json', 'trace', 'show', file))
  assert.is(json.length, lines().length)
  assert.ok(
    json.some(({ name, outcome }: { name: string; outcome: string }) => name === 'TPM2_Load' && outcome === 'done'),
  )
})

test('for Wireshark: its own dissectors name commands and answers, and find nothing malformed', async () => {
  await ok('trace', 'pcapng', file, '--out', capture)
  assert.is(statSync(capture).mode & 0o777, 0o600)
  const tshark = (...words: string[]) =>
    execFileSync('tshark', ['-r', capture, '-d', 'iso14443.subdissector,iso7816', ...words], {
      stdio: ['ignore', 'pipe', 'ignore'],
    }).toString()
  const summary = tshark()
  const packets = lines().reduce((sum, { answer }) => sum + (answer === undefined ? 1 : 2), 0)
  assert.is(summary.trim().split('\n').length, packets)
  for (const name of [
    /Command TPM2_CC_Sign/,
    /TPM2_CC_StartAuthSession/,
    /Response Code TPM2 Success/,
    /ISO 7816 \d+ Verify/,
    /Response APDU \(to Verify\)/,
  ])
    assert.match(summary, name)
  assert.is(tshark('-Y', 'iso7816 && _ws.malformed'), '')
  const sign = tshark('-Y', 'tpm.req.cc == 0x0000015d', '-T', 'fields', '-e', 'tpm.req.cc').trim().split('\n')
  assert.is(
    sign.length,
    lines().filter(({ kind, command }) => kind === 'tpm' && command.slice(12, 20) === '0000015d').length,
  )
})

test('lines that are not understood are counted, and end nothing', async () => {
  const odd = join(folder, 'odd')
  writeFileSync(odd, readFileSync(file))
  appendFileSync(
    odd,
    '{"time":1}\nnot JSON\n\n"\u001b[31m"\n{"time":1,"took":0,"process":1,"kind":"apdu","to":"\\u001b[31m","command":"00"}',
  )
  const { code, stdout, stderr } = await tessera(['trace', 'show', odd])
  assert.is(code, 0)
  assert.match(stderr, /3 lines were not understood/)
  assert.not.match(stdout, '\u001b')
  assert.match(stdout, /no answer/)
  const none = await tessera(['trace', 'show', pin])
  assert.is(none.code, 2)
  assert.match(none.stderr, /is no trace/)
  const huge = join(folder, 'huge')
  writeFileSync(huge, `${'x'.repeat(3 * 2 ** 20)}\n${text('trace')}`)
  assert.match((await tessera(['trace', 'show', huge])).stderr, /1 line was not understood/)
})

test('a file that cannot be written, and a link, are refused before the card is asked', async () => {
  const link = join(folder, 'link')
  symlinkSync(join(folder, 'elsewhere'), link)
  mkdirSync(join(folder, 'a-folder'))
  for (const path of [link, join(folder, 'a-folder'), join(folder, 'not there', 'trace')]) {
    const { code, stderr } = await tessera(['--trace', path, 'key', 'list'])
    assert.is(code, 1)
    assert.match(stderr, path)
  }
  await ok('key', 'list')
})

test.run()
