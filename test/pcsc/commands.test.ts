// takes: 20 s
// Every command of the table on a card in a reader: it does what it says, or says that only a card in the TPM can.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { COMMANDS } from '../../src/cli/table.ts'
import { openCard } from '../../src/index.ts'
import { SHELL_PROGRAM, secretFile, tessera } from '../cli/cli.ts'
import { Checker, type SchemaFile } from '../cli/schema.ts'
import { converse } from '../cli/terminal.ts'
import { BEYOND } from '../host/shown.ts'
import { root } from '../runner/jobs.ts'
import { octets } from '../support/octets.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { tempDir } from '../support/temp.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'
import { ADMIN_KEY, memoryCard, PIN, seen } from './cards.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'
const at = (name: string) => join(home, name)
const openssl = (...argv: string[]) => execFileSync('openssl', argv, { encoding: 'utf8', stdio: 'pipe' })
const checker = new Checker(JSON.parse(readFileSync(join(root, 'docs/cli.schema.json'), 'utf8')) as SchemaFile)
const pins = secretFile(at('pin'), PIN)
const NEW_PIN = '71650842'
const PUK = 'open ?me'
const ADMIN = ['--admin-key-file', secretFile(at('admin'), hex(ADMIN_KEY))]

let pcscd: Pcscd
let inserted: Inserted
const seenWords = new Set<string>()

const wordsOf = (argv: readonly string[]) =>
  COMMANDS.find(({ words }) => words.split(' ').every((word, index) => argv[index] === word))?.words ?? ''

/** Runs a command on the card in the reader with --json; what it answers, checked against its schema. */
async function on(code: number, line: string, ...more: string[]) {
  const argv = line.split(' ')
  const words = wordsOf(argv)
  const result = await tessera([...argv, ...more, '--card', 'reader:virtual', '--json'])
  assert.is(result.code, code, `${line}: ${result.stderr}${result.stdout}`)
  const answered = result.stdout !== ''
  const value = JSON.parse(answered ? result.stdout : result.stderr)
  assert.equal(checker.faults(answered ? words : '#error', value), [], line)
  seenWords.add(words)
  return value
}

const withPins = (...lines: string[]) => ['--pin-file', secretFile(at('pins'), ...lines)]
const commands = (ins: number) => inserted.commands.filter((apdu) => apdu[1] === ins).length

async function insert(without: readonly string[] = []): Promise<void> {
  inserted = await insertCard(pcscd.ports[0], memoryCard().channel)
  inserted.intercept = (apdu) => (without.includes(hex(apdu.slice(1, 2))) ? octets('6d00') : undefined)
  await seen(pcscd.readers[0], true)
}

async function pull(): Promise<void> {
  await inserted.pull()
  await seen(pcscd.readers[0], false)
}

test.before(async () => {
  pcscd = await startPcscd()
  openssl('ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', at('ec.pem'))
  openssl('genrsa', '-out', at('rsa.pem'), '2048')
  writeFileSync(at('letter'), 'a letter')
  await insert()
})
test.after(async () => {
  await inserted?.pull()
  await pcscd?.stop()
})

test('PIN and PUK', async () => {
  const { pin, puk, card } = await on(0, 'pin status')
  assert.equal([card, pin.triesLeft, pin.tries, pin.isDefault], [`reader:${pcscd.readers[0]}`, 5, 5, false])
  assert.equal([puk.triesLeft, puk.tries], [5, 5])
  await on(0, 'pin verify', '--pin-file', pins)
  await on(4, 'pin verify', ...withPins('000000'))
  await on(0, 'pin change', ...withPins(PIN, NEW_PIN))
  await on(0, 'pin unblock', ...withPins(PUK, PIN))
  await on(0, 'pin change-puk', ...withPins(PUK, PUK))
  assert.is((await on(8, 'pin unblock --help-desk', '--pin-file', pins)).error.code, 'ERR_NOT_SUPPORTED')
})

