// takes: 6 s
// TPMs that are not as they should be: another one, a cleared one, one that goes away, one that somebody holds.
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, createCard, destroyCard, listCards, openCard } from '../../src/index.ts'
import { createTpmCard, openTpmCard } from '../../src/tpm/open.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir, within } from '../support/temp.ts'
import { create, RH } from '../support/templates.ts'
import { ascii, concat, u32 } from '../support/wire.ts'
import { password } from '../support/witness.ts'
import { type Bench, KINDS, NEW_PIN, onBench, PIN, PUK } from './bench.ts'
import { refused } from './refusal.ts'
import { signingKey } from './tpm-view.ts'
import { assertSigned } from './verify.ts'

const data = new Uint8Array(100)
const SRK = 0x81000001
const none = new Uint8Array(0)

async function signs(card: Card, slot = '9a'): Promise<void> {
  assertSigned((await card.keyInfo(slot)).publicKey, data, await card.sign(slot, data))
}

async function withKey(bench: Bench): Promise<Card> {
  const card = await bench.create()
  await card.verifyPin(PIN)
  for (const slot of ['9a', '9c', '9e']) await card.generateKey(slot)
  await card.verifyPin(PIN)
  await signs(card)
  return card
}

/** What `createTpmCard` wants, for a test that waits less than a user does. */
const request = {
  ...{ name: 'late', pin: ascii(PIN), puk: ascii(PUK), pinTries: 5, pukTries: 5, adminKey: undefined },
  ...{ unlockSeconds: 60, mustChangePin: false, defaults: [], ownerPassword: none },
}

test('a card of another TPM: with its own storage key, or with none', () =>
  onBench('swtpm', async (bench) => {
    await (await withKey(bench)).close()
    const { home } = bench
    const other = await startSwtpm()
    const elsewhere = () => openCard({ name: 'work', home, tcti: other.tcti })
    await refused('ERR_CARD_OTHER_TPM', 9, elsewhere)
    await (await createCard({ name: 'x', home: tempDir('x'), tcti: other.tcti, pin: PIN })).close()
    await refused('ERR_CARD_OTHER_TPM', 9, elsewhere)
    await refused('ERR_CARD_OTHER_TPM', 9, () => destroyCard('work', { home, tcti: other.tcti }))
    await other.stop()
    const card = await bench.open()
    await card.verifyPin(PIN)
    await signs(card)
    await card.close()
  }))

for (const kind of KINDS) {
  test(`${kind}: a TPM that was cleared, under a closed card and under an open one`, () =>
    onBench(kind, async (bench) => {
      const card = await withKey(bench)
      const { home } = bench
      const witness = await bench.witness()
      await witness.must('Clear', { handles: [RH.platform], auths: [password()] })
      const calls = [
        () => card.sign('9a', data),
        () => card.sign('9e', data),
        () => card.verifyPin(PIN),
        () => card.pinStatus(),
        () => card.changePin({ pin: PIN, newPin: NEW_PIN }),
        () => card.unblockPin({ puk: PUK, newPin: NEW_PIN }),
      ]
      for (const call of calls) await refused('ERR_CARD_OTHER_TPM', 9, call)
      await card.close()
      await refused('ERR_CARD_OTHER_TPM', 9, bench.open)
      assert.is((await listCards({ home })).length, 1)
      const fresh = await bench.create({ name: 'fresh' })
      await fresh.verifyPin(PIN)
      await fresh.close()
      await refused('ERR_CARD_OTHER_TPM', 9, bench.open)
    }))
}

test('a swtpm that ends in the middle of a command, and comes back', () =>
  onBench('swtpm', async (bench) => {
    const { proxy, swtpm } = bench
    if (proxy === undefined || swtpm === undefined) throw new Error('no swtpm')
    const card = await withKey(bench)
    const calls: ReadonlyArray<readonly [string, () => unknown]> = [
      ['Sign', () => card.sign('9a', data)],
      ['PolicySecret', () => card.verifyPin(PIN)],
      ['NV_Read', () => card.pinStatus()],
      ['NV_ChangeAuth', () => card.changePin({ pin: PIN, newPin: NEW_PIN })],
      ['Create', () => card.generateKey('82')],
    ]
    for (const [name, call] of calls) {
      await card.verifyPin(PIN)
      proxy.hooks.onCommand = async (exchange) => {
        if (exchange.name !== name) return undefined
        await swtpm.kill()
        return 'drop'
      }
      await refused('ERR_TPM_GONE', 9, call)
      proxy.hooks = {}
      proxy.release()
      await refused('ERR_TPM_GONE', 9, () => card.sign('9e', data))
      await swtpm.restart()
      await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9a', data))
      await card.verifyPin(PIN)
      await signs(card)
    }
    assert.is((await card.pinStatus()).triesLeft, 5)
    await card.close()
  }))

