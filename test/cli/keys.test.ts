// Keys at the command line: imported, overwritten, deleted; and the PIN asked for as a person sees it.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { SHELL_PROGRAM, secretFile, tessera, tesseraProcess } from './cli.ts'
import { converse } from './terminal.ts'

const home = tempDir('home')
const tpm = await startSwtpm()
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = tpm.tcti
const at = (name: string) => join(home, name)
const pin = secretFile(at('pin'), '135790')
const input = join(root, 'LICENSE')
const openssl = (...argv: string[]) => execFileSync('openssl', argv, { encoding: 'utf8', stdio: 'pipe' })

async function expect(code: number, ...argv: string[]) {
  const result = await tessera(argv)
  assert.is(result.code, code, `${argv.join(' ')}: ${result.stderr}${result.stdout}`)
  return result
}

test('a card', async () => {
  await expect(0, 'create', 'work', '--pin', pin)
})

test('an imported key signs and is marked', async () => {
  openssl('genrsa', '-out', at('rsa.pem'), '2048')
  openssl('rsa', '-in', at('rsa.pem'), '-pubout', '-out', at('rsa-public.pem'))
  const { stdout } = await expect(0, 'key', 'import', '9d', at('rsa.pem'), '--pin-policy', 'once', '--pin-file', pin)
  assert.match(stdout, 'delete that file')
  assert.match((await expect(0, 'key', 'list')).stdout, '9d  key-management  RSA-2048  PIN once  imported')
  await expect(0, 'sign', '9d', input, '-o', at('signature'), '--pin-file', pin)
  const verified = openssl('dgst', '-sha256', '-verify', at('rsa-public.pem'), '-signature', at('signature'), input)
  assert.match(verified, 'Verified OK')
})

test('a key file with a passphrase: PIN file has the passphrase, then the PIN', async () => {
  openssl(
    'genpkey',
    '-algorithm',
    'EC',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-aes256',
    '-pass',
    'pass:correct horse',
    '-out',
    at('locked.pem'),
  )
  const both = secretFile(at('both'), 'correct horse', '135790')
  await expect(0, 'key', 'import', '9a', at('locked.pem'), '--pin-file', both)
  const wrong = await expect(
    2,
    'key',
    'import',
    '9a',
    at('locked.pem'),
    '--pin-file',
    secretFile(at('wrong'), 'battery', '135790'),
  )
  assert.not.match(wrong.stderr, 'battery')
})

test('what is no key is refused before the PIN is asked for', async () => {
  await expect(2, 'key', 'import', '9c', input, '--pin-file', pin)
  await expect(2, 'key', 'import', '9c', at('rsa-public.pem'), '--pin-file', pin)
})

test('where the result cannot be written, nothing is made', async () => {
  for (const [path, why] of [
    [at('none/x'), 'no such file or folder'],
    [home, 'it is a folder'],
    [`${input}/x`, 'not a folder'],
  ] as const) {
    for (const line of ['key generate 9c', 'cert self-sign 9a', 'cert request 9a', `sign 9a ${input}`]) {
      const { stdout, stderr } = await expect(1, ...line.split(' '), '-o', path)
      assert.match(stderr, `Cannot write ${path}: `)
      assert.match(stderr, why)
      assert.is(stdout, '')
    }
  }
  assert.not.match((await expect(0, 'key', 'list')).stdout, '9c')
  assert.match((await expect(0, 'cert', 'list')).stdout, 'No certificates')
})

test('a key that was made on the card is attested, an imported one is not', async () => {
  await expect(0, 'key', 'generate', '9e', '-o', at('9e.pem'), '--pin-file', pin)
  const { stdout } = await expect(0, 'key', 'attest', '9e', '--quiet')
  const { stderr } = await expect(0, 'key', 'attest', 'card-authentication', '-o', at('attested.pem'))
  assert.match(stderr, `and that of the attestation key were written to ${at('attested.pem')}.`)
  const [leaf = '', issuer = ''] = stdout.split(/(?<=-----END CERTIFICATE-----\n)/)
  writeFileSync(at('leaf.pem'), leaf)
  writeFileSync(at('issuer.pem'), issuer)
  assert.match(openssl('verify', '-CAfile', at('issuer.pem'), at('leaf.pem')), 'OK')
  assert.match(openssl('verify', '-CAfile', at('issuer.pem'), at('attested.pem')), 'OK')
  assert.is(openssl('x509', '-in', at('leaf.pem'), '-noout', '-pubkey'), readFileSync(at('9e.pem'), 'utf8'))
  assert.match(openssl('x509', '-in', at('leaf.pem'), '-noout', '-issuer'), 'software TPM')
  assert.match((await expect(8, 'key', 'attest', '9d')).stderr, 'not made on the card')
  assert.match((await expect(8, 'key', 'attest', '95')).stderr, 'tessera key generate')
})

