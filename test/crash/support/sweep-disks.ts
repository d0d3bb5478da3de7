// An act on an embedded TPM, killed at every point: each disk that is left is started from.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Files, filesOver } from '../../../src/files/files.ts'
import { tempDir } from '../../support/temp.ts'
import type { Act } from './acts.ts'
import { BYSTANDER, create, firstSecrets, makeKey, type Spot } from './card.ts'
import { type Child, startChild } from './children.ts'
import { type Disk, fingerprint, readDisk, type Watch, watchedSteps, watchingTpm, writeDisk } from './snapshots.ts'
import { embeddedWorld, must } from './world.ts'

export interface Report {
  /** Points at which the act was interrupted. */
  points: number
  /** At how many of them a program of its own was killed by SIGKILL as well. */
  kills: number
  /** How many different disks were left (embedded TPM only). */
  disks: number
  /** After how many of them sessions or objects of the dead program were in the TPM (swtpm only). */
  loaded: number
  /** How often each outcome was found. */
  readonly found: Record<string, number>
  /** Where something was not as it must be. */
  readonly wrong: string[]
}

export interface DiskOptions {
  /** Another card in the same home. */
  readonly beside: boolean
  /** At every so many TPM commands a program of its own is killed as well, and must leave the same files. */
  readonly every: number
  /** Files that are worse than the product's: shows what those are good for. */
  readonly weaken?: (files: Files) => Files
}

interface Left {
  readonly disk: Disk
  /** Each point that leaves this disk. */
  readonly points: string[]
}

export async function sweepDisks(act: Act, { beside, every, weaken = (files) => files }: DiskOptions): Promise<Report> {
  const secrets = firstSecrets()
  const root = tempDir('crash')
  const home = join(root, 'home')
  mkdirSync(home)
  const spot: Spot = { home, tcti: 'embedded:' }
  if (beside) {
    const card = await create(spot, BYSTANDER, secrets)
    await makeKey(card).finally(() => card.close())
  }
  await act.ready(embeddedWorld(spot), secrets)
  const first = readDisk(home)

  const report: Report = { points: 0, kills: 0, disks: 0, loaded: 0, found: {}, wrong: [] }
  const disks = new Map<string, Left>()
  const trips: { readonly at: number; readonly side: 'before' | 'after'; readonly disk: Disk }[] = []
  let trip = 0
  const seen: Watch = (side, what) => {
    const disk = readDisk(home)
    const print = fingerprint(disk)
    const left = disks.get(print) ?? { disk, points: [] }
    disks.set(print, left)
    report.points += 1
    left.points.push(`point ${report.points}, ${side} ${what}`)
  }
  const seenTrip: Watch = (side, what) => {
    seen(side, what)
    if (side === 'before') trip += 1
    trips.push({ at: trip, side, disk: readDisk(home) })
  }
  await watchingTpm(seenTrip, () => act.run({ ...spot, files: weaken(filesOver(watchedSteps(seen))) }, secrets))

  async function judge(place: string, disk: Disk, times: number, what: string): Promise<void> {
    try {
      writeDisk(disk, place)
      const [found] = await act.judge(embeddedWorld({ home: place }), secrets, report.disks)
      report.found[found] = (report.found[found] ?? 0) + times
    } catch (error) {
      if (!(error instanceof Error)) throw error
      report.wrong.push(`${what}: ${error.stack}`)
    }
  }
  for (const { disk, points } of disks.values()) {
    report.disks += 1
    await judge(join(root, `disk-${report.disks}`), disk, points.length, points[0] ?? '')
  }
  let next: Child | undefined
  for (const { at, side, disk } of trips.filter((_, index) => index % every === every - 1)) {
    const place = join(root, `kill-${report.kills}`)
    writeDisk(first, place)
    const child = next ?? startChild()
    next = startChild() // is ready by the time it is wanted
    const order = { act: act.name, spot: { home: place, tcti: 'embedded:' }, secrets, die: { at, side } }
    must((await child.ask('act', order)) === undefined, 'the program to be killed ended')
    await child.ended
    // Whether room for the next state is reserved (state.new) hangs on the TPM's own clock.
    const names = (one: Disk) =>
      [...one.keys()]
        .filter((name) => !name.endsWith('.new'))
        .sort()
        .join(' ')
    const files = names(readDisk(place))
    if (files !== names(disk)) report.wrong.push(`killed ${side} trip ${at}: ${files} instead of ${names(disk)}`)
    await judge(place, new Map(), 1, `killed ${side} trip ${at}`)
    report.kills += 1
  }
  await next?.kill()
  return report
}
