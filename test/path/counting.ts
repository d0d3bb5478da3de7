// Calls of the native layer, counted: each is a hop to another thread and back. To be set up before anything is opened.
import { type Native, type NativePcscConnection, type NativeTpm, native } from '../../src/native.ts'

export interface Counted {
  /** How often each was called meanwhile; those that were not are left out. */
  during(work: () => Promise<unknown>): Promise<Readonly<Record<string, number>>>
}

type Method = (...args: unknown[]) => unknown

/** `object`, whose methods of these names are counted in `calls`. */
function counting<T extends object>(object: T, names: readonly (keyof T & string)[], calls: Map<string, number>): T {
  return new Proxy(object, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name)
      if (typeof found !== 'function') return found
      const method = found as Method
      return (...args: unknown[]) => {
        const called = names.find((one) => one === name)
        if (called !== undefined) calls.set(called, (calls.get(called) ?? 0) + 1)
        return method.apply(target, args)
      }
    },
  })
}

function counted(calls: Map<string, number>): Counted {
  return {
    async during(work) {
      calls.clear()
      await work()
      return Object.fromEntries(calls)
    },
  }
}

type Addon = { -readonly [Name in keyof Native]: Native[Name] }

/** Trips to the thread of a TPM. */
export function countTrips(): Counted {
  const addon: Addon = native()
  const { openTpm } = addon
  const calls = new Map<string, number>()
  const names: readonly (keyof NativeTpm)[] = ['run', 'startSession', 'transmit']
  addon.openTpm = async (options) => counting(await openTpm(options), names, calls)
  return counted(calls)
}

/** Calls of PC/SC. */
export function countPcsc(): Counted {
  const addon: Addon = native()
  const { PcscConnection } = addon
  const calls = new Map<string, number>()
  const names: readonly (keyof NativePcscConnection)[] = ['connect', 'reconnect', 'begin', 'transmit', 'end']
  addon.PcscConnection = new Proxy(PcscConnection, {
    construct: (target) => counting(new target(), names, calls),
  })
  return counted(calls)
}
