// Transactions of a channel: one at a time, never one inside another, and no way to the card without one.
import { diffieHellman, generateKeyPairSync } from 'node:crypto'
import { getEventListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex, utf8 } from '../../src/bytes.ts'
import { localChannel } from '../../src/cards/local-card.ts'
import type { Transmit } from '../../src/channel.ts'
import { CardError, PinError, UsageError } from '../../src/index.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { memoryCard, PIN } from '../pcsc/cards.ts'
import { octets } from '../support/octets.ts'
import { gate, within } from '../support/temp.ts'
import { openMemoryVault } from './memory-vault.ts'

const STATUS = octets('00200080')
const SELECT = octets('00a4040005a000000308')

async function refusedAsUsage(work: () => Promise<unknown>): Promise<void> {
  const error = await within(
    work().then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
    120_000,
    'a transaction that waits for itself',
  )
  assert.instance(error, UsageError)
  assert.is((error as UsageError).code, 'ERR_USAGE')
}

test('one inside another is refused at once, before the first command and after it', async () => {
  const { channel } = memoryCard()
  const nested = () => channel.transaction((transmit) => transmit(STATUS.slice()))
  await channel.transaction(async (transmit) => {
    await refusedAsUsage(nested)
    await transmit(SELECT.slice())
    await refusedAsUsage(nested)
    await Promise.all([1, 2].map(() => refusedAsUsage(nested)))
    await new Promise((resolve) => setImmediate(resolve))
    await refusedAsUsage(nested)
    await refusedAsUsage(async () => {
      await undefined
      await nested()
    })
  })
  assert.is((await nested()).length, 2, 'and the card goes on')
})

test('one that asks for no other is refused another while its work is called', async () => {
  const { channel } = memoryCard()
  const nested = () => channel.transaction((transmit) => transmit(STATUS.slice()))
  await channel.transaction(() => refusedAsUsage(nested), { flat: true })
  assert.is((await nested()).length, 2)
})

test('of two cards, one may be used inside a transaction of the other, and not the other way back', async () => {
  const [one, two] = [memoryCard().channel, memoryCard().channel]
  const status = (transmit: Transmit) => transmit(STATUS.slice())
  await one.transaction(async (transmit) => {
    await status(transmit)
    await two.transaction(async (inner) => {
      await status(inner)
      await refusedAsUsage(() => one.transaction(status))
    })
    assert.is((await two.transaction(status)).length, 2)
    assert.is((await status(transmit)).length, 2)
  })
})

test('asked for by others while one is under way, they wait, in the order of asking', async () => {
  const { channel } = memoryCard()
  const held = gate()
  const order: number[] = []
  const first = channel.transaction(async (transmit) => {
    await transmit(SELECT.slice())
    await held.promise
    order.push(0)
  })
  await new Promise((resolve) => setImmediate(resolve))
  const others = [1, 2, 3].map((number) =>
    channel.transaction(async (transmit) => {
      await transmit(STATUS.slice())
      order.push(number)
      if (number === 2) throw new RangeError('a failure of one is not the next one’s')
    }),
  )
  held.open()
  const ends = await Promise.allSettled([first, ...others])
  assert.equal(order, [0, 1, 2, 3])
  assert.equal(
    ends.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  )
})

test('a transmit is good for its transaction alone', async () => {
  const { channel } = memoryCard()
  let kept: Transmit | undefined
  await channel.transaction(async (transmit) => {
    kept = transmit
    await transmit(SELECT.slice())
  })
  await refusedAsUsage(async () => kept?.(STATUS.slice()))
  await channel.transaction(async (transmit) => {
    await refusedAsUsage(async () => kept?.(STATUS.slice()))
    kept = transmit
    await transmit(STATUS.slice(), { last: true })
    await refusedAsUsage(() => transmit(STATUS.slice()))
  })
  await channel
    .transaction(async () => {
      throw new RangeError('no')
    })
    .catch(() => undefined)
  await refusedAsUsage(async () => kept?.(STATUS.slice()))
})

test('the error behind a refusal is there for the last response, and for that one alone', async () => {
  const { channel } = memoryCard()
  await channel.transaction(async (transmit) => {
    const verify = octets(`0020008008${'39'.repeat(8)}`)
    assert.is((await transmit(verify)).at(-2), 0x63)
    const cause = transmit.cause?.()
    assert.instance(cause, PinError)
    assert.equal([(cause as PinError).code, (cause as PinError).triesLeft], ['ERR_PIN_WRONG', 4])
    await transmit(SELECT.slice())
    assert.is(transmit.cause?.(), undefined)
  })
})

