// A channel whose next answers a test can choose.

import type { CardChannel, Transmit } from '../channel.ts'
import { UsageError } from '../errors.ts'

export interface FaultyChannel {
  readonly channel: CardChannel
  /** @throws UsageError ERR_USAGE */
  failNext(status: number, times: number): void
}

export function faulty(channel: CardChannel): FaultyChannel {
  const next: number[] = []
  const failing =
    (transmit: Transmit): Transmit =>
    async (apdu, options) => {
      const status = next.shift()
      return status === undefined ? transmit(apdu, options) : Uint8Array.of(status >> 8, status & 0xff)
    }
  return {
    channel: {
      ...{ atr: channel.atr, reset: () => channel.reset(), close: () => channel.close() },
      transaction: (work, options) => channel.transaction((transmit) => work(failing(transmit)), options),
      ...(channel.extended !== undefined && { extended: channel.extended }),
    },
    failNext(status, times) {
      if (!Number.isInteger(status) || status < 0x6000 || status > 0x9fff)
        throw new UsageError('ERR_USAGE', 'A status word is a number from 0x6000 to 0x9fff (ISO/IEC 7816-4, 5.6).')
      if (!Number.isInteger(times) || times < 1 || times > 1000)
        throw new UsageError('ERR_USAGE', 'failNext takes 1 to 1000 times.')
      for (let left = times; left > 0; left -= 1) next.push(status)
    },
  }
}
