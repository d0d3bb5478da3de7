// Where a crash happens: one home and one TPM, and what must hold there after the next start, whatever was interrupted.
import { readdirSync } from 'node:fs'
import { Home } from '../../../src/home/home.ts'
import { acquireDevice, releaseDevice } from '../../../src/tpm/devices.ts'
import { storesOf } from '../../../src/tpm/stores.ts'
import type { TpmVault } from '../../../src/tpm/vault/vault.ts'
import { CC } from '../../support/codes.ts'
import { answerCode, command, concat, Reader, rcText, u32 } from '../../support/wire.ts'
import { type Spot, withCard } from './card.ts'

type Transmit = (command: Uint8Array) => Promise<Uint8Array>

export interface World {
  readonly spot: Spot
  /** Raw commands to the same TPM, past the product and past hooks. */
  look<T>(work: (transmit: Transmit) => Promise<T>): Promise<T>
}

/** Handles in the TPM. Sessions: those that are loaded. */
export interface Inventory {
  readonly nv: readonly number[]
  readonly objects: readonly number[]
  readonly sessions: readonly number[]
}

const HANDLES = 1
const FIRST = { nv: 0x01000000, sessions: 0x02000000, objects: 0x80000000 } as const

async function handles(transmit: Transmit, first: number): Promise<number[]> {
  const answer = await transmit(command(CC.GetCapability, [], concat(u32(HANDLES), u32(first), u32(254))))
  if (answerCode(answer) !== 0) throw new Error(`GetCapability: ${rcText(answerCode(answer))}`)
  const reader = new Reader(answer.subarray(15))
  return Array.from({ length: reader.u32() }, reader.u32)
}

export async function inventory(transmit: Transmit): Promise<Inventory> {
  const [nv, sessions, objects] = [
    await handles(transmit, FIRST.nv),
    await handles(transmit, FIRST.sessions),
    await handles(transmit, FIRST.objects),
  ]
  return { nv, sessions, objects }
}

/** The embedded TPM of a home, in this process. */
export function embeddedWorld(spot: Omit<Spot, 'tcti'>): World {
  const stateFile = new Home(spot.home).tpmState
  return {
    spot: { ...spot, tcti: 'embedded:' },
    async look(work) {
      const device = await acquireDevice({ tcti: 'embedded:', stateFile, createState: false })
      try {
        return await work((octets) => device.transmit(octets))
      } finally {
        await releaseDevice(device)
      }
    },
  }
}

/** Opens a card as a program that is just started: from then on nothing of a dead one is left in the TPM. */
export function start<T>(world: World, name: string, work: (card: TpmVault) => Promise<T>): Promise<T> {
  return withCard(world.spot, name, async (card) => {
    await nothingLoaded(world)
    return work(card)
  })
}

async function nothingLoaded(world: World): Promise<void> {
  const { objects, sessions } = await world.look(inventory)
  must(objects.length === 0, `objects left in the TPM: ${objects.map(rcText)}`)
  must(sessions.length === 0, `sessions left in the TPM: ${sessions.map(rcText)}`)
}

/** No journal, nothing loaded, and in the TPM the indices of the cards on disk and no others. */
export async function clean(world: World): Promise<void> {
  const files = filesOf(world)
  must(!files.some((name) => name.endsWith('.journal')), `a journal is left: ${files}`)
  await nothingLoaded(world)
  const listed = await storesOf(world.spot).store.list()
  const known = listed.flatMap((one) => ('card' in one ? [one.card.pin.handle, one.card.puk.handle] : []))
  must(known.length === 2 * listed.length, 'a card file cannot be read')
  const { nv } = await world.look(inventory)
  const text = (list: readonly number[]) => [...list].sort().map(rcText).join(' ')
  must(text(nv) === text(known), `NV indices: ${text(nv) || 'none'}; of cards: ${text(known) || 'none'}`)
}

/** Names of what is in the cards folder, sorted. */
export function filesOf({ spot }: World): string[] {
  try {
    return readdirSync(new Home(spot.home).cards).sort()
  } catch {
    return []
  }
}

/** What a crash left behind, before anybody cleans up: comparable between one way to crash and another. */
export interface Shape {
  /** But for lock files, which are never removed. */
  readonly files: string
  /** How many of each are in the TPM. */
  readonly nv: number
  readonly objects: number
  readonly sessions: number
}

export async function shape(world: World): Promise<Shape> {
  const { nv, objects, sessions } = await world.look(inventory)
  const files = filesOf(world).filter((name) => !name.endsWith('lock'))
  return { files: files.join(' '), nv: nv.length, objects: objects.length, sessions: sessions.length }
}

/** What must not be after a crash. */
export class Wrong extends Error {}

export function must(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Wrong(otherwise)
}
