// doctor: what works and what is missing, in words and as exit code.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { acquireDevice, releaseDevice } from '../../src/tpm/devices.ts'
import { configured } from '../keys/support/configuration.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { PROGRAM, tessera, tesseraProcess } from './cli.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
delete process.env.TESSERA_TCTI

async function doctor(code: number, ...argv: string[]) {
  const words = await tessera(['doctor', ...argv])
  assert.is(words.code, code, words.stdout)
  const { stdout } = await tessera(['doctor', ...argv, '--json'])
  return { words: words.stdout, json: JSON.parse(stdout) }
}

test('with a TPM: what it is', async () => {
  const tpm = await startSwtpm()
  const { words, json } = await doctor(0, '--tcti', tpm.tcti)
  assert.match(words, /^ok +PIN counters/m)
  assert.match(words, 'software')
  assert.ok(json.ok)
  await tpm.stop()
})

test('a TPM that is not there: missing, exit code 9, and no stack', async () => {
  const { words, json } = await doctor(9, '--tcti', `swtpm:path=${home}/nobody`)
  assert.match(words, /^missing +TPM at swtpm/m)
  assert.not.match(words, 'at Object')
  assert.not(json.ok)
  assert.ok(json.findings.some((one: { state: string }) => one.state === 'missing'))
})

test('a TPM in software that another process has: a warning, and who', async () => {
  const place = tempDir('busy')
  const env = { TESSERA_HOME: place, TESSERA_TCTI: 'embedded:' }
  assert.is((await tesseraProcess(['create', 'work'], { env })).code, 0)
  const held = await acquireDevice({ tcti: 'embedded:', stateFile: join(place, 'tpm/state'), createState: false })
  const { code, stdout } = await tesseraProcess(['doctor'], { env })
  await releaseDevice(held)
  assert.is(code, 0)
  assert.match(
    stdout,
    new RegExp(`^warning +TPM at embedded: .*${process.pid}.*ERR_TPM_BUSY.*\n.*tessera signout`, 'm'),
  )
})

test('without any choice nothing is missing where the embedded TPM works', async () => {
  const { words } = await doctor(0, '--tcti', 'embedded:')
  assert.match(words, 'Node.js')
  assert.match(words, 'PC/SC')
})

test("a Node whose TLS cannot sign with a card's key: a warning, and what to do instead", async () => {
  const rows = async (env: NodeJS.ProcessEnv) =>
    JSON.parse((await tesseraProcess(['doctor', '--tcti', 'embedded:', '--json'], { env })).stdout).findings
  const row = async (env: NodeJS.ProcessEnv) =>
    (await rows(env)).find(({ what }: { what: string }) => what === "TLS with a card's key")
  const { state, detail } = await row({})
  assert.equal([state, detail], ['ok', `OpenSSL ${process.versions.openssl} of this Node.js takes the card's keys`])
  const without = await row(configured('defaultOnly'))
  assert.equal([without.state, / does not take the card's keys$/.test(without.detail)], ['warning', true])
  for (const word of ['ERR_NO_PROVIDER', '--method challenge', 'PKCS#11']) assert.match(without.advice, word)
})

test('a home that cannot be looked into: said, and all the rest is looked at too', async () => {
  const file = join(home, 'file')
  writeFileSync(file, '')
  const { code, stdout } = await tesseraProcess(['doctor', '--tcti', 'embedded:'], { env: { TESSERA_HOME: file } })
  assert.is(code, 9)
  assert.match(stdout, /^missing +Cards in .* a part of the path is not a folder/m)
  assert.match(stdout, /^ok +TLS with a card's key/m)
})

test('a home that nothing can be written in', () => {
  // Not in the folder of this test, where nobody else gets to.
  const [closed, above] = [join(tempDir('closed', '/tmp'), 'home'), tempDir('above', '/tmp')]
  mkdirSync(closed)
  for (const path of [dirname(closed), closed, above]) chmodSync(path, 0o755)
  const doctorOf = (path: string) => {
    const argv = ['--reuid', 'nobody', '--clear-groups', ...PROGRAM, 'doctor', '--tcti', 'embedded:']
    const { status, stdout } = spawnSync('setpriv', argv, { env: { ...process.env, TESSERA_HOME: path } })
    return [status, stdout.toString()] as const
  }
  const [status, words] = doctorOf(closed)
  // The checkout may lie where nobody else gets to.
  if (process.getuid?.() !== 0 || words === '') return console.log('# skipped: a closed home: it takes another user')
  assert.is(status, 0)
  assert.match(words, /^warning +Cards in .* 0; no other can be made: .*home\n.*TESSERA_HOME\.$/m)
  const [code, missing] = doctorOf(join(above, 'a/b'))
  assert.is(code, 9)
  assert.match(missing, /^missing +Cards in .* this user may not write in .*above/m)
})

test('a broken card file is named', async () => {
  mkdirSync(join(home, 'cards'), { recursive: true })
  writeFileSync(join(home, 'cards', 'broken.card'), 'not a card')
  assert.match((await doctor(9, '--tcti', 'embedded:')).words, 'broken')
  const listed = JSON.parse((await tessera(['list', '--json'])).stdout)
  assert.equal([listed[0].name, listed[0].error.code], ['broken', 'ERR_CARD_FILE'])
  assert.match((await tessera(['list'])).stdout, 'ERR_CARD_FILE')
  assert.is((await tessera(['info', 'broken'])).code, 1)
})

test.run()
