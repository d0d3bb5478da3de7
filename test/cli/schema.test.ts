// takes: 6 s
// --json of every command, on a real card, is as docs/cli.schema.json and docs/cli.md say.
import { execFileSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { COMMANDS } from '../../src/cli/table.ts'
import { Intake } from '../../src/lab-ca/intake.ts'
import { openRegistrationAuthority } from '../../src/lab-ca/registration-authority.ts'
import { makeRequest, PASSWORDS, startLab } from '../lab-ca/support.ts'
import { root } from '../runner/jobs.ts'
import { startServe } from '../serve/support/process.ts'
import { RawVpcd } from '../serve/support/raw-vpcd.ts'
import { startRelyingParty } from '../signin/support.ts'
import { tempDir } from '../support/temp.ts'
import { secretFile, startProgram, tessera, tesseraProcess } from './cli.ts'
import { Checker, propertyNames, type SchemaFile } from './schema.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'
const at = (name: string) => join(home, name)
const openssl = (line: string) => execFileSync('openssl', line.split(' '), { encoding: 'utf8', stdio: 'pipe' })

const file = JSON.parse(readFileSync(join(root, 'docs/cli.schema.json'), 'utf8')) as SchemaFile
const checker = new Checker(file)
const seen = new Set<string>()
let errors = 0

const wordsOf = (argv: readonly string[]) =>
  COMMANDS.find(({ words }) => words.split(' ').every((word, index) => argv[index] === word))?.words ?? ''

/** Runs a command with --json, checks what it prints, and answers it. */
async function json(code: number, line: string, pins?: readonly string[]) {
  const argv = line.split(' ')
  const pinFile = pins === undefined ? [] : ['--pin-file', secretFile(at('pins'), ...pins)]
  const result = await tessera([...argv, ...pinFile, '--json'])
  assert.is(result.code, code, `${line}: ${result.stderr}${result.stdout}`)
  const answered = code === 0 || result.stdout !== ''
  assert.is(answered ? result.stderr : result.stdout, '', line)
  const value = JSON.parse(answered ? result.stdout : result.stderr)
  const name = answered ? wordsOf(argv) : '#error'
  assert.equal(checker.faults(name, value), [], line)
  if (answered) seen.add(name)
  else errors += 1
  return value
}

const PIN = '135790'

test('a card and its PIN', async () => {
  openssl(`ecparam -genkey -name prime256v1 -noout -out ${at('desk.pem')}`)
  openssl(`ec -in ${at('desk.pem')} -pubout -out ${at('desk-public.pem')}`)
  await json(0, `create work --help-desk-key ${at('desk-public.pem')}`)
  await json(2, 'create work')
  await json(0, 'pin status')
  await json(0, 'pin change', ['12345678', PIN])
  await json(4, 'pin verify', ['999999'])
  await json(0, 'pin verify', [PIN])
  await json(0, 'pin change-puk', ['12345678', 'four&#4 '])
  await json(6, 'pin unblock', ['12345678', PIN])
  await json(0, 'pin unblock', ['four&#4 ', PIN])
  await json(0, 'create spare --puk none --admin-key random')
  await json(0, 'pin status --card spare')
  await json(0, 'info work')
  writeFileSync(at('cards/broken.card'), 'not a card')
  assert.is((await json(0, 'list')).length, 3)
  execFileSync('rm', [at('cards/broken.card')])
  await json(0, 'destroy spare --yes')
})

test('help desk: the challenge is an aside on standard error', async () => {
  const pins = secretFile(at('pins'), PIN)
  const line = ['pin', 'unblock', '--help-desk', '--pin-file', pins, '--json']
  const { code, stderr } = await tesseraProcess(line, { input: 'R-00000\n' })
  assert.is(code, 6, stderr)
  const [challenge, error] = stderr
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text))
  assert.equal([...checker.faults('#challenge', challenge), ...checker.faults('#error', error)], [])
  await json(0, `help-desk respond ${challenge.challenge} --private-key ${at('desk.pem')}`)
})

