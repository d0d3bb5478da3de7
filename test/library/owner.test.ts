// takes: 5 s
// A TPM whose owner has a password: it is asked for to create and to destroy a card, and for nothing else, and it
// never crosses to the TPM in clear.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { destroyCard, PinError } from '../../src/index.ts'
import { ascii } from '../support/wire.ts'
import { KINDS, NEW_PIN, onBench, PIN, PUK, WRONG_PIN, WRONG_PUK } from './bench.ts'
import { refused } from './refusal.ts'
import { setOwner } from './set-owner.ts'
import { nvIndices } from './tpm-view.ts'
import { assertSigned } from './verify.ts'

const OWNER = 'the owner of this TPM'
const data = new Uint8Array(100)

/** A password that is longer than any hash, one that ends in zeros, and a common one. */
const PASSWORDS: readonly (string | Uint8Array)[] = [OWNER, Uint8Array.of(1, 2, 3, 0, 0)]

for (const kind of KINDS) {
  test(`${kind}: creation asks for it, also where the storage key has to be made`, () =>
    onBench(kind, async (bench) => {
      if (kind === 'embedded') await (await bench.create({ name: 'first' })).close()
      for (const ownerPassword of PASSWORDS) {
        await setOwner(bench, '', ownerPassword)
        const error = await refused('ERR_TPM_OWNER_AUTH', 9, bench.create)
        assert.match(error.message, '--owner-password-file')
        await refused('ERR_TPM_OWNER_AUTH', 9, () => bench.create({ ownerPassword: 'not that one' }))
        assert.is((await nvIndices(bench.transmit)).length, kind === 'embedded' ? 2 : 0)
        const card = await bench.create({ ownerPassword })
        await card.verifyPin(PIN)
        await card.close()
        await refused('ERR_TPM_OWNER_AUTH', 9, () => destroyCard('work', { home: bench.home }))
        await refused('ERR_TPM_OWNER_AUTH', 9, () => destroyCard('work', { home: bench.home, ownerPassword: 'no' }))
        const again = await bench.open()
        await again.verifyPin(PIN)
        await again.close()
        await destroyCard('work', { home: bench.home, ownerPassword })
        assert.is((await nvIndices(bench.transmit)).length, kind === 'embedded' ? 2 : 0)
        assert.equal(
          bench.proxy?.seen(typeof ownerPassword === 'string' ? ascii(ownerPassword) : ownerPassword) ?? [],
          [],
        )
        await setOwner(bench, ownerPassword, '')
      }
    }))

  test(`${kind}: daily use needs none of it; the tries left are this machine's own count`, () =>
    onBench(kind, async (bench) => {
      const made = await bench.create({ pinTries: 3, pukTries: 2 })
      await made.verifyPin(PIN)
      await made.generateKey('9a')
      await setOwner(bench, '', OWNER)
      await made.close()
      const card = await bench.open()
      const status = async () => {
        const { triesLeft, advisory, blocked, puk } = await card.pinStatus()
        return { triesLeft, advisory, blocked, puk: puk?.triesLeft }
      }
      assert.equal(await status(), { triesLeft: undefined, advisory: true, blocked: false, puk: undefined })
      const wrong = async (left: number) => {
        const error = await refused('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN))
        assert.is(error instanceof PinError && error.triesLeft, left)
        assert.is((await status()).triesLeft, left)
      }
      await wrong(2)
      await card.verifyPin(PIN)
      assert.equal(await status(), { triesLeft: 3, advisory: true, blocked: false, puk: 2 })
      assertSigned((await card.keyInfo('9a')).publicKey, data, await card.sign('9a', data))
      await wrong(2)
      await wrong(1)
      await wrong(0)
      await refused('ERR_PIN_BLOCKED', 5, () => card.verifyPin(PIN))
      assert.is((await status()).blocked, true)
      await refused('ERR_PUK_WRONG', 6, () => card.unblockPin({ puk: WRONG_PUK, newPin: NEW_PIN }))
      assert.is((await status()).puk, 1)
      await card.unblockPin({ puk: PUK, newPin: NEW_PIN })
      await card.verifyPin(NEW_PIN)
      assert.equal(await status(), { triesLeft: 3, advisory: true, blocked: false, puk: 2 })
      await card.changePin({ pin: NEW_PIN, newPin: PIN })
      await card.generateKey('82')
      await card.close()
      assert.equal(bench.proxy?.seen(ascii(OWNER)) ?? [], [])
      await setOwner(bench, OWNER, '')
      const later = await bench.open()
      const { advisory, triesLeft } = await later.pinStatus()
      assert.equal([advisory, triesLeft], [false, 3], "the TPM's own count, where it tells")
      await later.close()
    }))
}

test.run()
