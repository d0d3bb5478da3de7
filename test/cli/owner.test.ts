// A TPM with an owner password: asked for at creation and destruction, and at no other time.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { SHELL_PROGRAM, secretFile, tessera } from './cli.ts'
import { converse } from './terminal.ts'

const PASSWORD = 'Besitzer: \u00e4\u00f6\u00fc'
const home = tempDir('home')
const tpm = await startSwtpm({ tcp: true })
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = tpm.tcti
const pin = secretFile(join(home, 'pin'), '135790')
const owner = secretFile(join(home, 'owner'), PASSWORD)
const wrongOwner = secretFile(join(home, 'wrong-owner'), 'guess')
let said = ''

async function expect(code: number, ...argv: string[]): Promise<string> {
  const result = await tessera(argv)
  said += result.stdout + result.stderr
  assert.is(result.code, code, `${argv.join(' ')}: ${result.stderr}`)
  return result.stdout + result.stderr
}

test('the owner sets a password', () => {
  const env = { ...process.env, TPM2TOOLS_TCTI: tpm.tcti }
  execFileSync('tpm2_changeauth', ['-c', 'owner', PASSWORD], { env, stdio: 'pipe', timeout: 120_000 })
})

test('creation wants it: no terminal and no file is exit code 9, and says how', async () => {
  assert.match(await expect(9, 'create', 'work', '--pin', pin), '--owner-password-file')
  await expect(9, 'create', 'work', '--pin', pin, '--owner-password-file', wrongOwner)
  assert.is(await expect(0, 'list', '--json'), '[]\n')
})

test('with the file it works', async () => {
  await expect(0, 'create', 'work', '--pin', pin, '--owner-password-file', owner)
})

test('on a terminal it is asked for, and not shown', async () => {
  const line = `${SHELL_PROGRAM} create other --pin '${pin}'`
  const { screen, code } = await converse(line, [{ see: 'owner password: ', type: `${PASSWORD}\r` }])
  assert.is(code, 0, screen)
  assert.not.match(screen, 'Besitzer')
  assert.match(screen, "Card 'other' was created")
})

test('daily use needs none of it, and says that the count is not the TPM', async () => {
  await expect(4, 'pin', 'verify', '--card', 'work', '--pin-file', secretFile(join(home, 'wrong'), '999999'))
  const { pin: count } = JSON.parse(await expect(0, 'pin', 'status', '--card', 'work', '--json'))
  assert.equal([count.triesLeft, count.advisory], [4, true])
  await expect(0, 'key', 'generate', '9a', '--card', 'work', '--pin-file', pin)
  await expect(0, 'sign', '9a', pin, '-o', join(home, 'signature'), '--card', 'work', '--pin-file', pin)
})

test('destruction wants it again', async () => {
  await expect(9, 'destroy', 'work', '--yes')
  await expect(0, 'info', 'work')
  await expect(0, 'destroy', 'work', '--yes', '--owner-password-file', owner)
  const steps = [
    { see: "card's name (other): ", type: 'other\r' },
    { see: 'owner password: ', type: `${PASSWORD}\r` },
  ]
  const { screen, code } = await converse(`${SHELL_PROGRAM} destroy other`, steps)
  assert.is(code, 0, screen)
  assert.is(await expect(0, 'list', '--json'), '[]\n')
})

test('the password was never said', () => assert.not.match(said, 'Besitzer'))

test.run()