test('evidence', async () => {
  const vector = join(root, 'test/attest/vectors/yubikey-25515003.pem')
  await json(0, `attest verify ${vector} --makers`)
  await json(1, `attest verify ${join(root, 'package.json')} --makers`)
})

test('traces', async () => {
  await json(0, `pin verify --trace ${at('trace')}`, [PIN])
  await json(0, `trace show ${at('trace')}`)
  await json(0, `trace pcapng ${at('trace')}`)
  await json(0, `trace pcapng ${at('trace')} -o ${at('trace.pcapng')}`)
})

test('validation', async () => {
  await json(0, `validate run --classes R --out ${at('report')}`)
  await json(0, 'validate run --list')
  const report = `${at('report')}/report.json`
  await json(0, `validate compare ${report} ${report}`)
})

test('certificates', async () => {
  await json(0, 'key generate 9a', [PIN])
  await json(0, 'attest key 9a --nonce 0011223344556677')
  await json(0, 'attest key 9a --format yubico')
  await json(0, 'cert self-sign 9a --email a@b.c --upn a@b --sid S-1-5-21-1 --purposes any', [PIN])
  await json(2, 'cert self-sign 9a', [PIN])
  await json(0, `cert self-sign 9a --yes --subject CN=door -o ${at('certificate.pem')}`, [PIN])
  await json(0, `cert export 9a -o ${at('certificate.pem')}`)
  await json(0, 'cert export 9a --format der')
  await json(0, `cert import 9a ${at('certificate.pem')} --yes`, [PIN])
  await json(0, 'cert request 9a --principal a@B', [PIN])
  await json(0, 'cert show 9a')
  await json(0, `object put certificate-9d ${at('certificate.pem')}`, [PIN])
  assert.is((await json(0, 'cert list')).length, 2)
  await json(0, 'object delete certificate-9d --yes', [PIN])
  await json(0, 'cert delete 9a --yes', [PIN])
  assert.is((await json(8, 'cert show 9a')).error.code, 'ERR_CERTIFICATE_ABSENT')
  openssl(`req -x509 -newkey rsa:2048 -nodes -keyout ${at('p.key')} -out ${at('p.pem')} -subj /CN=p`)
  openssl(`pkcs12 -export -inkey ${at('p.key')} -in ${at('p.pem')} -out ${at('p.p12')} -passout pass:secret`)
  await json(0, `key import 9d ${at('p.p12')}`, ['secret', PIN])
  await json(0, 'cert delete 9d --yes', [PIN])
  await json(0, 'key delete 9d --yes', [PIN])
  await json(0, 'key delete 9a --yes', [PIN])
})

test('enrolment, and what needs renewal', async () => {
  const lab = await startLab()
  const how = [`--est ${lab.url}`, `--ca-file ${lab.certificateFile}`, '--user alice']
  const login = `--password-file ${secretFile(at('password'), PASSWORDS.alice)}`
  const line = [...how, login, '--template smartcard-user'].join(' ')
  assert.is((await json(0, `enroll 9a ${line} --friendly-name desk`, [PIN])).state, 'enrolled')
  assert.is((await json(0, 'cert show 9a')).friendlyName, 'desk')
  assert.is((await json(1, 'needs-renewal 9a')).due, false)
  assert.is((await json(0, 'needs-renewal --within 9999')).due, true)
  assert.is((await json(8, 'needs-renewal 9c')).error.code, 'ERR_CERTIFICATE_ABSENT')
  assert.is((await json(10, `enroll 9c ${line.replace('smartcard-user', 'none')}`, [PIN])).error.code, 'ERR_CA_REFUSED')
  const prepared = await json(0, `station maria ${line}`)
  assert.equal([prepared.card.mustChangePin, prepared.enrollment.state], [true, 'enrolled'])
  await json(0, 'destroy maria --yes')
  await lab.close()
  assert.is((await json(1, `enroll 9c ${line}`, [PIN])).error.code, 'ERR_CA_UNAVAILABLE')
  const slow = await startLab({ pending: true })
  const there = line.replace(lab.url, slow.url).replace(lab.certificateFile, slow.certificateFile)
  assert.is((await json(11, `enroll 9c ${there}`, [PIN])).state, 'pending')
  const { abandoned, keyLeft, id } = await json(0, 'enroll 9c --abandon --yes', [PIN])
  assert.equal([abandoned, keyLeft, typeof id], ['9c', false, 'string'])
  assert.is((await json(0, 'enroll 9c --abandon --yes', [PIN])).abandoned, null)
  await slow.close()
  for (const slot of ['9a', '9c']) await json(0, `key delete ${slot} --yes`, [PIN])
  await json(0, 'cert delete 9a --yes', [PIN])
})

