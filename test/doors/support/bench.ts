// A service with cards of a test's own.
import { join } from 'node:path'
import type { CardChannel } from '../../../src/channel.ts'
import { type CardInReader, PcscService, type PcscServiceOptions } from '../../../src/doors/pcsc/service.ts'
import { plainCard } from '../../pcsc/cards.ts'
import { gate, tempDir } from '../../support/temp.ts'
import { RawClient } from './client.ts'

export const READER = 'Tessera test 00 00'

export interface Bench {
  readonly service: PcscService
  readonly path: string
  readonly troubles: readonly unknown[]
  /** A program with a context. */
  program(minor?: number): Promise<RawClient & { context: number }>
  /**
   * Resolves when the service has read what these programs told it: what the kernel has is read in the same turn as
   * what comes later, or in one before.
   */
  settled(...told: readonly RawClient[]): Promise<void>
}

export async function onBench(
  cards: CardChannel | readonly CardInReader[],
  work: (bench: Bench) => Promise<void>,
  options: PcscServiceOptions = {},
): Promise<void> {
  const path = join(tempDir('door'), 'pcsc')
  const troubles: unknown[] = []
  const programs: RawClient[] = []
  const list = 'transaction' in cards ? [{ reader: READER, channel: cards }] : cards
  const service = await PcscService.open(path, list, { onTrouble: (error) => troubles.push(error), ...options })
  try {
    await work({
      service,
      path,
      troubles,
      async program(minor) {
        const program = await RawClient.ready(path, minor)
        programs.push(program)
        return program
      },
      async settled(...told) {
        for (const one of told) await one.written
        const later = await RawClient.open(path)
        await later.ask('version', { major: 4, minor: 4 })
        await later.ask('version', { major: 4, minor: 4 })
        await later.close()
      },
    })
  } finally {
    for (const program of programs) await program.close()
    await service.close()
  }
}

/** A card that counts its resets and keeps what it was sent. */
export function watchedCard(answer: (apdu: Uint8Array) => ArrayLike<number> = () => [0x90, 0x00]) {
  const seen: string[] = []
  let told = () => {}
  const changed = () => told()
  const channel: CardChannel = {
    ...plainCard((apdu) => {
      seen.push(Buffer.from(apdu).toString('hex'))
      changed()
      return answer(apdu)
    }),
    async reset() {
      seen.push('reset')
      changed()
    },
  }
  /** Resolves when the card has seen so much. */
  const until = async (count: number) => {
    while (seen.length < count) {
      const next = gate()
      told = () => next.open()
      await next.promise
    }
  }
  return { channel, seen, until }
}
