// takes: 10 s
// Signatures that are asked for together: the next waits in the TPM's thread while the TPM works on the one before, in
// the order of asking, and what goes wrong with one is not the other's.
import { createHash, verify } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { openTpmCard } from '../../src/tpm/open.ts'
import type { TpmVault } from '../../src/tpm/vault/vault.ts'
import { type Bench, KINDS, type Kind, onBench, PIN } from '../library/bench.ts'
import { refused } from '../library/refusal.ts'
import { handles } from '../library/tpm-view.ts'
import { CC } from '../support/codes.ts'
import type { TpmProxy } from '../support/proxy.ts'
import { gate } from '../support/temp.ts'
import { answerCode, command, u32 } from '../support/wire.ts'
import { countTrips } from './counting.ts'

const trips = countTrips()
const message = (number: number) => new Uint8Array(100).fill(number)
const digest = (number: number) => createHash('sha256').update(message(number)).digest()

interface Place {
  readonly bench: Bench
  readonly vault: TpmVault
  /** Signs, and verifies what came of it. */
  sign(slot: string, number: number): Promise<void>
  /** Only signs. */
  use(slot: string): Promise<Uint8Array>
}

/** A vault with two keys of the policy `once` and one of each other; the first is loaded and its session stands ready. */
const onVault = (kind: Kind, work: (place: Place) => Promise<void>): Promise<void> =>
  onBench(kind, async (bench) => {
    const card = await bench.create()
    const vault = await openTpmCard({ home: bench.home }, 'work')
    try {
      for (const [slot, pinPolicy] of Object.entries({
        '9a': 'once',
        '9d': 'once',
        '9e': 'never',
        '9c': 'always',
      } as const)) {
        await vault.keys.generate(parseSlot(slot), { algorithm: 'P-256', pinPolicy })
      }
      await vault.pins.verifyPin(utf8(PIN))
      const use = (slot: string) => vault.keys.signDigest(parseSlot(slot), digest(0))
      const sign = async (slot: string, number: number): Promise<void> => {
        const signature = await vault.keys.signDigest(parseSlot(slot), digest(number))
        const key = vault.keys.find(parseSlot(slot))
        const publicKey = {
          key: Buffer.from(key?.spki ?? []),
          format: 'der',
          type: 'spki',
          dsaEncoding: 'ieee-p1363',
        } as const
        assert.ok(verify('sha256', message(number), publicKey, signature), `${slot}, ${number}`)
      }
      await sign('9a', 0)
      await bench.settled()
      await work({ bench, vault, sign, use })
    } finally {
      await vault.close()
      await card.close()
    }
  })

function proxyOf({ proxy }: Bench): TpmProxy {
  if (proxy === undefined) throw new Error('no proxy')
  return proxy
}

/** Holds the first Sign back until `open`; `reached` when it is there. */
function holding(proxy: TpmProxy, at = 1): { readonly reached: Promise<void>; open(): void } {
  const reached = gate()
  const held = gate()
  let signs = 0
  proxy.hooks.onCommand = async ({ name }) => {
    if (name !== 'Sign') return undefined
    signs += 1
    if (signs !== at) return undefined
    reached.open()
    await held.promise
    return undefined
  }
  return { reached: reached.promise, open: () => held.open() }
}

for (const kind of KINDS) {
  test(`${kind}: sixteen are handed to the TPM's thread at once, and answered in the order of asking`, () =>
    onVault(kind, async ({ bench, sign }) => {
      const order: number[] = []
      let asked: Promise<unknown> = Promise.resolve()
      // Nothing is awaited: the trips are made before the call returns.
      const made = await trips.during(async () => {
        asked = Promise.all(Array.from({ length: 16 }, (_, at) => sign('9a', at).then(() => order.push(at))))
      })
      assert.equal(made, { run: 16 })
      const spent = await bench.spent(() => asked)
      assert.equal(
        order,
        Array.from({ length: 16 }, (_, at) => at),
      )
      assert.not(spent.commands.Load)
    }))

  test(`${kind}: uses of other keys, each by its policy, and acts on the lock between them`, () =>
    onVault(kind, async ({ vault, sign }) => {
      const order: string[] = []
      const done = (what: string) => () => order.push(what)
      await vault.pins.verifyPin(utf8(PIN))
      const tries = vault.pins.pinCounter().then(done('counter'))
      await Promise.all([
        sign('9a', 1).then(done('9a')),
        sign('9d', 2).then(done('9d')),
        sign('9c', 3).then(done('9c')),
        refused('ERR_PIN_REQUIRED', 4, () => sign('9c', 4)),
        sign('9e', 5).then(done('9e')),
        vault.pins.verifyPin(utf8(PIN)).then(done('verify')),
        sign('9c', 6).then(done('9c verified')),
        sign('9a', 7).then(done('9a again')),
        tries,
      ])
      assert.equal(order, ['counter', '9a', '9d', '9c', '9e', 'verify', '9c verified', '9a again'])
    }))

  test(`${kind}: closing waits for what was asked before, and refuses what is asked after`, () =>
    onVault(kind, async ({ bench, vault, sign, use }) => {
      const asked = [1, 2, 3].map((number) => sign('9a', number))
      const closed = vault.close()
      const late = refused('ERR_CARD_CLOSED', 1, () => use('9a'))
      await Promise.all([...asked, closed, late])
      assert.is((await bench.loaded()).objects, 0)
    }))

  test(`${kind}: the PIN is locked behind two: they sign, the third does not`, () =>
    onVault(kind, async ({ vault, sign, use }) => {
      const asked = [sign('9a', 1), sign('9a', 2)]
      const locked = vault.pins.lock()
      const late = refused('ERR_PIN_REQUIRED', 4, () => use('9a'))
      await Promise.all([...asked, locked, late])
    }))

  test(`${kind}: the ticket ends between two: the first signs, the second asks for the PIN`, () =>
    onVault(kind, async ({ sign, use }) => {
      const { now } = performance
      try {
        const first = sign('9a', 1)
        performance.now = () => now.call(performance) + 3_600_000
        const second = refused('ERR_PIN_REQUIRED', 4, () => use('9a'))
        await Promise.all([first, second])
      } finally {
        performance.now = now
      }
    }))

  test(`${kind}: sessions and keys that somebody flushes under two of them: both sign, the PIN is not asked for`, () =>
    onVault(kind, async ({ bench, sign }) => {
      for (const first of [0x02000000, 0x80000000]) {
        for (const handle of await handles(bench.transmit, first)) {
          assert.is(answerCode(await bench.transmit(command(CC.FlushContext, [], u32(handle)))), 0)
        }
        const { commands } = await bench.spent(() => Promise.all([sign('9a', 1), sign('9a', 2), sign('9e', 3)]))
        assert.not(commands.PolicySecret)
      }
    }))
}

