// takes: 30 s
// The enrolment station: a card for somebody else, whose keys serve nobody before its first PIN is changed.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openChannel } from '../../src/cards/index.ts'
import { prepareCard } from '../../src/enroll/index.ts'
import { cardInfo, openCard, PinError } from '../../src/index.ts'
import { openRegistrationAuthority } from '../../src/lab-ca/registration-authority.ts'
import { type Result, secretFile, tessera } from '../cli/cli.ts'
import { type Lab, PASSWORDS, startLab } from '../lab-ca/support.ts'
import { refused } from '../library/refusal.ts'
import { seen } from '../pcsc/cards.ts'
import { startPcscd } from '../support/pcscd.ts'
import { tempDir } from '../support/temp.ts'
import { insertCard } from '../support/vpcd.ts'
import { testCa } from './support/ca.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'
const at = (name: string) => join(home, name)
const message = Buffer.from('a message')
let lab: Lab
let slow: Lab

test.before(async () => {
  lab = await startLab()
  slow = await startLab({ pending: true })
})
test.after(async () => {
  await lab?.close()
  await slow?.close()
})

const station = (name: string, where: Lab, ...more: string[]): Promise<Result> => {
  const login = ['--user', 'alice', '--password-file', secretFile(at('password'), PASSWORDS.alice)]
  const ca = ['--est', where.url, '--ca-file', where.certificateFile, ...login, '--template', 'smartcard-user']
  return tessera(['station', name, ...ca, ...more])
}

/** What the use of a key answers. */
async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'ok',
    (error: unknown) => (error instanceof PinError ? [error.code, error.sw] : error),
  )
}

test('with the default PIN: made, enrolled, and to be changed; the sheet says all that the user needs', async () => {
  const { code, stdout, stderr } = await station('maria', lab)
  assert.is(code, 0, stderr)
  for (const said of [
    'The card is ready to hand over.',
    /^Card: +maria$/m,
    /^Id: +[0-9a-f]{32}$/m,
    /^Holder: +CN=alice$/m,
    /^Account: +alice@lab.example$/m,
    /^First PIN: +12345678 \(everybody knows it\)$/m,
    'tessera --card maria pin change',
  ]) {
    assert.match(stdout, said)
  }
  const { mustChangePin, defaults, certificates } = await cardInfo('maria')
  assert.equal([mustChangePin, defaults.includes('pin'), certificates.length], [true, true, 1])
})

test('a card that is finished is not enrolled again', async () => {
  const before = readFileSync((await cardInfo('maria')).path)
  const { code, stderr } = await station('maria', lab)
  assert.is(code, 2)
  assert.match(stderr, "Card 'maria' is ready to hand over already")
  assert.match(stderr, 'ERR_CARD_EXISTS')
  assert.equal(readFileSync((await cardInfo('maria')).path), before)
})

test('no key serves before the PIN is changed: exit code 7, and 6985 through PC/SC', async () => {
  const pin = secretFile(at('pin'), '12345678')
  writeFileSync(at('message'), message)
  assert.is(
    (await tessera(['--card', 'maria', 'sign', '9a', at('message'), '-o', at('signature'), '--pin-file', pin])).code,
    7,
  )
  // What the station has is offered to no program, whatever it asks for.
  const asked = { name: 'maria', firstPinServes: true }
  const opened = await openCard(asked)
  assert.equal(await codeOf(opened.sign('9a', message, { pin: '12345678' })), ['ERR_PIN_CHANGE_REQUIRED', 0x6985])
  await opened.close()
  const pcscd = await startPcscd()
  const channel = await openChannel('maria')
  const inserted = await insertCard(pcscd.ports[0], channel)
  await seen(pcscd.readers[0], true)
  const card = await openCard({ reader: pcscd.readers[0] })
  assert.equal(await codeOf(card.sign('9a', message, { pin: '12345678' })), ['ERR_PIN_CHANGE_REQUIRED', 0x6985])
  await card.changePin({ pin: '12345678', newPin: '135790' })
  assert.is(await codeOf(card.sign('9a', message, { pin: '135790' })), 'ok')
  await card.close()
  await inserted.pull()
  await channel.close()
  await pcscd.stop()
  assert.is((await cardInfo('maria')).mustChangePin, false)
})

test('a card that somebody uses is not touched', async () => {
  const { code, stderr } = await station('maria', lab)
  assert.is(code, 2)
  assert.match(stderr, 'ERR_CARD_EXISTS')
})