test('keys: made, shown, brought in, moved, deleted', async () => {
  assert.is((await on(4, 'key generate 9a')).error.code, 'ERR_PIN_REQUIRED')
  await on(0, 'key generate 9a', ...ADMIN)
  await on(0, 'key generate 9c', ...ADMIN)
  await on(2, 'key generate 9c', ...ADMIN)
  await on(0, 'key generate 9c --yes', ...ADMIN)
  await on(0, `key import 9d ${at('rsa.pem')}`, ...ADMIN)
  await on(0, `key import 82 ${at('ec.pem')} --pin-policy never`, ...ADMIN)
  await on(0, 'key move 82 9e', ...ADMIN)
  assert.equal(await on(0, 'key info 9e').then(({ origin, pinPolicy }) => [origin, pinPolicy]), ['imported', 'never'])
  await on(0, 'key generate 95', ...ADMIN)
  await on(8, 'key attest 9e') // it came from elsewhere
  await on(8, 'attest key 9e --nonce 00112233445566778899aabbccddeeff')
  await on(0, 'attest key 95 --format yubico')
  await on(2, 'key delete 95', ...ADMIN)
  await on(0, 'key delete 95 --yes', ...ADMIN)
  await on(8, 'key delete 95 --yes', ...ADMIN)
  assert.equal(
    (await on(0, 'key list')).map(({ slot }: { slot: string }) => slot),
    ['9a', '9c', '9d', '9e'],
  )
})

test('signatures and decryption: one transaction with the PIN, and asked for when it is wanted', async () => {
  for (const slot of ['9a', '9c', '9d', '9e']) {
    const [verifies, uses] = [commands(0x20), commands(0x87)]
    const pin = slot === '9e' ? [] : ['--pin-file', pins]
    await on(0, `sign ${slot} ${at('letter')} -o ${at(slot)}`, ...pin)
    const order = inserted.commands.map((apdu) => apdu[1])
    if (slot !== '9e') assert.is(order[order.indexOf(0x87, order.lastIndexOf(0x20)) - 1], 0x20, slot)
    // The empty VERIFY is the look before.
    assert.equal([commands(0x20) - verifies, commands(0x87) > uses], [slot === '9e' ? 1 : 2, true], slot)
    assert.is((await on(0, `verify ${slot} ${at('letter')} ${at(slot)}`)).valid, true)
  }
  assert.is((await on(4, `sign 9c ${at('letter')}`)).error.code, 'ERR_PIN_REQUIRED')
  const oaep = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha256']
  openssl('pkeyutl', '-encrypt', '-inkey', at('rsa.pem'), '-in', at('letter'), '-out', at('secret'), ...oaep)
  const { plaintext } = await on(0, `decrypt 9d ${at('secret')}`, '--pin-file', pins)
  assert.is(Buffer.from(plaintext, 'base64').toString(), 'a letter')
})

test('a key of policy once is used without a question while the PIN is verified, whoever did that', async () => {
  const other = await openCard({ reader: pcscd.readers[0] })
  await on(4, `sign 9a ${at('letter')} -o ${at('9a')}`)
  await other.verifyPin(PIN)
  await on(0, `sign 9a ${at('letter')} -o ${at('9a')}`)
  await on(4, `sign 9c ${at('letter')} -o ${at('9c')}`)
  await other.close()
  await on(4, `sign 9a ${at('letter')} -o ${at('9a')}`)
})

test('the last try is kept, and given up only where it is said', async () => {
  for (let left = 4; left > 0; left -= 1) {
    const { error } = await on(4, `sign 9c ${at('letter')}`, ...withPins('000000'))
    assert.is(error.triesLeft, left)
  }
  const uses = commands(0x87)
  const kept = await on(7, `sign 9c ${at('letter')}`, '--pin-file', pins)
  assert.equal([kept.error.code, kept.error.triesLeft], ['ERR_PIN_LAST_TRY', 1])
  await on(7, 'pin verify', '--pin-file', pins)
  assert.is(commands(0x87), uses)
  await on(0, `sign 9c ${at('letter')} --last-try`, '--pin-file', pins)
})

