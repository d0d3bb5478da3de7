// takes: 15 s
// Renewal by itself of a card in a reader: the timer's command renews when the card is there, and says so when it is not.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openChannel } from '../../src/cards/index.ts'
import { cardInfo, openCard } from '../../src/index.ts'
import { PASSWORDS, startLab } from '../lab-ca/support.ts'
import { seen } from '../pcsc/cards.ts'
import { root } from '../runner/jobs.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { tempDir } from '../support/temp.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'
import { SHELL_PROGRAM, secretFile, tessera } from './cli.ts'
import { Checker, type SchemaFile } from './schema.ts'
import { converse } from './terminal.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'
process.env.XDG_CONFIG_HOME = home
const at = (name: string) => join(home, name)
const PIN = '94735182'
const ADMIN_KEY = '00112233445566778899aabbccddeeff0123456789abcdef'
const pin = secretFile(at('pin'), PIN)
const password = secretFile(at('password'), PASSWORDS.alice)
const adminKey = secretFile(at('admin-key'), ADMIN_KEY)
const other = secretFile(at('other-key'), ADMIN_KEY.replaceAll('0', '1'))
const units = at('systemd/user')
const checker = new Checker(JSON.parse(readFileSync(join(root, 'docs/cli.schema.json'), 'utf8')) as SchemaFile)
const lab = await startLab()
const slow = await startLab({ directory: lab.directory.path, pending: true })
let pcscd: Pcscd
let cardId: string

async function run(code: number, ...argv: string[]): Promise<string> {
  const { code: found, stdout, stderr } = await tessera(argv)
  assert.is(found, code, `${argv.join(' ')}: ${stderr}`)
  assert.not.match(stdout + stderr, PIN)
  return stdout + stderr
}

/** A card of the TPM in the reader while `work` runs. */
async function inReader<T>(name: string, work: (inserted: Inserted) => Promise<T>): Promise<T> {
  const channel = await openChannel(name)
  const inserted = await insertCard(pcscd.ports[0], channel)
  await seen(pcscd.readers[0], true)
  try {
    return await work(inserted)
  } finally {
    if (!inserted.pulled) await inserted.pull()
    await seen(pcscd.readers[0], false)
    await channel.close()
  }
}

test.before(async () => {
  pcscd = await startPcscd()
  for (const name of ['work', 'another']) await run(0, 'create', name, '--pin', pin, '--admin-key', adminKey)
  const login = ['--user', 'alice', '--password-file', password]
  const ca = ['--est', lab.url, '--ca-file', lab.certificateFile]
  await run(0, '--card', 'work', 'enroll', '9a', ...ca, ...login, '--pin-file', pin)
  cardId = (await cardInfo('work')).cardId
})
test.after(async () => {
  await pcscd?.stop()
  await slow.close()
  await lab.close()
})

const named = () => `reader:${pcscd.readers[0]}`
const timer = () => ['--card', named(), 'needs-renewal', '9a']
const secrets = ['--pin-file', pin, '--password-file', password]
const unit = () => readdirSync(units).find((name) => name.endsWith('.service')) ?? ''

/** What the service runs. */
const words = () =>
  Array.from(/^ExecStart=(.*)$/m.exec(readFileSync(join(units, unit()), 'utf8'))?.[1]?.matchAll(/"([^"]*)"/g) ?? [])
    .slice(2)
    .map(([, word = '']) => word)

const serial = async () =>
  (JSON.parse(await run(0, '--card', 'work', 'cert', 'show', '9a', '--json')) as { serialNumber: string }).serialNumber
const notes = () => readdirSync(at('enrolments')).filter((name) => name.endsWith('.renewal'))
/** VERIFY with a PIN. */
const pinWasSent = ({ commands }: Inserted) => commands.some(([, ins, , , length = 0]) => ins === 0x20 && length > 0)

