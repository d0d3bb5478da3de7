// `tessera attest verify`: what it prints, its exit codes, and files that are no evidence.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeEvidence } from '../../src/attest/evidence.ts'
import { pemOf } from '../../src/x509/pem.ts'
import { authority } from '../attest/support/authorities.ts'
import { evidenceOf } from '../attest/support/software-tpm.ts'
import { root as repository } from '../runner/jobs.ts'
import { tempDir } from '../support/temp.ts'
import { tessera } from './cli.ts'

const folder = tempDir('evidence')
const write = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const yubikey = join(repository, 'test/attest/vectors/yubikey-25515003.pem')

test('a YubiKey: the page names card, key, PIN and what is not proved', async () => {
  const { code, stdout, stderr } = await tessera(['attest', 'verify', yubikey, '--makers'])
  assert.is(code, 0, stderr)
  for (const line of [
    /^Accepted\.$/m,
    /^Key: +P-384, slot 9c$/m,
    /serial number 25515003/,
    /^Not proved:$/m,
    /no nonce/,
  ])
    assert.match(stdout, line)
})

test('as JSON', async () => {
  const { stdout } = await tessera(['attest', 'verify', yubikey, '--makers', '--json'])
  const { accepted, device, refusal } = JSON.parse(stdout)
  assert.equal([accepted, refusal, device.serial], [true, null, '25515003'])
})

test('refused: exit code 1, and the name of the reason', async () => {
  const somebody = write('root.pem', pemOf((await authority('somebody')).certificate))
  const { code, stdout } = await tessera(['attest', 'verify', yubikey, '--roots', somebody])
  assert.is(code, 1)
  assert.match(stdout, /^Refused: untrusted$/m)
})

test('a TPM: nonce and tier', async () => {
  const nonce = Uint8Array.from(Buffer.from('00112233445566778899', 'hex'))
  const { card } = await import('../attest/support/world.ts')
  const file = write('evidence.json', writeEvidence(evidenceOf({ ...card, nonce, akCertificates: [], ek: [] })))
  const line = ['attest', 'verify', file, '--makers', '--tier', 'self']
  assert.match(
    (await tessera([...line, '--nonce', '00112233445566778899'])).stdout,
    /^Accepted\.$[\s\S]*blocked after 5 wrong/m,
  )
  assert.match((await tessera([...line, '--nonce', '0011223344556677'])).stdout, /^Refused: nonce$/m)
  assert.match((await tessera(line)).stdout, /^Refused: nonce-missing$/m)
  assert.match((await tessera([...line.slice(0, -2), '--nonce', '00112233445566778899'])).stdout, /^Refused: tier$/m)
  assert.is((await tessera([...line, '--nonce', '0011'])).code, 2)
})

test('mistakes of the caller', async () => {
  assert.is((await tessera(['attest', 'verify', yubikey])).code, 2)
  const { code, stderr } = await tessera([
    'attest',
    'verify',
    yubikey,
    '--roots',
    write('bad.pem', Uint8Array.of(0x30, 1, 1)),
  ])
  assert.is(code, 2)
  assert.match(stderr, /cannot be read/)
  assert.is((await tessera(['attest', 'verify', write('large', new Uint8Array(300_000)), '--makers'])).code, 2)
  assert.is(readFileSync(yubikey, 'utf8').includes('PRIVATE'), false)
})

test.run()
