// takes: 12 s
// The laboratory CA from the command line: started, asked, looked at and stopped, as a person does it.
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import type { CaAnswer, Issued } from '../../src/enroll/protocol.ts'
import { certsrvProtocol } from '../../src/enroll/protocols/certsrv.ts'
import { estProtocol } from '../../src/enroll/protocols/est.ts'
import { makeRequest } from '../lab-ca/support.ts'
import { tempDir } from '../support/temp.ts'
import { SHELL_PROGRAM, secretFile, startProgram, tessera } from './cli.ts'
import { converse } from './terminal.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
const directory = join(home, 'lab-ca')
const password = secretFile(join(home, 'password'), 'correct horse')
const isIssued = (answer: CaAnswer): answer is Issued => 'certificate' in answer

/** A command that ends well, and what it says. */
async function runs(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await tessera(argv)
  assert.is(code, 0, `${argv.join(' ')}: ${stderr}`)
  return stdout
}

/** A command that is the user's mistake. */
async function refuses(words: string, ...argv: string[]): Promise<void> {
  const { code, stdout, stderr } = await tessera(argv)
  assert.equal([code, stdout], [2, ''], stderr)
  assert.match(stderr, words)
}

test('before the first start there is none, and users can be added', async () => {
  const { code, stderr } = await tessera(['lab-ca', 'list'])
  assert.is(code, 2)
  assert.match(
    stderr,
    `no laboratory CA in ${directory}. Start it there once: tessera lab-ca start --directory ${directory}.`,
  )
  assert.match(await runs('lab-ca', 'user', 'add', 'alice', '--pin-file', password), "User 'alice' may ask")
  assert.ok(existsSync(join(directory, 'users', 'alice.user')))
  assert.not.ok(existsSync(join(directory, 'ca.key')))
  assert.not.match(readFileSync(join(directory, 'users', 'alice.user'), 'utf8'), 'correct horse')
})

test('another password takes --yes, and a terminal is asked twice', async () => {
  const again = ['lab-ca', 'user', 'add', 'alice', '--pin-file', password]
  assert.is((await tessera(again)).code, 2)
  await runs(...again, '--yes', '--upn', 'alice@example.test')
  const { screen, code } = await converse(`${SHELL_PROGRAM} lab-ca user add bob`, [
    { see: "Password of user 'bob': ", type: 'battery staple\r' },
    { see: 'Enter it again: ', type: 'battery staple\r' },
  ])
  assert.is(code, 0, screen)
  assert.not.match(screen, 'battery')
  assert.match(screen, 'bob@lab.example')
  const { code: short, stderr } = await tessera([
    'lab-ca',
    'user',
    'add',
    'carol',
    '--pin-file',
    secretFile(join(home, 'short'), 'x'),
  ])
  assert.is(short, 2)
  assert.match(stderr, '8 to 128 characters')
})

test('started, two requests by two protocols, approved, denied, revoked, stopped', async () => {
  const server = await startProgram(['lab-ca', '--listen', '127.0.0.1:0', '--pending', '--json'])
  const { url, certificate, est, certsrv, pending } = JSON.parse(server.firstLine)
  assert.is(pending, true)
  assert.is(certificate, join(directory, 'ca.pem'))
  assert.equal([est, certsrv], [`${url}/.well-known/est`, `${url}/certsrv`])
  const address = {
    url,
    ca: readFileSync(certificate, 'utf8'),
    credentials: { user: 'alice', password: utf8('correct horse') },
  }
  const [first, second] = [makeRequest(), makeRequest()]
  const [byEst, byPages] = [estProtocol(address), certsrvProtocol(address)]
  const one = await byEst.submit(first)
  const two = await byPages.submit(second, { template: 'SmartcardLogon' })
  assert.ok('pending' in one && 'pending' in two)
  assert.match(await runs('lab-ca', 'list'), /1 +pending +alice +SmartcardUser .+\n2 +pending +alice +SmartcardLogon /)
  assert.match(await runs('lab-ca', 'approve', '1'), "Request 1 of user 'alice' was approved.")
  assert.match(await runs('lab-ca', 'approve', '--all'), "Request 2 of user 'alice' was approved.")
  assert.match(await runs('lab-ca', 'approve', '--all'), 'No request is waiting.')
  const certificates = [await byEst.fetch(one.pending, first), await byPages.fetch(two.pending, second)]
  for (const answer of certificates) {
    assert.ok(isIssued(answer))
    assert.match(new X509Certificate(answer.certificate).subjectAltName ?? '', 'othername:')
  }
  assert.match(await runs('lab-ca', 'revoke', '1'), 'was revoked')
  assert.match(await runs('lab-ca', 'list'), /1 +revoked .+ [0-9a-f]{32}\n2 +issued /)
  const third = await byPages.submit(makeRequest(), { template: 'SmartcardUser' })
  assert.ok('pending' in third)
  await runs('lab-ca', 'deny', '3')
  await refuses('Request 3 was already denied', 'lab-ca', 'approve', '3')
  await refuses('Request 2 was already approved', 'lab-ca', 'deny', '2')
  await refuses('The certificate of request 1 is already revoked', 'lab-ca', 'deny', '1')
  await refuses('The certificate of request 1 is already revoked', 'lab-ca', 'approve', '1')
  assert.match(await runs('lab-ca', 'list'), /1 +revoked .+\n2 +issued .+\n3 +denied /)
  assert.is(await server.stop('SIGTERM'), 143)
})

test('at every address, and stopped by Ctrl-C', async () => {
  const server = await startProgram(['lab-ca', 'start', '--listen', '0.0.0.0:0'])
  assert.match(server.firstLine, /^The laboratory CA runs at https:\/\/127\.0\.0\.1:\d+ until it is stopped/)
  assert.is(await server.stop('SIGINT'), 130)
})

const wrong: ReadonlyArray<readonly [line: string, words: string]> = [
  ['lab-ca --listen nonsense', 'not an address with a port'],
  ['lab-ca --listen 127.0.0.1', 'not an address with a port'],
  ['lab-ca --listen [x]:1', 'not an address with a port'],
  ['lab-ca --listen 127.0.0.1:65535', 'not an address with a port'],
  ['lab-ca -a RSA-2048', 'P-256 or P-384'],
  ['lab-ca -a P-384 --listen 127.0.0.1:0', 'which stays'],
  ['lab-ca --crl-port 70000', 'a whole number'],
  ['lab-ca approve', '--all'],
  ['lab-ca approve 1 --all', '--all'],
  ['lab-ca approve one', 'not the number of a request'],
  ['lab-ca deny 99', 'There is no request 99'],
  ['lab-ca revoke 3', 'is denied: there is no certificate'],
]
for (const [line, words] of wrong) {
  test(`refused: tessera ${line}`, async () => {
    const { code, stderr } = await tessera(line.split(' '))
    assert.is(code, 2, stderr)
    assert.match(stderr, words)
  })
}

test.run()
