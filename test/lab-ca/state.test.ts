// takes: 15 s
// What the CA keeps: over restarts, kills, full disks, two programs at once; damaged files are named.
import { type ChildProcess, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type CardError, FileError, UsageError } from '../../src/errors.ts'
import { filesOver } from '../../src/files/files.ts'
import { Authority } from '../../src/lab-ca/authority.ts'
import { Directory } from '../../src/lab-ca/directory.ts'
import { Intake } from '../../src/lab-ca/intake.ts'
import { openRegistrationAuthority, RegistrationAuthority } from '../../src/lab-ca/registration-authority.ts'
import { root } from '../runner/jobs.ts'
import { failing, watched } from '../store/support/steps.ts'
import { atExit, tempDir, within } from '../support/temp.ts'
import { enrol, makeRequest, openssl, startLab } from './support.ts'

async function refusal(work: Promise<unknown>): Promise<CardError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof FileError || error instanceof UsageError, String(error))
  return error as CardError
}

test('everything is its owner`s alone', async () => {
  const lab = await startLab()
  await enrol(lab, makeRequest())
  await lab.close()
  const walk = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [join(folder, entry.name), ...walk(join(folder, entry.name))] : [join(folder, entry.name)],
    )
  const all = [lab.directory.path, ...walk(lab.directory.path)]
  assert.ok(all.length > 10)
  for (const path of all) assert.is(statSync(path).mode & 0o077, 0, path)
  assert.not(all.some((path) => path.endsWith('-tmp')))
})

test('the next start has the same CA, users and requests; what was handed in is answered again', async () => {
  const first = await startLab({ pending: true })
  const request = makeRequest()
  assert.is((await enrol(first, request)).status, 202)
  await first.close()
  const second = await startLab({ directory: first.directory.path, pending: true })
  assert.is(second.pem, first.pem)
  assert.is((await enrol(second, request)).status, 202)
  assert.is((await second.registration.entries()).length, 1)
  // approved by another program, which works on the directory alone
  const other = await openRegistrationAuthority(first.directory.path)
  assert.is((await other.approve(1)).state, 'issued')
  assert.is((await enrol(second, request)).status, 200)
  await other.revoke(1)
  const { status, body } = await enrol(second, request)
  assert.is(status, 403)
  assert.match(body, 'is revoked')
  await second.close()
})

test('the curve of the CA is chosen once', async () => {
  const lab = await startLab({ curve: 'P-384' })
  assert.is(new X509Certificate(lab.pem).publicKey.asymmetricKeyDetails?.namedCurve, 'secp384r1')
  assert.match(openssl('x509', '-in', lab.certificateFile, '-noout', '-text'), 'ecdsa-with-SHA384')
  await lab.close()
  const again = await startLab({ directory: lab.directory.path })
  assert.is(again.pem, lab.pem)
  await again.close()
  assert.match((await refusal(startLab({ directory: lab.directory.path, curve: 'P-256' }))).message, 'P-384')
})

test('two programs that make a CA in one directory at once make one', async () => {
  const path = tempDir('lab')
  await new Directory(path).make()
  const made = await Promise.all(Array.from({ length: 8 }, () => Authority.open(new Directory(path))))
  assert.is(new Set(made.map(({ pem }) => pem)).size, 1)
})

test('of many who decide at once, the first one decides', async () => {
  const lab = await startLab({ pending: true })
  await enrol(lab, makeRequest())
  const desks = await Promise.all(Array.from({ length: 6 }, () => openRegistrationAuthority(lab.directory.path)))
  const outcomes = await Promise.all(
    desks.map((registration, index) => (index % 2 === 0 ? registration.approve(1) : registration.deny(1, 'no'))),
  )
  assert.is(new Set(outcomes.map((entry) => JSON.stringify(entry))).size, 1)
  await lab.close()
})

test('an address that is taken, and a directory that cannot be', async () => {
  const lab = await startLab()
  const port = Number(new URL(lab.url).port)
  const error = await refusal(startLab({ port }))
  assert.is(error.code, 'ERR_USAGE')
  assert.match(error.message, `port ${port}: something else is there`)
  await lab.close()
  const path = tempDir('lab')
  writeFileSync(join(path, 'file'), '')
  assert.is((await refusal(startLab({ directory: join(path, 'file') }))).code, 'ERR_IO')
  assert.match((await refusal(openRegistrationAuthority(path))).message, 'There is no laboratory CA')
})