test('a TPM that was reset unseen: PIN needed, never a PIN of ours again', () =>
  onBench('swtpm', async (bench) => {
    const { proxy, swtpm } = bench
    if (proxy === undefined || swtpm === undefined) throw new Error('no swtpm')
    const card = await withKey(bench)
    const reset = async () => {
      await bench.settled()
      proxy.release()
      await swtpm.restart()
      proxy.clear()
    }
    await reset()
    await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9a', data))
    assert.is(proxy.counts().PolicySecret, undefined)
    await signs(card, '9e')
    await card.verifyPin(PIN)
    await signs(card)
    await card.verifyPin(PIN)
    await reset()
    await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9c', data))
    await card.verifyPin(PIN)
    for (const slot of ['82', '83']) await card.generateKey(slot, { pinPolicy: 'never' })
    for (const slots of [
      ['82', '83', '82'],
      ['83', '9e', '82'],
    ]) {
      // A handle that was another key's before: never a signature of that key.
      await signs(card, slots[0])
      await reset()
      for (const slot of slots.slice(1)) await signs(card, slot)
    }
    for (const call of [() => card.verifyPin(PIN), () => signs(card, '9e'), () => card.pinStatus()]) {
      await card.verifyPin(PIN)
      await signs(card)
      await reset()
      await call()
    }
    await card.close()
  }))

test('a swtpm that another client holds: a bounded wait, and words', () =>
  onBench('swtpm', async (bench) => {
    const { swtpm, home } = bench
    if (swtpm === undefined) throw new Error('no swtpm')
    await (await withKey(bench)).close()
    bench.proxy?.release()
    const holder = connect(swtpm.path)
    await once(holder, 'connect')
    const began = performance.now()
    const place = { home, tcti: swtpm.tcti, waitMs: 200 }
    for (const call of [() => openTpmCard(place, 'work'), () => createTpmCard(place, request)]) {
      const error = await refused('ERR_TPM_BUSY', 9, call)
      assert.match(error.message, /another program holds it/)
    }
    assert.ok(performance.now() - began < 18_000, 'not twice the ten seconds of others')
    const waits = openTpmCard({ ...place, waitMs: 60_000 }, 'work')
    holder.destroy()
    await (await within(waits, 120_000, 'the next in turn')).close()
    assert.equal(
      (await listCards({ home })).map(({ name }) => name),
      ['work'],
    )
  }))

if (process.env.TESSERA_TEST_LONG === '1') {
  test('a TPM that never answers: given up after half a minute, and the next call connects anew', () =>
    onBench('swtpm', async (bench) => {
      const { proxy } = bench
      if (proxy === undefined) throw new Error('no proxy')
      const card = await withKey(bench)
      proxy.hooks.onCommand = () => new Promise(() => {})
      await refused('ERR_TPM_TIMEOUT', 9, () => within(Promise.resolve(card.sign('9e', data)), 120_000, 'giving up'))
      proxy.hooks = {}
      await signs(card, '9e')
      await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9a', data))
      await card.close()
    }))
}

test('a storage key that is not of this TPM: refused before a secret is sent', () =>
  onBench('swtpm', async (bench) => {
    const witness = await bench.witness()
    const made = await witness.must('CreatePrimary', {
      handles: [RH.owner],
      params: create(signingKey()),
      auths: [password()],
    })
    const primary = made.u32()
    await witness.must('EvictControl', { handles: [RH.owner, primary], params: u32(SRK), auths: [password()] })
    await witness.flush(primary)
    const { commands } = await bench.spent(() => refused('ERR_TPM_SRK', 9, bench.create))
    assert.equal([commands.StartAuthSession, commands.NV_DefineSpace], [undefined, undefined])
    assert.equal(concat(...(bench.proxy?.seen(ascii(PIN)) ?? []).map(({ command: octets }) => octets)), none)
    await witness.must('EvictControl', { handles: [RH.owner, SRK], params: u32(SRK), auths: [password()] })
    await (await bench.create()).close()
  }))

test.run()