test('a command that was posted and fails later takes nothing from a VERIFY that came after it', async () => {
  const { card, channel: first } = memoryCard()
  const making = cardOver(first)
  await making.verifyPin(PIN)
  for (const slot of ['9e', '9c']) await making.generateKey(slot)
  const vault = openMemoryVault(card)
  const real = vault.keys.signDigest.bind(vault.keys)
  const held = gate()
  const signDigest: typeof real = async (slot, digest, posting) => {
    if (slot === '9c') return real(slot, digest)
    posting?.post()
    await held.promise
    throw new CardError('ERR_DATA', 'It fails when others have come.')
  }
  Object.assign(vault.keys, { signDigest })
  const channel = localChannel(vault)
  const sign = (slot: string) => octets(`008711${slot}267c2482008120${'5a'.repeat(32)}00`)
  const status = async (apdu: Uint8Array, last = false) =>
    hex((await channel.transaction((transmit) => transmit(apdu, { last }))).slice(-2))
  const failing = status(sign('9e'), true)
  assert.is(await status(octets(`0020008008${hex(utf8(PIN))}ffff`)), '9000', 'VERIFY does not wait for it')
  held.open()
  assert.is(await failing, '6a80')
  assert.is(await status(sign('9c')), '9000')
  assert.is(await status(sign('9c')), '6982')
})

test('an agreed secret is overwritten where the card had it, once it is answered', async () => {
  const { card, channel: first } = memoryCard()
  const making = cardOver(first)
  await making.verifyPin(PIN)
  await making.generateKey('9e')
  const vault = openMemoryVault(card)
  const real = vault.keys.agree.bind(vault.keys)
  let given = new Uint8Array(0)
  const agree: typeof real = async (...all) => {
    given = Uint8Array.from(await real(...all))
    return given
  }
  Object.assign(vault.keys, { agree })
  const reopened = cardOver(localChannel(vault))
  const peer = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const secret = await reopened.deriveSecret('9e', peer.publicKey)
  const own = await making.keyInfo('9e')
  assert.is(hex(secret), diffieHellman({ privateKey: peer.privateKey, publicKey: own.publicKey }).toString('hex'))
  assert.equal(given, new Uint8Array(32))
})

test('a lock waits for a use that was asked for before, also where that was posted late', async () => {
  const { card, channel: first } = memoryCard()
  const making = cardOver(first)
  await making.verifyPin(PIN)
  await making.generateKey('9e')
  const vault = openMemoryVault(card)
  const order: string[] = []
  const held = gate()
  const sign = vault.keys.signDigest.bind(vault.keys)
  const begun = gate()
  const signDigest: typeof sign = async (slot, digest, posting) => {
    posting?.post()
    begun.open()
    await held.promise
    order.push('signed')
    return sign(slot, digest)
  }
  Object.assign(vault.keys, { signDigest })
  // Something was armed, so that the use is posted after a command that ends it.
  let armed = true
  const disarm = vault.pins.disarm.bind(vault.pins)
  const lock = vault.pins.lock.bind(vault.pins)
  Object.assign(vault.pins, {
    disarm() {
      if (!armed) return disarm()
      armed = false
      return delay(1).then(disarm)
    },
    lock: () => {
      order.push('locked')
      return lock()
    },
  })
  const channel = localChannel(vault)
  const apdu = octets(`0087119e267c2482008120${'5a'.repeat(32)}00`)
  const signing = channel.transaction((transmit) => transmit(apdu, { last: true }))
  const locking = channel.transaction(() => channel.reset())
  await begun.promise
  // A lock that does not wait comes in these turns.
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  held.open()
  await Promise.all([signing, locking])
  assert.equal(order, ['signed', 'locked'])
})

test('a signal is listened to no longer than a call lasts, also where its turn never comes', async () => {
  const { channel } = memoryCard()
  const card = cardOver(channel)
  await card.close()
  const { signal } = new AbortController()
  const error: unknown = await card.generateKey('9a', { signal }).catch((thrown: unknown) => thrown)
  assert.is((error as CardError).code, 'ERR_CARD_CLOSED')
  assert.is(getEventListeners(signal, 'abort').length, 0)
})

test.run()
