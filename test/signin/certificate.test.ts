// takes: 15 s
// Signing in by the certificate in TLS, with a card in the embedded TPM, at the sample service.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { signIn } from '../../src/index.ts'
import { tempDir } from '../support/temp.ts'
import { ALICE, makeCard, PIN, startLab, startRelyingParty } from './support.ts'

const home = tempDir('home')
const lab = await startLab()
const service = await startRelyingParty(lab)
await (await makeCard(lab, { home, name: 'work' })).close()
test.after(async () => {
  await service.stop()
  await lab.close()
})

test('by the certificate', async () => {
  const session = await signIn({ address: ALICE, service: service.url, ca: service.ca, pin: PIN, home })
  assert.equal([session.user, session.how], ['alice', 'certificate'])
  assert.match(await (await session.fetch('/')).text(), 'Signed in as alice')
  assert.equal(await session.signOut(), { reason: 'signed-out', told: true })
})

test.run()