test('signing in', async () => {
  const lab = await startLab()
  const service = await startRelyingParty(lab)
  const login = `--password-file ${secretFile(at('password'), PASSWORDS.alice)}`
  const ca = `--est ${lab.url} --ca-file ${lab.certificateFile} --user alice ${login} --template smartcard-user`
  await json(0, `enroll 9a ${ca} --upn alice@lab.example`, [PIN])
  await json(2, 'signin alice@lab.example', [PIN])
  const where = ['--service', service.url, '--ca-file', service.caFile, '--pin-file', secretFile(at('pins'), PIN)]
  const running = await startProgram(['signin', 'alice@lab.example', ...where, '--json'])
  assert.equal(checker.faults('signin', JSON.parse(running.firstLine)), [])
  seen.add('signin')
  assert.ok((await json(0, 'accounts'))[0].signedIn)
  await json(1, `signin alice@lab.example`, [PIN])
  assert.is((await json(0, 'signout')).told, true)
  assert.is(await running.end(), 0)
  await json(1, 'signout')
  assert.is((await json(0, 'accounts'))[0].ended.reason, 'signed-out')
  writeFileSync(at('accounts/bob@lab.example.account'), 'not an account')
  assert.is((await json(0, 'accounts')).length, 2)
  await json(2, 'forget alice@lab.example')
  for (const name of ['alice', 'bob']) await json(0, `forget ${name}@lab.example --yes`)
  await json(2, 'forget alice@lab.example --yes')
  const refused = `signin bob@lab.example --slot 9a --service ${service.url} --ca-file ${service.caFile}`
  assert.is((await json(10, refused, [PIN])).error.reason, 'other-address')
  await Promise.all([service.stop(), lab.close()])
  await json(0, 'key delete 9a --yes', [PIN])
  await json(0, 'cert delete 9a --yes', [PIN])
})

test('keys', async () => {
  openssl(`genrsa -out ${at('rsa.pem')} 2048`)
  await json(0, 'key generate 9a', [PIN])
  await json(0, `key generate 9c -o ${at('public.pem')}`, [PIN])
  await json(0, 'key generate 9e', [PIN])
  await json(0, `key import 9d ${at('rsa.pem')}`, [PIN])
  await json(0, 'key move 9c 82', [PIN])
  await json(0, 'key info retired-1')
  assert.match((await json(0, 'key attest 82')).attestation, /^-----BEGIN CERTIFICATE-----/)
  await json(8, 'key attest 9d')
  await json(8, 'key attest 95')
  await json(0, 'key delete 82 --yes', [PIN])
  await json(8, 'key info 82')
  assert.is((await json(0, 'key list')).length, 3)
})

