// takes: 20 s
// Signing in, by both methods, with cards in the embedded TPM and in swtpm, and each kind of key.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createCard } from '../../src/index.ts'
import { accounts, forget, signIn } from '../../src/signin/index.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { ALICE, certify, makeCard, PIN, refusedWith, startLab, startRelyingParty } from './support.ts'

const [lab, swtpm] = [await startLab(), await startSwtpm()]
const service = await startRelyingParty(lab)
test.after(async () => {
  await Promise.all([service.stop(), lab.close()])
  await swtpm.stop()
})

const said = (answer: Response) => answer.json() as Promise<Record<string, string>>

for (const tcti of ['embedded:', swtpm.tcti]) {
  const home = tempDir('home')
  const where = tcti.split(':', 1)[0]
  await (await makeCard(lab, { home, name: 'work', tcti })).close()

  for (const method of ['certificate', 'challenge'] as const) {
    test(`${where}, ${method}: remembered, again with the address alone, signed out, forgotten`, async () => {
      const first = await signIn({ address: ALICE, service: service.url, ca: service.ca, method, pin: PIN, home })
      assert.equal(
        [first.user, first.address, first.how, first.slot, first.card.name, first.service],
        ['alice', ALICE, method, '9a', 'work', service.url],
      )
      const session = await said(await first.fetch('/session', { headers: { Accept: 'application/json' } }))
      assert.equal([session.user, session.how], ['alice', method])
      const [listed] = await accounts({ home })
      assert.ok(listed && 'address' in listed)
      assert.equal([listed.signedIn?.pid, listed.signedIn?.socket], [process.pid, undefined])
      assert.equal([listed.card.kind, listed.card.name, listed.service], ['tpm', 'work', service.url])
      assert.equal(await first.signOut(), { reason: 'signed-out', told: true })
      await refusedWith('ERR_SIGNED_OUT', first.fetch('/'))
      let asked = 0
      const pin = () => {
        asked += 1
        return PIN
      }
      const second = await signIn({ address: ALICE.toUpperCase(), pin, home })
      assert.equal([asked, second.how], [1, method])
      await second.signOut()
      assert.equal(await forget(ALICE, { home }), { signedOut: false })
      assert.equal(await accounts({ home }), [])
      await refusedWith('ERR_ACCOUNT_UNKNOWN', signIn({ address: ALICE, pin: PIN, home }))
    })
  }
}

for (const algorithm of ['P-384', 'RSA-2048'] as const) {
  test(`${algorithm}, both ways`, async () => {
    const home = tempDir('home')
    const card = await createCard({ home, name: 'other', tcti: swtpm.tcti, pin: PIN, puk: '86753098' })
    await card.verifyPin(PIN)
    await card.generateKey('9a', { algorithm })
    await certify(card, lab, home)
    await card.close()
    for (const method of ['certificate', 'challenge'] as const) {
      const session = await signIn({ address: ALICE, service: service.url, ca: service.ca, method, pin: PIN, home })
      assert.is(session.user, 'alice')
      await session.signOut()
    }
  })
}

test.run()