test('certificates and objects', async () => {
  await on(0, 'cert self-sign 9a', ...ADMIN, '--pin-file', pins)
  await on(0, 'cert self-sign 9c', ...ADMIN, '--pin-file', pins)
  for (const slot of ['9a', '9c', '9d']) await on(0, `cert request ${slot} --subject CN=Maria`, '--pin-file', pins)
  assert.is((await on(0, 'cert list')).length, 2)
  const { certificate } = await on(0, 'cert export 9a')
  writeFileSync(at('certificate.pem'), certificate)
  await on(0, 'cert show 9a')
  await on(0, 'cert delete 9a --yes', ...ADMIN)
  await on(8, 'cert show 9a')
  await on(0, `cert import 9a ${at('certificate.pem')} --yes`, ...ADMIN)
  await on(0, `object put 5fff11 ${at('letter')}`, ...ADMIN)
  assert.ok((await on(0, 'object list')).length > 4)
  await on(0, 'object get 5fff11')
  await on(0, 'object get printed-information', '--pin-file', pins)
  await on(0, `object put certificate-9e ${at('9a')}`, ...ADMIN)
  await on(0, 'object delete certificate-9e --yes', ...ADMIN)
})

test('enrolment: what is due, and a CA that is not there', async () => {
  const { due } = await on(1, 'needs-renewal')
  assert.is(due, false)
  assert.is((await on(0, 'needs-renewal 9a --within 400')).due, true)
  const nowhere = ['--est', 'https://127.0.0.1:1', ...ADMIN, '--pin-file', pins]
  assert.is((await on(1, 'enroll 9d --subject CN=Maria', ...nowhere)).error.code, 'ERR_CA_UNAVAILABLE')
  await on(0, 'enroll 9d --abandon --yes', ...ADMIN)
})

test('what there is to know of the card, in words as well', async () => {
  const told = await on(0, 'info')
  assert.equal(
    [told.kind, told.state, told.beyond.adminKey],
    ['reader', 'ready', { algorithm: 'AES-192', isDefault: false }],
  )
  assert.equal(
    told.certificates.map(({ slot }: { slot: string }) => slot),
    ['9a', '9c'],
  )
  const { stdout } = await tessera(['info', 'reader:virtual'])
  for (const word of ['reader:Virtual PCD 00 00', '5 of 5 tries left', 'AES-192', 'PIN always', 'Certificates'])
    assert.match(stdout, word)
  assert.is((await on(0, 'list')).length, 1)
})

test('at a terminal the admin key is asked for, and not shown', async () => {
  const key = hex(ADMIN_KEY)
  const { screen, code } = await converse(`${SHELL_PROGRAM} key generate 95 --card reader:virtual`, [
    { see: 'Admin key', type: '0001\r' },
    { see: 'Admin key', type: `${key}\r` },
  ])
  assert.is(code, 0, screen)
  assert.match(screen, 'BEGIN PUBLIC KEY')
  assert.not.match(screen, key)
  await on(0, 'key delete 95 --yes', ...ADMIN)
})

test('another admin key: of 3DES, the default one, one that nobody has', async () => {
  const triple = secretFile(at('triple'), `3DES:${hex(randomBytes(24))}`)
  assert.is((await on(0, `admin-key change ${triple}`, ...ADMIN)).adminKey.algorithm, '3DES')
  await on(4, `object put 5fff11 ${at('letter')}`, ...ADMIN)
  const said = secretFile(at('said'), readFileSync(triple, 'utf8').trim().slice('3DES:'.length))
  // The card says that its key is of 3DES.
  assert.equal((await on(0, 'admin-key change default', '--admin-key-file', said)).adminKey, {
    algorithm: '3DES',
    isDefault: true,
  })
  assert.ok((await on(0, 'info')).warnings.length === 1)
  const known = secretFile(at('known'), '010203040506070801020304050607080102030405060708')
  await on(0, 'admin-key protect --yes', '--admin-key-file', known, '--pin-file', pins)
  await on(0, `admin-key change ${known}`, '--pin-file', pins)
  await on(0, 'admin-key change random', '--admin-key-file', known)
  await on(4, 'admin-key change random', '--admin-key-file', known)
})

