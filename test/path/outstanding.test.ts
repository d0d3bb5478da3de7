// takes: 8 s
// Outstanding signatures: while the TPM works on one, the next ones wait in its thread. Each gets its own answer, in the
// order of asking, also where one before it fails, the ticket ends between them, or one is given up.
import { verify } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Card } from '../../src/index.ts'
import { type Bench, onBench, PIN } from '../library/bench.ts'
import { refused } from '../library/refusal.ts'
import { gate, within } from '../support/temp.ts'
import { countTrips } from './counting.ts'

const trips = countTrips()
const text = (number: number): Uint8Array => Uint8Array.of(number, 1, 2, 3)

interface Ready {
  readonly card: Card
  readonly proxy: NonNullable<Bench['proxy']>
  /** Fails unless this is a signature of the key in a slot over `text(number)`. */
  check(number: number, signature: Uint8Array, slot?: string): Promise<void>
}

/** A card with a key of the policy `once` in 9a, loaded, and one of the policy `always` in 9c. */
async function onReady(work: (ready: Ready) => Promise<void>): Promise<void> {
  await onBench('swtpm', async (bench) => {
    const { proxy } = bench
    if (proxy === undefined) throw new Error('no proxy')
    const card = await bench.create()
    await card.verifyPin(PIN)
    await card.generateKey('9a')
    await card.generateKey('9c')
    await card.verifyPin(PIN)
    await card.sign('9a', text(0))
    await bench.settled()
    const check: Ready['check'] = async (number, signature, slot = '9a') => {
      const { publicKey } = await card.keyInfo(slot)
      assert.ok(verify('sha256', text(number), publicKey, signature), `${slot}: ${number}`)
    }
    await work({ card, proxy, check })
    await card.close()
  })
}

const soon = () => new Promise((resolve) => setImmediate(resolve))

test('sixteen are with the TPM’s thread before the first is answered, and are answered in the order of asking', () =>
  onReady(async ({ card, proxy, check }) => {
    const held = gate()
    proxy.hooks.onCommand = async ({ name }) => {
      if (name === 'Sign') await held.promise
      return undefined
    }
    const order: number[] = []
    let asked: Promise<Uint8Array>[] = []
    const posted = await trips.during(async () => {
      asked = Array.from({ length: 16 }, async (_, number) => {
        const signature = await card.sign('9a', text(number))
        order.push(number)
        return signature
      })
      await soon()
    })
    assert.equal([posted, order], [{ run: 16 }, []])
    held.open()
    const signatures = await within(Promise.all(asked), 120_000, 'sixteen signatures')
    assert.equal(order, [...signatures.keys()])
    for (const [number, signature] of signatures.entries()) await check(number, signature)
  }))

test('where the first fails, the second is right', () =>
  onReady(async ({ card, proxy, check }) => {
    let damaged = 0
    proxy.hooks.onCommand = ({ name, command }) => {
      if (name !== 'Sign' || damaged > 0) return undefined
      damaged += 1
      return command.map((octet, at) => (at === command.length - 1 ? octet ^ 1 : octet))
    }
    const first = refused('ERR_TPM_TAMPERED', 9, () => card.sign('9a', text(1)))
    const others = [2, 3].map((number) => card.sign('9a', text(number)))
    await first
    for (const [at, signature] of (await Promise.all(others)).entries()) await check(at + 2, signature)
  }))

test('where the ticket ends between them, the first is right and the second wants the PIN', () =>
  onReady(async ({ card, check }) => {
    const { now } = performance
    try {
      const first = card.sign('9a', text(1))
      performance.now = () => now.call(performance) + 3_600_000
      const second = refused('ERR_PIN_REQUIRED', 4, () => card.sign('9a', text(2)))
      await second
      await check(1, await first)
    } finally {
      performance.now = now
    }
  }))

test('given up while it waits for its turn, it is not done; those before and after it are', () =>
  onReady(async ({ card, proxy, check }) => {
    const signs = () => proxy.names().filter((name) => name === 'Sign').length
    const before = signs()
    const control = new AbortController()
    const verifying = card.verifyPin(PIN)
    const first = card.sign('9a', text(1))
    const second = card.sign('9a', text(2), control)
    const third = card.sign('9a', text(3))
    control.abort(new RangeError('no time'))
    await second.then(
      () => assert.unreachable('it was not given up'),
      (error) => assert.is(error, control.signal.reason),
    )
    await verifying
    await check(1, await first)
    await check(3, await third)
    assert.is(signs() - before, 2, 'the two that were not given up')
  }))

test('given up when the TPM has it, it is done all the same', () =>
  onReady(async ({ card, check }) => {
    const control = new AbortController()
    const [first, second] = [card.sign('9a', text(1)), card.sign('9a', text(2), control)]
    await soon()
    control.abort(new RangeError('too late'))
    await check(1, await first)
    await check(2, await second)
  }))

test('a failure takes nothing from a VERIFY that came after it', () =>
  onReady(async ({ card, proxy, check }) => {
    let damaged = 0
    proxy.hooks.onCommand = ({ name, command }) => {
      if (name !== 'Sign' || damaged > 0) return undefined
      damaged += 1
      return command.map((octet, at) => (at === command.length - 1 ? octet ^ 1 : octet))
    }
    const failing = refused('ERR_TPM_TAMPERED', 9, () => card.sign('9a', text(1)))
    const [verifying, once] = [card.verifyPin(PIN), card.sign('9c', text(2))]
    await Promise.all([failing, verifying])
    await check(2, await once, '9c')
    await refused('ERR_PIN_REQUIRED', 4, () => card.sign('9c', text(3)))
  }))

test('locking and closing wait for what was asked for before them', () =>
  onReady(async ({ card, check }) => {
    const before = [1, 2, 3].map((number) => card.sign('9a', text(number)))
    const locked = card.lock()
    const after = refused('ERR_PIN_REQUIRED', 4, () => card.sign('9a', text(4)))
    await Promise.all([locked, after])
    for (const [at, signature] of (await Promise.all(before)).entries()) await check(at + 1, signature)
    await card.verifyPin(PIN)
    const last = [5, 6].map((number) => card.sign('9a', text(number)))
    const { publicKey } = await card.keyInfo('9a')
    await card.close()
    const signatures = await Promise.all(last)
    assert.ok(signatures.every((one, at) => verify('sha256', text(at + 5), publicKey, one)))
  }))

test.run()
