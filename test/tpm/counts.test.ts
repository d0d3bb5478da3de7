// takes: 15 s
// What the signing path and the lock cost, as counts: TPM commands, NV writes, and what stays in the TPM after each call.
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, destroyCard, type ErrorCode, respondToChallenge } from '../../src/index.ts'
import { native } from '../../src/native.ts'
import { type Bench, KINDS, NEW_PIN, NEW_PUK, onBench, PIN, PUK, WRONG_PIN, WRONG_PUK } from '../library/bench.ts'
import { refused } from '../library/refusal.ts'
import { tempDir } from '../support/temp.ts'

const data = new Uint8Array(100)
const POLICIES = ['once', 'always', 'never'] as const
const desk = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** A card whose PIN is verified, with keys of both kinds and all policies: 82, 83, … in the order of `POLICIES`. */
async function furnished(bench: Bench): Promise<Card> {
  const card = await bench.create({ helpDeskPublicKey: desk.publicKey })
  await card.verifyPin(PIN)
  for (const [at, pinPolicy] of POLICIES.entries()) {
    await card.generateKey((0x82 + at).toString(16), { pinPolicy })
    await card.generateKey((0x8a + at).toString(16), { pinPolicy, algorithm: 'RSA-2048' })
  }
  await card.verifyPin(PIN)
  return card
}

