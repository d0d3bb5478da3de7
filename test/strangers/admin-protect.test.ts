// takes: 20 s
// An admin key behind the PIN, between Tessera and ykman in both directions: what one protects, the other uses with the
// PIN alone.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createCard } from '../../src/index.ts'
import { FIRST_STATE } from '../../src/piv/first-state.ts'
import { secretFile, tessera } from '../cli/cli.ts'
import { tempDir } from '../support/temp.ts'
import { ADMIN_KEY, type Served, type ServedCard, startServed, TRIES, WRONG_PIN } from './support/served.ts'
import { newFile, says, succeeded } from './support/tools.ts'
import { ykman } from './support/yubico.ts'

const { pin: PIN } = FIRST_STATE.yubikey
const IS_PROTECTED = /Management key is stored on the YubiKey, protected by PIN/
const pin = secretFile(newFile(), PIN)
const adminKey = secretFile(newFile(), ADMIN_KEY)

let served: Served
let card: ServedCard
test.before(async () => {
  served = await startServed(['none'], { model: 'yubikey' })
  const [only] = served.cards
  if (only === undefined) throw new Error('no card')
  card = only
})
test.after(() => served?.stop())

async function run(code: number, ...words: string[]): Promise<string> {
  const { code: found, stdout, stderr } = await tessera(['--card', `reader:${card.reader}`, ...words])
  assert.is(found, code, `${words.join(' ')}: ${stderr}`)
  return stdout + stderr
}
const well = (secrets: readonly string[], ...words: string[]) => succeeded(ykman(card.reader)(secrets, ...words))
const stored = () =>
  card.look(async (one) => {
    await one.verifyPin(PIN)
    return one.getObject('printed-information')
  })

test('before: a change wants the admin key', async () => {
  await run(4, 'key', 'generate', '9a', '--pin-file', pin)
  await run(4, 'admin-key', 'protect', '--pin-file', pin)
})

test('tessera protects it: nothing of the key is said, and the key of before is none any more', async () => {
  const said = await run(0, 'admin-key', 'protect', '--pin-file', pin, '--admin-key-file', adminKey)
  const [key] = [(await stored())?.subarray(4)]
  assert.is(key?.length, 24)
  assert.not.match(said.toLowerCase(), Buffer.from(key ?? []).toString('hex'))
  await run(4, 'key', 'generate', '9a', '--admin-key-file', adminKey)
})

test('commands that change the card take the PIN alone, once', async () => {
  await run(0, 'key', 'generate', '9a', '--pin-file', pin)
  await run(0, 'cert', 'self-sign', '9a', '--pin-file', pin)
  await run(0, 'object', 'put', '5fc106', pin, '--pin-file', pin)
  await run(0, 'object', 'delete', '5fc106', '--yes', '--pin-file', pin)
})

test('so does ykman', async () => {
  says(await well([], 'info'), IS_PROTECTED)
  await well([PIN], 'keys', 'generate', '--algorithm', 'ECCP384', '9d', newFile())
})

test('a wrong PIN costs a try, and the last one is not risked', async () => {
  const wrong = secretFile(newFile(), WRONG_PIN)
  for (let left = TRIES.pin; left > 1; left -= 1) await run(4, 'key', 'generate', '82', '--pin-file', wrong)
  await run(7, 'key', 'generate', '82', '--pin-file', wrong)
  await run(0, 'key', 'generate', '82', '--pin-file', pin, '--last-try')
})

test('protected again, the key is another one; another admin key ends it', async () => {
  const before = await stored()
  await run(0, 'admin-key', 'protect', '--pin-file', pin)
  assert.is.not(Buffer.from((await stored()) ?? []).toString('hex'), Buffer.from(before ?? []).toString('hex'))
  await run(0, 'admin-key', 'change', adminKey, '--pin-file', pin)
  assert.is(await stored(), undefined)
  assert.not.match((await well([], 'info')).stdout, IS_PROTECTED)
  await run(4, 'key', 'generate', '83', '--pin-file', pin)
  await run(0, 'key', 'generate', '83', '--admin-key-file', adminKey)
})

test('ykman protects it: tessera takes the PIN alone', async () => {
  await well([ADMIN_KEY, PIN], 'access', 'change-management-key', '--generate', '--protect')
  await run(0, 'key', 'generate', '9c', '--pin-file', pin)
  await run(0, 'admin-key', 'protect', '--pin-file', pin)
  await well([PIN], 'keys', 'generate', '--algorithm', 'ECCP256', '9e', newFile())
})

test('the library: what is in the object is not overwritten unasked', async () => {
  const printed = Uint8Array.of(0x01, 0x05, 0x4d, 0x61, 0x72, 0x69, 0x61)
  await card.look(async (one) => {
    await one.authenticateAdminByPin(PIN)
    await one.changeAdminKey({ algorithm: '3DES', key: Uint8Array.from(Buffer.from(ADMIN_KEY, 'hex')) })
    await one.putObject('printed-information', printed)
    assert.is(await one.isAdminKeyProtected(), false)
    const code = (error: { code?: string }) => error.code
    assert.is(await one.protectAdminKey(PIN).catch(code), 'ERR_DATA')
    assert.is(await one.authenticateAdminByPin(PIN).catch(code), 'ERR_NOT_SUPPORTED')
    assert.equal(await one.getObject('printed-information'), printed)
    await one.protectAdminKey(PIN, { overwrite: true })
    assert.is(await one.isAdminKeyProtected(), true)
  })
})

test('a card in the TPM has no use for it', async () => {
  process.env.TESSERA_HOME = tempDir('home')
  const made = await createCard({ name: 'work', tcti: 'embedded:', pin: '94735182' })
  const code = (error: { code?: string }) => error.code
  assert.is(await made.protectAdminKey('94735182', { overwrite: true }).catch(code), 'ERR_NOT_SUPPORTED')
  await made.close()
  const { code: exit, stderr } = await tessera(['--card', 'work', 'admin-key', 'protect', '--tcti', 'embedded:'])
  assert.is(exit, 8, stderr)
})

test.run()
