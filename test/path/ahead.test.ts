// takes: 15 s
// PolicyTicket ahead of the next signature: nobody waits for it, and the session that stands ready serves nothing but
// what its ticket serves, and no longer than that.
import { verify } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Card } from '../../src/index.ts'
import { type Bench, KINDS, NEW_PIN, onBench, PIN, PUK, WRONG_PIN } from '../library/bench.ts'
import { refused } from '../library/refusal.ts'
import { handles } from '../library/tpm-view.ts'
import { CC } from '../support/codes.ts'
import { gate, within } from '../support/temp.ts'
import { answerCode, command } from '../support/wire.ts'

const data = new TextEncoder().encode('what is signed')

async function signs(card: Card, slot: string): Promise<void> {
  const { publicKey } = await card.keyInfo(slot)
  assert.ok(verify('sha256', data, publicKey, await card.sign(slot, data)), slot)
}

/** A card with two keys of the policy `once` and one of each other, that has just signed: its session stands ready. */
async function standing(bench: Bench): Promise<Card> {
  const card = await bench.create()
  await card.verifyPin(PIN)
  for (const [slot, pinPolicy] of Object.entries({
    '9a': 'once',
    '9d': 'once',
    '9e': 'never',
    '9c': 'always',
  } as const)) {
    await card.generateKey(slot, { pinPolicy })
  }
  await card.verifyPin(PIN)
  await signs(card, '9a')
  await bench.settled()
  return card
}

test('a signature is answered before its PolicyTicket for the next one', () =>
  onBench('swtpm', async (bench) => {
    const card = await standing(bench)
    const { proxy } = bench
    if (proxy === undefined) throw new Error('no proxy')
    for (let i = 0; i < 3; i += 1) {
      const held = gate()
      proxy.clear()
      proxy.hooks.onCommand = async ({ name }) => {
        if (name === 'PolicyTicket') await held.promise
        return undefined
      }
      await within(card.sign('9a', data), 120_000, 'the signature waits for PolicyTicket')
      assert.equal(proxy.names()[0], 'Sign')
      held.open()
      await bench.settled()
      assert.equal(proxy.names(), ['Sign', 'PolicyTicket'])
    }
    proxy.hooks = {}
    await card.close()
  }))

test('a use that did not reach the TPM as it was sent costs that signature, and not the next', () =>
  onBench('swtpm', async (bench) => {
    const card = await standing(bench)
    const { proxy } = bench
    if (proxy === undefined) throw new Error('no proxy')
    proxy.hooks.onCommand = ({ name, command }) =>
      name === 'Sign' ? command.map((octet, at) => (at === command.length - 1 ? octet ^ 1 : octet)) : undefined
    await refused('ERR_TPM_TAMPERED', 9, () => card.sign('9a', data))
    proxy.hooks = {}
    await signs(card, '9a')
    await card.close()
  }))

test('with the connection goes what was verified over it, though the TPM would still take the ticket', () =>
  onBench('swtpm', async (bench) => {
    const card = await standing(bench)
    const { proxy } = bench
    if (proxy === undefined) throw new Error('no proxy')
    proxy.hooks.onCommand = ({ name }) => (name === 'Sign' ? 'drop' : undefined)
    await refused('ERR_TPM_GONE', 9, () => card.sign('9a', data))
    proxy.hooks = {}
    proxy.clear()
    await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9a', data))
    assert.not(proxy.names().includes('PolicyTicket'))
    await card.verifyPin(PIN)
    await signs(card, '9a')
    await card.close()
  }))

for (const kind of KINDS) {
  test(`${kind}: keys in any order, each by its own policy`, () =>
    onBench(kind, async (bench) => {
      const card = await standing(bench)
      for (const slot of ['9a', '9d', '9e', '9a', '9e', '9d', '9a']) await signs(card, slot)
      await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9c', data))
      await card.verifyPin(PIN)
      await signs(card, '9c')
      await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9c', data))
      for (const slot of ['9a', '9e', '9d']) await signs(card, slot)
      await card.close()
    }))

  for (const [what, forget] of Object.entries({
    lock: (card: Card) => card.lock(),
    'a wrong PIN': (card: Card) => refused('ERR_PIN_WRONG', 4, () => card.verifyPin(WRONG_PIN)),
    unblocking: (card: Card) => card.unblockPin({ puk: PUK, newPin: NEW_PIN }),
  } satisfies Record<string, (card: Card) => Promise<unknown>>)) {
    test(`${kind}: after ${what} no session stands ready`, () =>
      onBench(kind, async (bench) => {
        const card = await standing(bench)
        assert.is((await bench.loaded()).sessions, 2, 'one that is armed, and one for once')
        await forget(card)
        await bench.settled()
        assert.ok((await bench.loaded()).sessions < 2)
        const { commands } = await bench.spent(() => refused('ERR_PIN_REQUIRED', 4, () => card.sign('9a', data)))
        assert.equal(commands, {}, 'the TPM is not asked')
        await card.close()
      }))
  }

  test(`${kind}: a session that somebody restarts costs that signature, and not the next`, () =>
    onBench(kind, async (bench) => {
      const card = await standing(bench)
      const restart = async () => {
        for (const session of await handles(bench.transmit, 0x02000000)) {
          assert.is(answerCode(await bench.transmit(command(CC.PolicyRestart, [session], new Uint8Array(0)))), 0)
        }
      }
      await restart()
      const found = await bench.spent(() => refused('ERR_TPM', 9, () => card.sign('9a', data)))
      assert.equal([found.commands.Sign, found.writes], [1, 0])
      await signs(card, '9a')
      await card.close()
    }))
}

test.run()
