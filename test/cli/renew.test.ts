// takes: 10 s
// Renewal with nothing but --renew: which CA a certificate came from is remembered, and no password is.
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORDS, startLab } from '../lab-ca/support.ts'
import { tempDir } from '../support/temp.ts'
import { secretFile, tessera } from './cli.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'
const pin = secretFile(`${home}/pin`, '135790')
const password = secretFile(`${home}/password`, PASSWORDS.alice)
const files = () => readdirSync(join(home, 'enrolments')).filter((name) => name.endsWith('.ca'))

async function serial(): Promise<string> {
  const { stdout } = await tessera(['cert', 'show', '9a', '--json'])
  return (JSON.parse(stdout) as { serialNumber: string }).serialNumber
}

test('enroll, then enroll --renew: the CA, whom to trust, the template and the user are remembered', async () => {
  const lab = await startLab()
  await tessera(['create', 'work', '--pin', pin])
  const unknown = await tessera(['enroll', '9a', '--renew', '--pin-file', pin])
  assert.is(unknown.code, 2)
  assert.match(unknown.stderr, 'Name the CA')

  const where = ['--est', lab.url, '--ca-file', lab.certificateFile, '--template', 'smartcard-user']
  const login = ['--user', 'alice', '--password-file', password]
  const first = await tessera(['enroll', '9a', ...where, ...login, '--pin-file', pin])
  assert.is(first.code, 0, first.stderr)
  const before = await serial()

  const [name = ''] = files()
  const path = join(home, 'enrolments', name)
  const text = readFileSync(path, 'utf8')
  assert.match(text, '"user": "alice"')
  for (const secret of [PASSWORDS.alice ?? '', '135790']) assert.not.match(text, secret)
  assert.is(statSync(path).mode & 0o077, 0)

  // Only what no file has: the password of who logs in, and the PIN.
  const renewed = await tessera(['enroll', '9a', '--renew', '--password-file', password, '--pin-file', pin])
  assert.is(renewed.code, 0, renewed.stderr)
  assert.match(renewed.stderr, 'Renewing at the remembered CA: https://')
  assert.is.not(await serial(), before)

  // Another way to log in counts more than the one that is remembered, and is remembered then.
  const again = await tessera(['enroll', '9a', '--renew', '--by-certificate', '--pin-file', pin])
  assert.is(again.code, 0, again.stderr)
  const alone = await tessera(['enroll', '9a', '--renew', '--pin-file', pin])
  assert.is(alone.code, 0, alone.stderr)
  await lab.close()
})

test('a file that somebody changed is refused, and so is one with an address that is none', async () => {
  const [name = ''] = files()
  const path = join(home, 'enrolments', name)
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replace('https://127', 'https://128'))
  const { code, stderr } = await tessera(['enroll', '9a', '--renew', '--pin-file', pin])
  assert.is.not(code, 0)
  assert.match(stderr, 'file about a CA')
  writeFileSync(path, text)
})

test('as many certificates to trust as a file may have are remembered', async () => {
  const lab = await startLab()
  const many = join(home, 'many.pem')
  writeFileSync(many, readFileSync(lab.certificateFile, 'utf8').repeat(32))
  const login = ['--user', 'alice', '--password-file', password, '--pin-file', pin]
  const first = await tessera(['enroll', '9c', '--est', lab.url, '--ca-file', many, ...login])
  assert.is(first.code, 0, first.stderr)
  const renewed = await tessera(['enroll', '9c', '--renew', '--password-file', password, '--pin-file', pin])
  assert.is(renewed.code, 0, renewed.stderr)

  // What cannot be remembered is a warning: the certificate is there.
  const path = join(home, 'enrolments', files().find((name) => name.endsWith('-9c.ca')) ?? '')
  rmSync(path)
  mkdirSync(join(path, 'in the way'), { recursive: true })
  const { code, stdout, stderr } = await tessera([
    ...['enroll', '9c', '--renew', '--est', lab.url, '--ca-file', many, ...login],
  ])
  assert.is(code, 0, stderr)
  assert.match(stdout, 'is in slot 9c')
  assert.match(stderr, 'could not be remembered')
  assert.match(stderr, '--est URL or --certsrv URL')
  rmSync(path, { recursive: true })
  await lab.close()
})

test('a card that is destroyed leaves nothing of its CA', async () => {
  assert.is(files().length, 1)
  assert.is((await tessera(['destroy', 'work', '--yes'])).code, 0)
  assert.equal(files(), [])
})

test('--for: the certificate of the CA is taken by the program that was named', async () => {
  const lab = await startLab()
  await tessera(['create', 'kinds', '--pin', pin])
  const where = ['--est', lab.url, '--ca-file', lab.certificateFile, '--user', 'alice', '--password-file', password]
  const lacking = await tessera(['--card', 'kinds', 'enroll', '9a', '--for', 'kerberos', ...where, '--pin-file', pin])
  assert.is(lacking.code, 2)
  assert.match(lacking.stderr, 'A certificate for kerberos needs --principal.')
  for (const [kind, program] of [
    ['tls', 'TLS clients (OpenSSL, curl)'],
    ['ssh', 'ssh (through OpenSC)'],
  ] as const) {
    const { stdout, stderr, code } = await tessera([
      ...['--card', 'kinds', 'enroll', '9a', '--json', '--yes', '--for', kind, ...where, '--pin-file', pin],
      ...(kind === 'ssh' ? ['--renew'] : []),
    ])
    assert.is(code, 0, stderr)
    const { programs } = JSON.parse(stdout) as { programs: ReadonlyArray<{ program: string; because: string[] }> }
    assert.equal(programs.find((one) => one.program === program)?.because, [], kind)
  }
  await tessera(['destroy', 'kinds', '--yes'])
  await lab.close()
})

test('a new PIN that is easy to guess is warned of, and taken', async () => {
  const weak = secretFile(`${home}/weak`, '345678')
  const made = await tessera(['create', 'weak', '--pin', weak])
  assert.is(made.code, 0, made.stderr)
  assert.match(made.stderr, 'digits of this PIN follow each other')
  const from = secretFile(`${home}/from`, '345678\n271828')
  const good = await tessera(['--card', 'weak', 'pin', 'change', '--pin-file', from])
  assert.is(good.code, 0, good.stderr)
  assert.not.match(good.stderr, 'guess')
  const to = secretFile(`${home}/to`, '271828\n111111')
  const bad = await tessera(['--card', 'weak', 'pin', 'change', '--pin-file', to])
  assert.is(bad.code, 0, bad.stderr)
  assert.match(bad.stderr, 'repeats a few digits')
  for (const { stdout, stderr } of [made, bad]) assert.not.match(`${stdout}${stderr}`, /345678|111111/)
})

test.run()
