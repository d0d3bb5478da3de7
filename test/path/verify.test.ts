// takes: 8 s
// VERIFY in sessions that stay from the VERIFY before: as good as in new ones, and the PIN is proved once.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Card } from '../../src/index.ts'
import { type Bench, KINDS, onBench, PIN, WRONG_PIN } from '../library/bench.ts'
import { refused } from '../library/refusal.ts'
import { handles } from '../library/tpm-view.ts'
import { CC } from '../support/codes.ts'
import { answerCode, command, i32, parseCommand, Reader, u32 } from '../support/wire.ts'

const data = new Uint8Array(100)
const NOTHING = new Uint8Array(0)
const sessions = (bench: Bench): Promise<number[]> => handles(bench.transmit, 0x02000000)

async function flush(bench: Bench, session: number | undefined): Promise<void> {
  assert.is(answerCode(await bench.transmit(command(CC.FlushContext, [], u32(session ?? 0)))), 0)
}

/** A card with an `always` key, verified twice: both sessions stay. */
async function verified(bench: Bench): Promise<Card> {
  const card = await bench.create()
  await card.verifyPin(PIN)
  for (const [slot, pinPolicy] of Object.entries({ '9a': 'once', '9c': 'always' } as const)) {
    await card.generateKey(slot, { pinPolicy })
  }
  await card.verifyPin(PIN)
  return card
}

for (const kind of KINDS) {
  test(`${kind}: no new session, whether the one use was taken or not`, () =>
    onBench(kind, async (bench) => {
      const card = await verified(bench)
      for (const used of [true, false, true]) {
        if (used) await card.sign('9c', data)
        const { commands } = await bench.spent(() => card.verifyPin(PIN))
        // One disarms what was not used.
        assert.equal(commands, { PolicyRestart: used ? 2 : 3, PolicySecret: 2 })
      }
      await card.sign('9c', data)
      await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9c', data))
      await card.sign('9a', data)
      await card.close()
      assert.equal(await sessions(bench), [])
    }))

  test(`${kind}: after a wrong PIN both sessions are new, and nothing is armed`, () =>
    onBench(kind, async (bench) => {
      const card = await verified(bench)
      const { commands } = await bench.spent(() => refused('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN)))
      assert.is(commands.PolicySecret, 1)
      assert.equal(await sessions(bench), [])
      for (const slot of ['9a', '9c']) await refused('ERR_PIN_REQUIRED', 4, () => card.sign(slot, data))
      assert.is((await bench.spent(() => card.verifyPin(PIN))).commands.StartAuthSession, 2)
      await card.sign('9c', data)
      await card.close()
    }))

  test(`${kind}: sessions that somebody flushed: found out before the PIN is proved, or told, and no try is lost`, () =>
    onBench(kind, async (bench) => {
      const card = await verified(bench)
      await card.sign('9c', data) // so that nothing is to be disarmed, which would also find it out
      const [first, second] = await sessions(bench)
      for (const session of [first, second]) await flush(bench, session)
      const both = await bench.spent(() => card.verifyPin(PIN))
      assert.equal([both.commands.StartAuthSession, both.commands.PolicySecret], [2, 2])
      await card.sign('9c', data)
      await card.verifyPin(PIN)
      // Which of them carries the proof is not seen from outside.
      for (const at of [0, 1]) {
        await card.sign('9c', data)
        await flush(bench, (await sessions(bench))[at])
        await card.verifyPin(PIN).catch(() => card.verifyPin(PIN))
        await card.sign('9c', data)
        assert.is((await card.pinStatus()).triesLeft, 5)
        await card.verifyPin(PIN)
      }
      await card.close()
    }))
}

test('a ticket is asked for with the age of its session on top: it ends when it was said', () =>
  onBench('swtpm', async (bench) => {
    const card = await verified(bench)
    const { proxy } = bench
    if (proxy === undefined) throw new Error('no proxy')
    const { now } = performance
    const seconds = () => {
      const secrets = proxy.wire.filter(({ name }) => name === 'PolicySecret')
      const params = new Reader(parseCommand(secrets.at(-2)?.command ?? NOTHING).params)
      for (let i = 0; i < 3; i += 1) params.tpm2b() // nonce, cpHash, policyRef
      return params.take(4)
    }
    try {
      for (const [later, asked] of [
        [0, 900],
        [100_500, 1000],
        [3_500_000, 4400],
        // Too old: new ones.
        [3_700_000, 900],
      ] as const) {
        performance.now = () => now.call(performance) + later
        proxy.clear()
        await card.verifyPin(PIN)
        assert.equal(seconds(), i32(-asked), `${later} ms later`)
      }
    } finally {
      performance.now = now
    }
    await card.sign('9c', data)
    await card.close()
  }))

test.run()