test('signatures and decryption, to standard output and to a file', async () => {
  const input = join(root, 'LICENSE')
  for (const options of ['', ' --hash SHA-384 --signature-format raw', ` -o ${at('out')}`])
    await json(0, `sign 9a ${input}${options}`, [PIN])
  await json(0, `sign 9d ${input} --padding pss -o ${at('pss')}`, [PIN])
  assert.is((await json(0, `verify 9d ${input} ${at('pss')} --padding pss`)).valid, true)
  assert.is((await json(1, `verify 9d ${input} ${at('pss')}`)).valid, false)
  writeFileSync(at('plain'), 'hello')
  const oaep = '-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256'
  openssl(`pkeyutl -encrypt -inkey ${at('rsa.pem')} -in ${at('plain')} -out ${at('oaep')} ${oaep}`)
  openssl(`pkeyutl -encrypt -inkey ${at('rsa.pem')} -in ${at('plain')} -out ${at('pkcs1')}`)
  const { plaintext } = await json(0, `decrypt 9d ${at('oaep')}`, [PIN])
  assert.is(Buffer.from(plaintext, 'base64').toString(), 'hello')
  await json(0, `decrypt 9d ${at('pkcs1')} --encryption-padding pkcs1 -o ${at('out')}`, [PIN])
  // A signature was in it, which everybody may read.
  assert.equal([readFileSync(at('out'), 'utf8'), statSync(at('out')).mode & 0o777], ['hello', 0o600])
  await json(2, `decrypt 9d ${at('pkcs1')}`, [PIN])
  await json(8, `decrypt 9a ${at('oaep')}`, [PIN])
})

test('objects, the admin key, names', async () => {
  await json(0, `object put 5fff01 ${at('plain')}`, [PIN])
  assert.ok((await json(0, 'object list')).some((one: { tag: string }) => one.tag === '5fff01'))
  await json(0, 'object get 5fff01')
  await json(0, `object get chuid -o ${at('chuid')}`)
  await json(0, 'object get printed-information', [PIN])
  await json(0, 'object delete 5fff01 --yes', [PIN])
  await json(8, 'object get 5fff01')
  // Done, and compared with its schema, in test/pcsc/commands.test.ts: it is for cards in readers.
  await json(8, 'admin-key protect')
  seen.add('admin-key protect')
  await json(0, 'admin-key change random', [PIN])
  await json(0, 'rename work desk')
  await json(3, 'rename work desk')
  assert.equal((await json(0, 'reset desk --yes')).copiesStillWork, ['9e'])
})

test('a card that is served: one value, when it is in the reader; the end', async () => {
  const vpcd = await RawVpcd.listen()
  const serve = await startServe(['serve', 'desk', '--vpcd', vpcd.place, '--json'])
  const peer = await vpcd.peer()
  peer.tell([1])
  await peer.ask([4])
  const value = JSON.parse((await serve.line()) ?? '')
  assert.equal(checker.faults('serve', value), [])
  seen.add('serve')
  assert.is(await serve.stop('SIGTERM'), 0)
  assert.is(await serve.line(), undefined)
  assert.is(serve.stderr(), '')
  await vpcd.close()
  await json(2, 'serve desk desk')
  await json(2, 'destroy desk')
  await json(0, 'destroy desk --yes')
})

test('the laboratory CA', async () => {
  const directory = at('lab')
  await json(2, `lab-ca list --directory ${directory}`)
  await json(0, `lab-ca user add alice --directory ${directory}`, ['correct horse'])
  const words = ['lab-ca', 'start', '--directory', directory, '--listen', '127.0.0.1:0', '--pending', '--json']
  const server = await startProgram(words)
  const started = JSON.parse(server.firstLine)
  assert.equal(checker.faults('lab-ca start', started), [])
  seen.add('lab-ca start')
  await server.stop()
  const intake = await Intake.open(await openRegistrationAuthority(directory), { atOnce: false })
  const user = await intake.registration.directory.user('alice')
  assert.ok(user)
  const submit = () => intake.submit({ user, template: 'SmartcardUser', request: makeRequest() })
  for (let count = 0; count < 3; count += 1) await submit()
  assert.is((await json(0, `lab-ca approve 1 --directory ${directory}`)).length, 1)
  await json(0, `lab-ca deny 2 --directory ${directory}`)
  await json(2, `lab-ca approve 2 --directory ${directory}`)
  assert.is((await json(0, `lab-ca approve --all --directory ${directory}`)).length, 1)
  await json(0, `lab-ca revoke 1 --directory ${directory}`)
  const states = (await json(0, `lab-ca list --directory ${directory}`)).map((one: { state: string }) => one.state)
  assert.equal(states, ['revoked', 'denied', 'issued'])
  await json(2, `lab-ca approve --directory ${directory}`)
  await json(2, `lab-ca approve 7 --directory ${directory}`)
  await json(2, `lab-ca revoke 2 --directory ${directory}`)
})