test('damaged files are named, and nothing is made in their place', async () => {
  const lab = await startLab()
  await enrol(lab, makeRequest())
  await lab.close()
  const { path } = lab.directory
  const damage = async (
    name: string,
    content: string,
    words: string | RegExp,
    work: () => Promise<unknown>,
    said = name,
  ) => {
    const whole = readFileSync(join(path, name))
    writeFileSync(join(path, name), content)
    const error = await refusal(work())
    assert.is(error.code, 'ERR_CARD_FILE', `${name}: ${error.message}`)
    assert.match(error.message, words)
    assert.match(error.message, join(path, said))
    assert.is(readFileSync(join(path, name), 'utf8'), content)
    writeFileSync(join(path, name), whole)
  }
  const start = () => startLab({ directory: path })
  await damage('ca.key', 'no key', 'no private key', start)
  await damage('ca.key', openssl('genpkey', '-algorithm', 'ED25519'), 'no key on P-256', start)
  await damage('ca.pem', 'no certificate', 'no certificate in PEM', start)
  const other = openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256')
  await damage('ca.key', other, 'not for the key beside it', start, 'ca.pem')
  await damage('requests/1', 'tessera-lab-request 1 sha256:00\n{}\n', 'checksum', start)
  await damage('decisions/1', '', 'empty', async () => (await openRegistrationAuthority(path)).entries())
  await damage('settings', 'x', 'settings file', () => openRegistrationAuthority(path))
  const again = await start()
  assert.is((await again.registration.entries()).length, 1)
  await again.close()
})

test('a full disk while requests come in: each is whole, or not there', async () => {
  const lab = await startLab()
  const user = await lab.directory.user('alice')
  await lab.close()
  assert.ok(user)
  const request = makeRequest()
  for (let at = 0; ; at += 1) {
    const fault = failing(at, 'ENOSPC', false)
    const broken = new Directory(lab.directory.path, filesOver(watched(fault.watch)))
    const submit = async () => {
      const registration = new RegistrationAuthority(broken, lab.registration.authority, { days: 1, crl: lab.crl })
      await (await Intake.open(registration, { atOnce: true })).submit({ user, template: 'SmartcardUser', request })
    }
    for (const folder of ['requests', 'decisions']) rmSync(join(lab.directory.path, folder), { recursive: true })
    await lab.directory.make()
    await submit().catch((error: unknown) => assert.instance(error, FileError))
    const states = (await lab.registration.entries()).map(({ state }) => state)
    assert.ok(states.length <= 1, `step ${at}`)
    if (!fault.reached()) {
      assert.equal(states, ['issued'])
      break
    }
  }
})

/** Starts a CA in a process of its own and kills it after `ms`. */
async function killed(path: string, ms: number): Promise<void> {
  const script = `import { startLabCa } from './src/lab-ca/server/server.ts'
    console.log('begins'); await startLabCa({ directory: process.argv[1], port: 0, crlPort: 0 }); console.log('runs')`
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script, path], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const forget = atExit(() => child.kill('SIGKILL'))
  await within(new Promise<void>((resolve) => child.stdout?.once('data', () => resolve())), 120_000, 'start')
  await new Promise((resolve) => setTimeout(resolve, ms))
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGKILL')
  await within(ended, 120_000, 'kill')
  forget()
}

test('kill -9 in the first start: the next one has a CA, and it is the one there was, where there was one', async () => {
  for (const ms of [1, 30, 90]) {
    const path = tempDir('lab')
    await killed(path, ms)
    const before = existsSync(join(path, 'ca.pem')) ? readFileSync(join(path, 'ca.pem'), 'utf8') : undefined
    const lab = await startLab({ directory: path })
    if (before !== undefined) assert.is(lab.pem, before)
    assert.is((await enrol(lab, makeRequest())).status, 200)
    await lab.close()
  }
})

test.run()