test('a given PIN is not printed, and has to be changed too', async () => {
  const { code, stdout, stderr } = await station(
    'paul',
    lab,
    '--pin',
    secretFile(at('first'), '778899'),
    '--slot',
    '9c',
    '--puk',
    'none',
  )
  assert.is(code, 0, stderr)
  assert.not.match(stdout + stderr, '778899')
  assert.match(stdout, /^First PIN: +in .*first$/m)
  assert.match(stdout, /^PUK: +no PUK$/m)
  assert.match(stdout, /^Slot: +9c$/m)
  const card = await openCard('paul')
  assert.equal(await codeOf(card.sign('9c', message, { pin: '778899' })), ['ERR_PIN_CHANGE_REQUIRED', 0x6985])
  await card.close()
})

test('the CA has not decided: exit code 11, and the same command goes on with the card', async () => {
  const first = await station('anna', slow)
  assert.is(first.code, 11, first.stderr)
  assert.match(first.stdout, "to finish card 'anna'")
  const { cardId } = await cardInfo('anna')
  const card = await openCard('anna')
  assert.equal(await codeOf(card.sign('9a', message, { pin: '12345678' })), ['ERR_PIN_CHANGE_REQUIRED', 0x6985])
  await card.close()
  const registration = await openRegistrationAuthority(slow.directory.path)
  await registration.approve(1)
  const { code, stdout, stderr } = await station('anna', slow, '--wait', '2')
  assert.is(code, 0, stderr)
  assert.match(stdout, cardId)
})

test('its first user renews with nothing but --renew: the CA is remembered', async () => {
  const change = secretFile(at('change'), '12345678', '135790')
  assert.is((await tessera(['--card', 'anna', 'pin', 'change', '--pin-file', change])).code, 0)
  const login = ['--password-file', at('password'), '--pin-file', secretFile(at('new-pin'), '135790')]
  const renew = ['--card', 'anna', 'enroll', '9a', '--renew', ...login]
  assert.is((await tessera(renew)).code, 11)
  const registration = await openRegistrationAuthority(slow.directory.path)
  await registration.approve(2)
  const { code, stderr } = await tessera([...renew, '--wait', '2'])
  assert.is(code, 0, stderr)
})

test('the last try is kept unless --last-try', async () => {
  const login = ['--user', 'alice', '--password-file', at('password'), '--template', 'none']
  const refusing = ['--est', lab.url, '--ca-file', lab.certificateFile, ...login]
  const right = ['--pin', secretFile(at('right'), '778899'), '--pin-tries', '3']
  const wrong = ['--pin', secretFile(at('wrong'), '998877')]
  assert.is((await tessera(['station', 'zoe', ...refusing, ...right])).code, 10)
  for (let left = 2; left > 0; left -= 1) assert.is((await station('zoe', lab, ...wrong)).code, 4)
  const kept = await station('zoe', lab, ...right)
  assert.is(kept.code, 7)
  assert.match(kept.stderr, 'use --last-try')
  const { code, stderr } = await station('zoe', lab, ...right, '--last-try')
  assert.is(code, 0, stderr)
})

test('the library: a refusal leaves the card for the next call, with the same PIN', async () => {
  const ca = testCa()
  ca.plan = ['refuse']
  const options = { card: { name: 'otto', home, pin: '424242' }, enroll: { ca } } as const
  await refused('ERR_CA_REFUSED', 10, () => prepareCard(options))
  await refused('ERR_PIN_WRONG', 4, () => prepareCard({ ...options, card: { ...options.card, pin: '424243' } }))
  const { card, enrollment } = await prepareCard(options)
  assert.equal([card.mustChangePin, enrollment.state], [true, 'enrolled'])
})

for (const [name, plan] of [
  ['vera', 'refuse'],
  ['wanda', 'pending'],
] as const) {
  test(`made again with another PIN after ${plan}: the last try is left for who knows it`, () => lastTry(name, plan))
}

async function lastTry(name: string, plan: 'refuse' | 'pending'): Promise<void> {
  const ca = testCa()
  ca.plan = [plan]
  const card = { name, home, pin: '424242', pinTries: 3 }
  const first = await prepareCard({ card, enroll: { ca } }).catch(({ code }) => code)
  assert.ok(first === 'ERR_CA_REFUSED' || first.enrollment.state === 'pending')
  const wrong = () => prepareCard({ card: { ...card, pin: '424243' }, enroll: { ca, wait: 600 } })
  for (let left = 2; left > 0; left -= 1) await refused('ERR_PIN_WRONG', 4, wrong)
  await refused('ERR_PIN_LAST_TRY', 7, wrong)
  const open = await openCard({ name, home })
  await open.verifyPin('424242')
  await open.close()
  assert.is((await prepareCard({ card, enroll: { ca } })).enrollment.state, 'enrolled')
}

test.run()
