// takes: 15 s
// Signing in by a signed challenge, with a card in the embedded TPM, at the sample service.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { accounts, forget, signIn } from '../../src/index.ts'
import { tempDir } from '../support/temp.ts'
import { ALICE, makeCard, PIN, refusedWith, startLab, startRelyingParty } from './support.ts'

const home = tempDir('home')
const lab = await startLab()
const service = await startRelyingParty(lab)
await (await makeCard(lab, { home, name: 'work' })).close()
test.after(async () => {
  await service.stop()
  await lab.close()
})

test('signed in, remembered, signed in again with the address alone, signed out, forgotten', async () => {
  const first = await signIn({
    address: ALICE,
    service: service.url,
    ca: service.ca,
    method: 'challenge',
    pin: PIN,
    home,
  })
  assert.equal(
    [first.user, first.address, first.how, first.slot, first.card.name],
    ['alice', ALICE, 'challenge', '9a', 'work'],
  )
  assert.equal(await (await first.fetch('/session', { headers: { Accept: 'application/json' } })).json(), {
    ...{ user: 'alice', address: ALICE, how: 'challenge', expires: first.expires.toISOString() },
  })
  const [listed] = await accounts({ home })
  assert.ok(listed && 'address' in listed)
  assert.equal([listed.signedIn?.pid, listed.signedIn?.socket], [process.pid, undefined])
  assert.equal(await first.signOut(), { reason: 'signed-out', told: true })
  await refusedWith('ERR_SIGNED_OUT', first.fetch('/'))
  let asked = 0
  const pin = () => {
    asked += 1
    return PIN
  }
  const second = await signIn({ address: ALICE.toUpperCase(), pin, home })
  assert.is(asked, 1)
  await second.signOut()
  assert.equal(await forget(ALICE, { home }), { signedOut: false })
  assert.equal(await accounts({ home }), [])
  await refusedWith('ERR_ACCOUNT_UNKNOWN', signIn({ address: ALICE, pin: PIN, home }))
})

test.run()