test('what is about cards in the TPM alone says so, and so do arguments', async () => {
  for (const line of [
    'create work',
    'rename a b',
    'reset a --yes',
    'destroy a --yes',
    'serve a',
    'station a',
    'run true',
  ]) {
    const { error } = await on(8, line)
    assert.equal([error.code, /in the TPM of this machine/.test(error.message)], ['ERR_NOT_SUPPORTED', true], line)
  }
  for (const line of ['rename reader:virtual b', 'destroy reader:virtual --yes', 'serve reader:virtual']) {
    assert.is((await tessera(line.split(' '))).code, 8, line)
  }
})

test('programs and tests are run with a card in the TPM alone', async () => {
  for (const words of ['run', 'lab']) {
    // What follows the program is its own.
    const { code, stderr } = await tessera(['--json', '--card', 'reader:virtual', words, 'true'])
    assert.is(code, 8, stderr)
    assert.is(JSON.parse(stderr).error.code, 'ERR_NOT_SUPPORTED')
    seenWords.add(words)
  }
})

test('PKCS #11: a module file for the card in the reader', async () => {
  assert.match((await on(0, 'pkcs11 --module-file')).remote, 'reader:virtual')
})

test('signing in: by a certificate that is there, and for whom it is', async () => {
  assert.is(
    (await on(8, 'signin maria@lab.example --service https://127.0.0.1:1')).error.code,
    'ERR_CERTIFICATE_ABSENT',
  )
  const there = 'signin maria@lab.example --service https://127.0.0.1:1 --slot 9a'
  assert.is((await on(1, there, '--pin-file', pins)).error.code, 'ERR_SERVICE_UNAVAILABLE')
})

/** Commands that are about no card. */
const NO_CARD =
  /^(web|trace .*|validate compare|doctor|attest verify|completion|help-desk .*|lab-ca .*|signout|accounts|forget)$/

test('what is about no card takes no notice', async () => {
  assert.is((await tessera(['completion', 'bash', '--card', 'reader:virtual'])).code, 0)
  assert.is((await tessera(['doctor', '--card', 'reader:virtual'])).code, 0)
})

test('a report', async () => {
  const { failed, passed } = await on(0, `validate run --only edge.01 --out ${at('report')}`)
  assert.equal([failed, passed], [0, 1])
})

test('every command of the table was tried', () => {
  const words = COMMANDS.map((row) => row.words).filter((name) => !NO_CARD.test(name))
  assert.equal([...seenWords].sort(), words.sort())
})

test('a card without anything beyond PIV: what it has no command for is refused, and why', async () => {
  await pull()
  await insert(BEYOND)
  await on(0, 'key generate 9a', ...ADMIN)
  assert.equal(await on(0, 'key list'), [], 'nobody says of it yet')
  for (const line of [`key import 82 ${at('ec.pem')}`, 'admin-key change random', 'key attest 9a']) {
    const { error } = await on(8, line, ...(line.startsWith('key attest') ? [] : ADMIN))
    assert.equal([error.code, /no command for this/.test(error.message)], ['ERR_NOT_SUPPORTED', true], line)
  }
  const { keys, beyond, pin } = await on(0, 'info')
  assert.equal([keys, beyond, pin.triesLeft, pin.tries], [[], undefined, 5, null])
  assert.match((await tessera(['info', 'reader:virtual'])).stdout, 'found by their certificates')
  const { pin: status, puk } = await on(0, 'pin status')
  assert.equal([status.tries, puk], [null, { triesLeft: null, tries: null }])
})

test('a card in a reader that is no PIV card', async () => {
  inserted.intercept = () => octets('6d00')
  for (const line of ['info', 'pin status', 'key list'])
    assert.is((await on(3, line)).error.code, 'ERR_CARD_NOT_FOUND', line)
})

test.run()
