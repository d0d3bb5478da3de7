// takes: 10 s
// The PIN machine finds a card that does not keep one rule.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LocalVault } from '../../src/cards/local-card.ts'
import { CardError } from '../../src/index.ts'
import { home, walked } from './walk.ts'

type Pins = LocalVault['pins']
type Break = (pins: Pins) => Partial<Pins>

/** `real`, but for `changes`. */
function but<T extends object>(real: T, changes: Partial<T>): T {
  const get = (_: T, name: PropertyKey): unknown => {
    if (name in changes) return Reflect.get(changes, name)
    const value: unknown = Reflect.get(real, name)
    return typeof value === 'function' ? value.bind(real) : value
  }
  return new Proxy(real, { get })
}

const nothing = async () => undefined
const ignored = async (work: Promise<void>): Promise<void> => work.catch(() => undefined)

/** Takes the card for unlocked after an act that must not unlock it, until it is locked. */
function unlocking(what: 'wrong PIN' | 'PUK' | 'help desk'): Break {
  return (pins) => {
    let open = false
    const leaving = async (work: Promise<void>, state: boolean): Promise<void> => {
      await work.finally(() => {
        open = state
      })
    }
    return {
      ...(what === 'wrong PIN' && { verifyPin: (pin) => leaving(pins.verifyPin(pin), pins.unlocked) }),
      ...(what === 'PUK' && { unblockPin: (puk, pin) => leaving(pins.unblockPin(puk, pin), true) }),
      ...(what === 'help desk' && {
        unblockWithResponse: (response, pin) => leaving(pins.unblockWithResponse(response, pin), true),
      }),
      lock: () => leaving(pins.lock(), false),
      get unlocked() {
        return open || pins.unlocked
      },
    }
  }
}

const BROKEN: Readonly<Record<string, Break>> = {
  'a wrong PIN leaves the card unlocked': unlocking('wrong PIN'),
  'unblocking unlocks': unlocking('PUK'),
  'the help desk unlocks': unlocking('help desk'),
  'locking does not lock': () => ({ lock: nothing }),
  'an always key serves more than once': () => ({ disarm: nothing }),
  'a blocked PIN is a wrong one': (pins) => ({
    verifyPin: (pin) =>
      pins.verifyPin(pin).catch((error: unknown) => {
        throw error instanceof CardError && error.sw === 0x6983 ? new CardError('ERR_PIN_WRONG', '') : error
      }),
  }),
  'a malformed PIN costs nothing': (pins) => ({
    verifyPin: async (pin) => {
      if (!pin.every((octet) => octet >= 0x30 && octet <= 0x39)) throw new CardError('ERR_PIN_FORMAT', '')
      await pins.verifyPin(pin)
    },
  }),
  'any PUK will do': (pins) => ({ changePuk: (puk, newPuk) => ignored(pins.changePuk(puk, newPuk)) }),
  'any response will do': (pins) => ({
    unblockWithResponse: (response, pin) => ignored(pins.unblockWithResponse(response, pin)),
  }),
  'a change of the PIN changes nothing': (pins) => ({ changePin: (pin) => pins.verifyPin(pin) }),
  'asking for the tries spends one': (pins) => ({
    pinCounter: async () => {
      await ignored(pins.verifyPin(new Uint8Array(8)))
      return pins.pinCounter()
    },
  }),
}

for (const [name, breaking] of Object.entries(BROKEN)) {
  test(name, async () => {
    const broken = (vault: LocalVault) => but(vault, { pins: but(vault.pins, breaking(vault.pins)) })
    const found = await walked(name, { home: home(), tcti: 'embedded:', broken }, 3000).then(
      () => 'nothing',
      (error: unknown) => String(error),
    )
    assert.match(found, /TESSERA_TEST_SEED=\d+: the card and the model part/)
    console.log(found.split('\n').slice(-3).join('\n'))
  })
}

test.run()