test('the page in the browser', async () => {
  const web = await startProgram(['web', '--url-only', '--json'])
  assert.equal(checker.faults('web', JSON.parse(web.firstLine)), [])
  seen.add('web')
  assert.is(await web.stop(), 0)
})

test('what needs no card', async () => {
  await json(0, 'doctor')
  await json(0, 'pkcs11 --module-file')
  await json(9, `doctor --tcti swtpm:path=${at('nobody')}`)
  await json(0, 'completion zsh')
  await json(0, 'completion zsh key gen')
  await json(2, 'completion csh')
  await json(2, 'sgin')
})

test('every command was run, and has its schema; errors were seen', () => {
  // Where another program runs, standard output is that program's.
  const words = COMMANDS.filter((row) => !row.passesSignals).map((row) => row.words)
  words.sort()
  assert.equal([...seen].sort(), words)
  assert.equal(Object.keys(file.properties).sort(), words)
  assert.ok(errors > 10)
})

test('docs/cli.md names every command and every field of its JSON', () => {
  const text = readFileSync(join(root, 'docs/cli.md'), 'utf8')
  const section = text.slice(text.indexOf('## JSON'))
  const fields = propertyNames([...Object.values(file.properties), file.$defs])
  assert.equal(
    [...new Set(fields)].filter((name) => !section.includes(`"${name}"`)),
    [],
  )
  const rows = [...section.matchAll(/^\| (.*?) \|/gm)].map(([, cell]) => cell ?? '').join()
  const missing = COMMANDS.filter(
    ({ words }) => !rows.includes(`\`${words}\``) && !rows.includes(`\`${words.split(' ')[0]} ...\``),
  )
  assert.equal(
    missing.map((row) => row.words),
    [],
  )
})

test('the checker sees what is wrong', () => {
  const key = { slot: '9a', name: 'x', algorithm: 'P-256', pinPolicy: 'once', origin: 'generated', publicKey: '' }
  assert.match(checker.faults('key info', key).join(), 'publicKey')
  assert.match(checker.faults('key delete', { deleted: '9z' }).join(), 'deleted')
  assert.match(checker.faults('key delete', { deleted: '9a', more: 1 }).join(), 'more is not documented')
  assert.match(checker.faults('key delete', {}).join(), 'no deleted')
  assert.match(checker.faults('key list', {}).join(), 'object')
  assert.match(checker.faults('completion', 7).join(), 'integer')
  assert.match(checker.faults('info', {}).join(), 'no warnings')
  assert.match(checker.faults('nothing', {}).join(), 'no schema')
  const numbers = new Checker({ properties: { any: { type: 'number' }, whole: { type: 'integer' } }, $defs: {} })
  assert.equal([...numbers.faults('any', 1), ...numbers.faults('any', 1.5), ...numbers.faults('whole', 1)], [])
  assert.match(numbers.faults('whole', 1.5).join(), 'number')
  const strange = { properties: { x: { minimum: 1 } }, $defs: {} } as unknown as SchemaFile
  assert.throws(() => new Checker(strange).faults('x', 1), /unknown keyword/)
})

test.run()