test('swtpm: a use that was changed on its way costs that one, and not the one behind it', () =>
  onVault('swtpm', async ({ bench, sign }) => {
    const proxy = proxyOf(bench)
    proxy.clear()
    let signs = 0
    proxy.hooks.onCommand = ({ name, command: octets }) => {
      if (name !== 'Sign') return undefined
      signs += 1
      return signs === 1 ? octets.map((octet, at) => (at === octets.length - 1 ? octet ^ 1 : octet)) : undefined
    }
    const first = refused('ERR_TPM_TAMPERED', 9, () => sign('9a', 1))
    await Promise.all([first, sign('9a', 2), sign('9a', 3)])
    assert.not(proxy.names().includes('PolicySecret'))
  }))

test("swtpm: an answer that is not the TPM's own: nothing verified over that connection serves those behind it", () =>
  onVault('swtpm', async ({ bench, sign }) => {
    const proxy = proxyOf(bench)
    let signs = 0
    proxy.hooks.onAnswer = ({ name }, answer) => {
      if (name !== 'Sign') return undefined
      signs += 1
      return signs === 1 ? answer.map((octet, at) => (at === 40 ? octet ^ 1 : octet)) : undefined
    }
    await sign('9e', 0).catch(() => undefined) // loads the key; its answer has no HMAC
    signs = 0
    await Promise.all([
      refused('ERR_TPM_TAMPERED', 9, () => sign('9a', 1)),
      refused('ERR_PIN_REQUIRED', 4, () => sign('9a', 2)),
      sign('9e', 3),
    ])
  }))

test('swtpm: a connection that is lost under the first: the second asks for the PIN, a key without one signs', () =>
  onVault('swtpm', async ({ bench, vault, sign }) => {
    const proxy = proxyOf(bench)
    await sign('9e', 0)
    proxy.hooks.onCommand = ({ name }) => {
      if (name !== 'Sign') return undefined
      proxy.hooks = {}
      return 'drop'
    }
    await Promise.all([
      refused('ERR_TPM_GONE', 9, () => sign('9a', 1)),
      refused('ERR_PIN_REQUIRED', 4, () => sign('9a', 2)),
      sign('9e', 3),
    ])
    await vault.pins.verifyPin(utf8(PIN))
    await sign('9a', 4)
  }))

test('swtpm: what changes the keys that are loaded waits for all uses before it, and those behind it for that', () =>
  onVault('swtpm', async ({ bench, vault, sign }) => {
    const proxy = proxyOf(bench)
    await sign('9d', 0)
    await bench.settled()
    const held = holding(proxy)
    proxy.clear()
    const asked = [sign('9a', 1), sign('9d', 2), sign('9e', 3), sign('9a', 4)]
    await held.reached
    assert.equal(proxy.names(), ['Sign'])
    held.open()
    await Promise.all(asked)
    proxy.hooks = {}
    const uses = proxy.names().filter((name) => name !== 'PolicyTicket')
    // Two keys fit: the third is loaded in place of one, which the fourth use needs again, or not.
    assert.equal(uses.slice(0, 5), ['Sign', 'Sign', 'FlushContext', 'Load', 'Sign'])
    assert.is(uses.filter((name) => name === 'Sign').length, 4)
    await vault.keys.delete(parseSlot('9e'))
  }))

test.run()