test('overwriting and deleting want --yes', async () => {
  await expect(2, 'key', 'import', '9d', at('rsa.pem'), '--pin-file', pin)
  await expect(2, 'key', 'generate', '9d', '--pin-file', pin)
  await expect(2, 'key', 'delete', '9d', '--pin-file', pin)
  await expect(0, 'key', 'generate', '9d', '--pin-file', pin, '--yes', '--quiet')
  assert.match((await expect(0, 'key', 'info', '9d')).stdout, 'P-256')
  await expect(0, 'key', 'delete', '9d', '--pin-file', pin, '--yes')
  await expect(8, 'key', 'info', '9d')
  await expect(8, 'key', 'delete', '9d', '--pin-file', pin, '--yes')
  await expect(8, 'sign', '9d', input, '--pin-file', pin)
})

test('names of slots do as well, in any case', async () => {
  await expect(0, 'key', 'generate', 'Retired-3', '--pin-file', pin, '--quiet')
  assert.match((await expect(0, 'key', 'info', '84')).stdout, 'retired-3')
})

test('--quiet prints the PEM and nothing else; --json one object', async () => {
  const quiet = await expect(0, 'key', 'generate', '9c', '--pin-file', pin, '--quiet')
  assert.match(quiet.stdout, /^-----BEGIN PUBLIC KEY-----\n[^-]+-----END PUBLIC KEY-----\n$/)
  assert.is(quiet.stderr, '')
  const { stdout, stderr } = await expect(0, 'sign', '9c', input, '--pin-file', pin, '--json')
  const signed = JSON.parse(stdout)
  assert.equal([signed.slot, signed.algorithm, signed.hash, stderr], ['9c', 'P-256', 'SHA-256', ''])
  assert.is(Buffer.from(signed.signature, 'base64')[0], 0x30)
})

test('data and PIN through pipes', async () => {
  const signed = await tesseraProcess(['sign', '9c', '-', '--pin-file', pin], { input: 'hello' })
  assert.is(signed.code, 0, signed.stderr)
  secretFile(at('hello'), 'hello')
  const fromStdin = await tesseraProcess(['pin', 'verify', '--pin-file', '-'], { input: '135790\r\n' })
  assert.is(fromStdin.code, 0, fromStdin.stderr)
})

test('data through a pipe, the PIN from the person', async () => {
  const line = `${SHELL_PROGRAM} sign 9c - < '${input}' > '${at('piped')}'`
  const { screen, code } = await converse(line, [{ see: "PIN of card 'work' (5 tries left): ", type: '135790\r' }])
  assert.is(code, 0, screen)
  assert.not.match(screen, '135790')
  await expect(0, 'verify', '9c', input, at('piped'))
})

test('a person is told the tries before and after a wrong PIN', async () => {
  const first = await converse(`${SHELL_PROGRAM} pin verify`, [{ see: '(5 tries left): ', type: '999999\r' }])
  assert.is(first.code, 4)
  assert.match(first.screen, '4 tries left')
  const second = await converse(`${SHELL_PROGRAM} pin verify`, [{ see: '(4 tries left): ', type: '135790\r' }])
  assert.is(second.code, 0)
  assert.match(second.screen, 'The PIN is right, 5 tries left')
})

test('a person confirms by typing yes', async () => {
  const no = await converse(`${SHELL_PROGRAM} key delete 9c`, [{ see: 'Type yes to continue: ', type: 'no\r' }])
  assert.is(no.code, 2)
  const steps = [
    { see: 'Type yes to continue: ', type: 'yes\r' },
    { see: 'tries left): ', type: '135790\r' },
  ]
  const yes = await converse(`${SHELL_PROGRAM} key delete 9c`, steps)
  assert.is(yes.code, 0, yes.screen)
})

test('nothing is logged that should not be, at any level', async () => {
  for (const level of ['none', 'error', 'warning', 'info', 'debug']) {
    const line = ['sign', '9a', input, '-o', at('logged'), '--pin-file', pin, '--log-level', level]
    const { code, stdout, stderr } = await tesseraProcess(line)
    assert.is(code, 0, stderr)
    assert.not.match(stdout + stderr, '135790')
    assert.ok(existsSync(at('logged')))
  }
})

test.run()