for (const kind of KINDS) {
  test(`${kind}: a signature is 2 commands for once, 1 for never, 1 for always after VERIFY; no NV write`, () =>
    onBench(kind, async (bench) => {
      const card = await furnished(bench)
      for (const [base, operation] of [
        [0x82, 'Sign'],
        [0x8a, 'RSA_Decrypt'],
      ] as const) {
        const [once = '', always = '', never = ''] = [0, 1, 2].map((at) => (base + at).toString(16))
        const costs = { [once]: { PolicyTicket: 1, [operation]: 1 }, [never]: { [operation]: 1 } }
        for (const [slot, commands] of Object.entries(costs)) {
          await card.sign(slot, data) // loads the key
          for (let i = 0; i < 3; i += 1) {
            assert.equal(await bench.spent(async () => void (await card.sign(slot, data))), {
              result: undefined,
              commands,
              writes: 0,
            })
          }
        }
        await card.verifyPin(PIN)
        await card.sign(always, data)
        for (let i = 0; i < 3; i += 1) {
          await card.verifyPin(PIN)
          const { commands, writes } = await bench.spent(() => card.sign(always, data))
          assert.equal([commands, writes], [{ [operation]: 1 }, 0])
          const refusal = await bench.spent(() => refused('ERR_PIN_REQUIRED', 4, () => card.sign(always, data)))
          assert.equal([refusal.commands, refusal.writes], [{}, 0], 'the program itself says no')
        }
      }
      await card.close()
    }))

  test(`${kind}: a key that is not loaded costs one Load, and the room that it needs`, () =>
    onBench(kind, async (bench) => {
      const card = await furnished(bench)
      await card.sign('82', data)
      await card.sign('84', data)
      assert.equal((await bench.spent(() => card.sign('8a', data))).commands, {
        FlushContext: 1,
        Load: 1,
        PolicyTicket: 1,
        RSA_Decrypt: 1,
      })
      await card.close()
    }))

  test(`${kind}: VERIFY is one PolicySecret, two where the card has an always key; a wrong PIN one NV write`, () =>
    onBench(kind, async (bench) => {
      const card = await bench.create()
      const verify = async (pin: string) => {
        const { commands, writes } = await bench.spent(() => card.verifyPin(pin))
        return [commands.PolicySecret ?? 0, commands.NV_Read ?? 0, writes]
      }
      const wrong = async () => {
        const { commands, writes } = await bench.spent(() =>
          refused('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN)),
        )
        return [commands.PolicySecret ?? 0, commands.NV_Read ?? 0, writes]
      }
      for (let i = 0; i < 3; i += 1) assert.equal(await verify(PIN), [1, 0, 0])
      await card.generateKey('9a')
      assert.equal(await verify(PIN), [1, 0, 0])
      for (let i = 0; i < 3; i += 1) assert.equal(await wrong(), [1, 1, 1], 'and the counter is read')
      assert.equal(await verify(PIN), [1, 0, 1], 'the counter goes back')
      assert.equal(await verify(PIN), [1, 0, 0])
      await card.generateKey('9c')
      assert.equal(await verify(PIN), [2, 0, 0])
      assert.equal(await wrong(), [1, 1, 1], 'the first failure ends it')
      assert.equal(await verify(PIN), [2, 0, 1])
      for (let left = 4; left >= 0; left -= 1) assert.is((await wrong())[2], 1)
      const blocked = await bench.spent(() => refused('ERR_PIN_BLOCKED', 5, () => card.verifyPin(PIN)))
      assert.equal([blocked.commands.PolicySecret, blocked.writes], [1, 0], 'a blocked PIN is not even counted')
      await card.close()
    }))

  test(`${kind}: 100 signatures and 10 right PINs: not one NV write`, () =>
    onBench(kind, async (bench) => {
      const card = await furnished(bench)
      const { writes } = await bench.spent(async () => {
        for (let i = 0; i < 10; i += 1) {
          await card.verifyPin(PIN)
          await card.sign('83', data)
          for (let j = 0; j < 9; j += 1) await card.sign(j % 2 === 0 ? '82' : '84', data)
        }
      })
      assert.is(writes, 0)
      await card.close()
    }))

  test(`${kind}: after every call at most two keys and two sessions stay; after close nothing`, () =>
    onBench(kind, async (bench) => {
      const card = await bench.create({ helpDeskPublicKey: desk.publicKey, pinTries: 2, pukTries: 3 })
      const standing = async (what: string, objects: number, sessions: number) =>
        assert.equal(await bench.loaded(), { objects, sessions }, what)
      const no = (code: ErrorCode, exit: number, work: () => unknown) => () => refused(code, exit, work)
      await standing('create', 0, 0)
      let challenge = ''
      const ask = async () => {
        challenge = await card.unblockChallenge()
      }
      const imported = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
      const response = () => respondToChallenge(challenge, desk.privateKey)
      // A new key takes the place of a loaded one: the TPM has three slots, and the SRK is in one meanwhile.
      const steps: ReadonlyArray<readonly [string, () => unknown, number, number]> = [
        ['pinStatus', () => card.pinStatus(), 0, 0],
        ['wrong PIN', no('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN)), 0, 0],
        ['verifyPin', () => card.verifyPin(PIN), 0, 1],
        ['generateKey', () => card.generateKey('9a'), 0, 0],
        ['importKey', () => card.importKey('82', imported), 0, 0],
        ['sign once', () => card.sign('9a', data), 1, 1],
        ['sign imported', () => card.sign('82', data), 2, 1],
        ['generate never', () => card.generateKey('9e'), 1, 0],
        ['sign never', () => card.sign('9e', data), 2, 0],
        ['generate always', () => card.generateKey('9c'), 1, 0],
        ['refused always', no('ERR_PIN_REQUIRED', 4, () => card.sign('9c', data)), 1, 0],
        ['verify and arm', () => card.verifyPin(PIN), 1, 2],
        ['sign always', () => card.sign('9c', data), 2, 2],
        ['sign once beside it', () => card.sign('9a', data), 2, 2],
        ['verify again', () => card.verifyPin(PIN), 2, 2],
        ['disarmed by pinStatus', () => card.pinStatus(), 2, 2],
        ['changePin', () => card.changePin({ pin: PIN, newPin: NEW_PIN }), 2, 2],
        ['wrong changePin', no('ERR_PIN_WRONG', 4, () => card.changePin({ pin: PIN, newPin: '111111' })), 2, 0],
        ['changePuk', () => card.changePuk({ puk: PUK, newPuk: NEW_PUK }), 2, 0],
        ['wrong changePuk', no('ERR_PUK_WRONG', 6, () => card.changePuk({ puk: WRONG_PUK, newPuk: PUK })), 2, 0],
        ['unblockPin', () => card.unblockPin({ puk: NEW_PUK, newPin: PIN }), 2, 0],
        ['wrong unblockPin', no('ERR_PUK_WRONG', 6, () => card.unblockPin({ puk: WRONG_PUK, newPin: PIN })), 2, 0],
        ['challenge', ask, 2, 1],
        ['another challenge', ask, 2, 1],
        [
          'response misread',
          no('ERR_HELP_DESK_REFUSED', 6, () => card.unblockWithResponse({ response: 'R-0', newPin: PIN })),
          2,
          1,
        ],
        ['response', () => card.unblockWithResponse({ response: response(), newPin: NEW_PIN }), 2, 0],
        [
          'response again',
          no('ERR_HELP_DESK_REFUSED', 6, () => card.unblockWithResponse({ response: response(), newPin: PIN })),
          2,
          0,
        ],
        ['challenge, then VERIFY', async () => card.unblockChallenge().then(() => card.verifyPin(NEW_PIN)), 2, 2],
        ['moveKey', () => card.moveKey('9a', '83'), 2, 2],
        ['deleteKey of a loaded key', () => card.deleteKey('9c'), 1, 2],
        ['replaced key', () => card.sign('9e', data).then(() => card.generateKey('9e')), 0, 0],
        ['lock', () => card.lock(), 0, 0],
        ['no PIN', no('ERR_PIN_REQUIRED', 4, () => card.sign('83', data)), 0, 0],
        ['no key', no('ERR_KEY_ABSENT', 8, () => card.sign('9a', data)), 0, 0],
        ['bad digest', no('ERR_DATA', 2, () => card.signDigest('9e', new Uint8Array(40))), 0, 0],
      ]
      for (const [what, step, objects, sessions] of steps) {
        await step()
        await standing(what, objects, sessions)
      }
      await refused('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN))
      await refused('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN))
      await refused('ERR_PIN_BLOCKED', 5, () => card.verifyPin(NEW_PIN))
      await card.close()
      await standing('close', 0, 0)

      const pending = await bench.open()
      await pending.unblockChallenge()
      await pending.close()
      await standing('close with a challenge', 0, 0)
      const broken = await bench.open()
      await Promise.all([refused('ERR_PIN_BLOCKED', 5, () => broken.verifyPin(PIN)), broken.close()])
      await standing('close with work under way', 0, 0)
    }))

  test(`${kind}: what is loaded stays bounded with two cards at work`, () =>
    onBench(kind, async (bench) => {
      const first = await furnished(bench)
      await first.sign('83', data)
      await first.sign('82', data)
      assert.is((await bench.loaded()).sessions, 2)
      const cards = [first, await bench.create({ name: 'other' })]
      await cards[1]?.verifyPin(PIN)
      await cards[1]?.generateKey('82')
      for (let i = 0; i < 3; i += 1) {
        for (const card of cards) {
          await card.verifyPin(PIN)
          await card.sign('82', data)
          const { objects, sessions } = await bench.loaded()
          assert.ok(objects <= 2 && sessions <= 2, `${objects} objects, ${sessions} sessions`)
        }
      }
      await first.verifyPin(PIN)
      await first.sign('83', data)
      await first.sign('82', data)
      await cards[1]?.close()
      await destroyCard('other', { home: bench.home })
      await first.sign('82', data)
      await first.close()
      assert.equal(await bench.loaded(), { objects: 0, sessions: 0 })
    }))
}

test('closing is answered every time, also when it is long over', async () => {
  const options = { tcti: 'embedded:', stateFile: `${tempDir('close')}/state`, createState: true, waitMs: 1000 }
  const tpm = await native().openTpm(options)
  await Promise.all([tpm.close(), tpm.close()])
  await tpm.close()
  await tpm.run([]).then(
    () => assert.unreachable(),
    (error) => assert.is(error.layer, 'closed'),
  )
})

test.run()