test('it is installed with the admin key too, once both are right', () =>
  inReader('work', async (inserted) => {
    assert.match(await run(2, ...timer(), '--install-timer', ...secrets), '--admin-key-file FILE')
    await run(4, ...timer(), '--install-timer', ...secrets, '--admin-key-file', other)
    assert.not(pinWasSent(inserted))
    const said = await run(0, ...timer(), '--install-timer', ...secrets, '--admin-key-file', adminKey)
    assert.match(said, 'when the card is there')
    const [, start = ''] = /systemctl --user start (.*)$/m.exec(said) ?? []
    assert.match(start, /^tessera-renewal-reader:[A-Za-z0-9.:_-]+-9a\.timer$/)
    assert.ok(readdirSync(units).includes(start))
    assert.match(readFileSync(join(units, start), 'utf8'), /^OnCalendar=hourly$/m)
    const files = ['--pin-file', pin, '--password-file', password, '--admin-key-file', adminKey]
    const wanted = ['--card', named(), 'enroll', '9a', '--renew', '--if-due', '--card-id', cardId, ...files]
    assert.equal(words().slice(0, wanted.length), wanted)
  }))

test('the card is there: nothing before it is time, then it is renewed', async () => {
  const before = await serial()
  await inReader('work', async (inserted) => {
    assert.match(await run(0, ...words()), 'Nothing is due')
    assert.not(pinWasSent(inserted))
  })
  assert.is(await serial(), before)
  await inReader('work', () => run(0, ...words(), '--within', '9000'))
  assert.is.not(await serial(), before)
})

test('no card, or another one: said, and no failure; no PIN is sent', async () => {
  assert.match(await run(0, ...words(), '--within', '9000'), 'The card is not there')
  const json = await run(0, ...words(), '--within', '9000', '--json')
  assert.equal(checker.faults('enroll', JSON.parse(json)), [])
  await inReader('another', async (inserted) => {
    assert.match(await run(0, ...words(), '--within', '9000'), 'Another card is there')
    assert.not(pinWasSent(inserted))
  })
  assert.equal(notes(), [])
})

test('a card that claims the id, and does not have the admin key, gets no PIN; the failure is told', async () => {
  const card = await openCard('work')
  await card.verifyPin(PIN)
  await card.changeAdminKey('random')
  await card.changeAdminKey(Uint8Array.from(Buffer.from(ADMIN_KEY.replaceAll('0', '1'), 'hex')))
  await card.close()
  await inReader('work', async (inserted) => {
    await run(4, ...words(), '--within', '9000')
    assert.not(pinWasSent(inserted))
  })
  assert.is(notes().length, 1)
  const { screen } = await converse(`${SHELL_PROGRAM} accounts`, [])
  assert.match(screen, `of card '${named()}' could not be renewed`)
})

test('a renewal that succeeds ends that, and so does the end of the timer', async () => {
  const note = () => readFileSync(at(`enrolments/${notes()[0]}`))
  const kept = note()
  const card = await openCard('work')
  await card.verifyPin(PIN)
  await card.changeAdminKey(Uint8Array.from(Buffer.from(ADMIN_KEY, 'hex')))
  await card.close()
  await inReader('work', () => run(0, ...words(), '--within', '9000'))
  assert.equal(notes(), [])
  writeFileSync(at(`enrolments/${cardId}-9a.renewal`), kept)
  await run(0, ...timer(), '--remove-timer')
  assert.equal([notes(), readdirSync(units)], [[], ['timers.target.wants']])
})

test('nor does it get one where a renewal goes on that has its certificate already', async () => {
  const approve = async () => {
    const last = (await slow.registration.entries()).at(-1)
    await slow.registration.approve(last?.id ?? 0)
  }
  const enroll = ['enroll', '9a', '--est', slow.url, '--ca-file', slow.certificateFile, '--user', 'alice', ...secrets]
  await run(0, 'create', 'late', '--pin', pin, '--admin-key', adminKey)
  await run(11, '--card', 'late', ...enroll)
  await approve()
  await run(0, '--card', 'late', ...enroll, '--wait', '2')
  const renew = ['--card', named(), ...enroll, '--renew', '--if-due', '--within', '9000', '--admin-key-file']
  await inReader('late', () => run(11, ...renew, adminKey))
  await approve()
  await inReader('late', async (inserted) => {
    await run(4, ...renew, other, '--wait', '2')
    assert.not(pinWasSent(inserted))
  })
  await inReader('late', () => run(0, ...renew, adminKey, '--wait', '2'))
})

test('an id is for renewals that nobody watches', async () => {
  assert.match(await run(2, '--card', 'work', 'enroll', '9a', '--renew', '--card-id', cardId), '--if-due')
})

test.run()
