// takes: 15 s
// A card that is to be like a YubiKey (`create --as yubikey`): ykman and yubico-piv-tool find the first state that they know,
// at first and after RESET, and work with nothing but its secrets.
import { createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FIRST_STATE } from '../../src/piv/first-state.ts'
import { NEW_PIN, NEW_PUK, type Served, type ServedCard, startServed } from './support/served.ts'
import { file, newFile, says, succeeded } from './support/tools.ts'
import { actions, ykman, yubicoTool } from './support/yubico.ts'

const { pin: PIN, puk: PUK } = FIRST_STATE.yubikey
/** What ykman asks for instead of the admin key: nothing typed is the default. */
const DEFAULT_KEY = ''

let served: Served
let card: ServedCard
test.before(async () => {
  served = await startServed(['none'], { model: 'yubikey' })
  const [only] = served.cards
  if (only === undefined) throw new Error('no card')
  card = only
})
test.after(() => served?.stop())

const well = (secrets: readonly string[], ...words: string[]) => succeeded(ykman(card.reader)(secrets, ...words))

const tool = (secrets: readonly string[], ...words: string[]) => succeeded(yubicoTool(card.reader)(secrets, ...words))

/** Of version 5.4.3 after RESET. */
async function isNew(): Promise<void> {
  const info = await well([], 'info')
  for (const said of [/Using default PIN!/, /Using default Management key!/]) says(info, said)
  says(info, /^Management key algorithm: +TDES$/m)
  await card.look(async (one) => {
    assert.is((await one.pinStatus()).puk?.isDefault, true)
    await one.verifyPin(PIN)
    assert.is(await one.getObject('printed-information'), undefined)
    assert.not((await one.objects()).some(({ name }) => name === 'printed-information'))
  })
  const issuer = newFile()
  await well([], 'certificates', 'export', 'f9', issuer)
  assert.ok(new X509Certificate(readFileSync(issuer)).subject.includes('Attestation'))
}

const life = async () => {
  const [made, signed] = [newFile(), newFile()]
  await tool([], ...actions('generate'), '--slot', '9a', '--algorithm', 'ECCP256', '--output', made)
  const certificate = await served.issuer.certify('9a', createPublicKey(readFileSync(made)), 'as a YubiKey')
  const pem = file(certificate.toString())
  await tool([], ...actions('import-certificate'), '--slot', '9a', '--input', pem)
  // The first PIN serves programs.
  await tool([PIN], ...actions('verify-pin', 'test-signature'), '--slot', '9a', '--input', pem)
  await tool([], ...actions('attest'), '--slot', '9a', '--output', signed)
  const said = await yubicoTool(card.reader)([], ...actions('attest'), '--slot', '9d')
  assert.is.not(said.code, 0)
}

const secrets = async () => {
  const twice = (secret: string): string[] => [secret, secret]
  await well([PUK, ...twice(NEW_PUK)], 'access', 'change-puk')
  const isFirst = () => card.look(async (one) => (await one.pinStatus()).puk?.isDefault)
  assert.is(await isFirst(), false)
  await well([NEW_PUK, ...twice(PUK)], 'access', 'change-puk')
  await well([PIN, ...twice(NEW_PIN)], 'access', 'change-pin')
}

test('a new card', isNew)
test('yubico-piv-tool makes a key with the default admin key, and uses it with the first PIN', life)
test('PIN and PUK are changed, the PUK also back to the first one', secrets)

test('ykman protects the management key with the PIN, and needs the PIN alone from then on', async () => {
  await well([DEFAULT_KEY, NEW_PIN], 'access', 'change-management-key', '--generate', '--protect')
  says(await well([], 'info'), /Management key is stored on the YubiKey, protected by PIN/)
  const key = newFile()
  await well([NEW_PIN], 'keys', 'generate', '--algorithm', 'ECCP384', '9d', key)
  await well([NEW_PIN], 'certificates', 'generate', '--subject', 'CN=by PIN', '9d', key)
})

test('after RESET it is new again, and does all of it again', async () => {
  says(await well([], 'reset', '--force'), /All PIV data (has|have) been cleared/)
  await isNew()
  await life()
  await secrets()
})

test.run()
