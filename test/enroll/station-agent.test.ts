// takes: 30 s
// The enrolment station on behalf of others: an agent's certificate signs (web enrolment) or logs in (EST), for a card
// that the station makes and for one in a reader.
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openChannel } from '../../src/cards/index.ts'
import { rememberedCa } from '../../src/enroll/remembered-ca.ts'
import { cardInfo, openCard } from '../../src/index.ts'
import { openRegistrationAuthority } from '../../src/lab-ca/registration-authority.ts'
import { putUser } from '../../src/lab-ca/users.ts'
import { type Result, secretFile, tessera } from '../cli/cli.ts'
import { type Lab, startLab } from '../lab-ca/support.ts'
import { seen } from '../pcsc/cards.ts'
import { startPcscd } from '../support/pcscd.ts'
import { tempDir } from '../support/temp.ts'
import { insertCard } from '../support/vpcd.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'
const at = (name: string) => join(home, name)
const PIN = '94735182'
const OTHER_PIN = '60718293'
const password = secretFile(at('password'), 'long enough')
const agentPin = secretFile(at('agent-pin'), PIN)
const login = ['--user', 'officer', '--password-file', password]
const asAgent = ['--agent', 'desk', '--agent-pin-file', agentPin]
const certsrv = ({ url, certificateFile }: Lab) => ['--certsrv', url, '--ca-file', certificateFile]
const est = ({ url, certificateFile }: Lab) => ['--est', url, '--ca-file', certificateFile]
const forAlice = ['--on-behalf-of', 'LAB\\alice', '--template', 'SmartcardUser']
let lab: Lab
let slow: Lab

async function run(code: number, ...words: string[]): Promise<Result> {
  const result = await tessera(words)
  assert.is(result.code, code, result.stderr)
  assert.not.match(result.stdout + result.stderr, PIN)
  return result
}

test.before(async () => {
  lab = await startLab()
  slow = await startLab({ directory: lab.directory.path, pending: true })
  await putUser(lab.directory, { name: 'officer', password: Buffer.from('long enough'), agent: true })
  await run(0, 'create', 'desk', '--pin', secretFile(at('pin'), PIN))
  const own = ['--card', 'desk', 'enroll', '9a', ...est(lab), ...login, '--pin-file', agentPin]
  await run(0, ...own, '--template', 'enrollment-agent')
})
test.after(async () => {
  await slow?.close()
  await lab?.close()
})

const last = async () => (await (await openRegistrationAuthority(lab.directory.path)).entries()).at(-1)

async function caOf(card: string) {
  const open = await openCard(card)
  const ca = await rememberedCa(open, '9a')
  await open.close()
  return ca
}

test('web enrolment: the agent signs, the holder gets the certificate and renews in person', async () => {
  const { stdout } = await run(0, 'station', 'maria', ...certsrv(lab), ...login, ...forAlice, ...asAgent)
  assert.match(stdout, /^Holder: +CN=alice$/m)
  const entry = await last()
  assert.equal([entry?.user, entry?.by], ['alice', 'officer'])
  assert.is((await cardInfo('maria')).mustChangePin, true)
  const { login: how, user } = (await caOf('maria')) ?? {}
  assert.equal([how, user], ['password', 'LAB\\alice'])
})

test('EST: the agent logs in by certificate, and the request names the holder', async () => {
  const forBob = ['--on-behalf-of', 'bob@lab.example', '--template', 'smartcard-user']
  const { stdout } = await run(0, 'station', 'paul', ...est(lab), ...forBob, ...asAgent)
  assert.match(stdout, /^Holder: +CN=bob$/m)
  const entry = await last()
  assert.equal([entry?.user, entry?.by], ['bob', 'officer'])
  const { login: how, user } = (await caOf('paul')) ?? {}
  assert.equal([how, user], ['certificate', undefined])
})

test('the CA decides later: the same command goes on, and needs no agent for that', async () => {
  await run(11, 'station', 'anna', ...certsrv(slow), ...login, ...forAlice, ...asAgent)
  const { id } = (await last()) ?? {}
  await (await openRegistrationAuthority(lab.directory.path)).approve(id ?? 0)
  const { stdout } = await run(0, 'station', 'anna', ...certsrv(slow), ...login, ...forAlice, ...asAgent)
  assert.match(stdout, /^Holder: +CN=alice$/m)
})

test('a certificate that makes no agent signs for nobody, and nothing is sent', async () => {
  const before = (await last())?.id
  const alice = ['--agent', 'paul', '--agent-pin-file', secretFile(at('paul-pin'), '12345678')]
  const { stderr } = await run(7, 'station', 'eve', ...certsrv(lab), ...login, ...forAlice, ...alice)
  assert.match(stderr, 'ERR_CERTIFICATE_UNFIT')
  assert.match(stderr, 'certificate-request-agent')
  assert.is((await last())?.id, before)
})

test('for whom and by whom belong together, and EST wants no other login', async () => {
  const refused = async (...words: string[]) => (await run(2, 'station', 'zoe', ...words)).stderr
  assert.match(await refused(...certsrv(lab), ...login, ...forAlice), '--agent CARD')
  assert.match(await refused(...certsrv(lab), ...login, ...asAgent), '--on-behalf-of USER')
  assert.match(await refused(...est(lab), ...login, ...forAlice, ...asAgent), 'is the login')
  assert.match(await refused(...est(lab), ...forAlice, ...asAgent), 'NAME@DOMAIN')
})

test('a card in a reader: with its own PIN and admin key, by station and by enroll', async () => {
  await run(0, 'create', 'other', '--pin', secretFile(at('first'), OTHER_PIN))
  const pcscd = await startPcscd()
  const channel = await openChannel('other')
  const inserted = await insertCard(pcscd.ports[0], channel)
  await seen(pcscd.readers[0], true)
  try {
    const named = `reader:${pcscd.readers[0]}`
    const adminKey = secretFile(at('admin-key'), '010203040506070801020304050607080102030405060708')
    const rights = ['--pin-file', secretFile(at('reader-pin'), OTHER_PIN), '--admin-key-file', adminKey]
    const ca = [...certsrv(lab), ...login, ...asAgent]
    const { stdout } = await run(0, 'station', named, ...ca, ...forAlice, ...rights)
    assert.match(stdout, /^Holder: +CN=alice$/m)
    assert.match(stdout, `tessera --card ${named} pin change`)
    const { stdout: json } = await run(
      0,
      ...['--json', '--card', named, 'enroll', '9c', ...ca, ...rights, '--template', 'SmartcardUser'],
      ...['--on-behalf-of', 'bob'],
    )
    assert.is(JSON.parse(json).subject, 'CN=bob')
    const { stderr } = await run(2, 'station', named, ...ca, ...forAlice, '--puk', 'none')
    assert.match(stderr, '--puk is for a card that the station makes')
  } finally {
    await inserted.pull()
    await channel.close()
    await pcscd.stop()
  }
})

test.run()
