// An act on a TPM that lives on when the program dies, killed before and after each of its commands.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { inspect, isDeepStrictEqual } from 'node:util'
import { CC } from '../../support/codes.ts'
import type { TpmProxy } from '../../support/proxy.ts'
import { tempDir } from '../../support/temp.ts'
import { RH } from '../../support/templates.ts'
import { command, passwordArea, u32 } from '../../support/wire.ts'
import type { Act } from './acts.ts'
import { BYSTANDER, create, firstSecrets, makeKey, type Secrets } from './card.ts'
import { type Child, startChild } from './children.ts'
import { diesAt, dying, type Point } from './crash.ts'
import type { Report } from './sweep-disks.ts'
import { must, shape, type World } from './world.ts'

const SRK = 0x81000001

export interface WireOptions {
  /** Another card in the same home; without one, the TPM has no storage key either when the act begins. */
  readonly beside: boolean
  /** The first command at which it dies, and the next ones after so many. */
  readonly first: number
  readonly step: number
  /** At every so many points a program of its own is killed as well, by SIGKILL, and must leave the same behind. */
  readonly every: number
}

export async function sweepWire(
  act: Act,
  proxy: TpmProxy,
  { beside, first, step, every }: WireOptions,
): Promise<Report> {
  const home = join(tempDir('crash'), 'home')
  mkdirSync(home)
  const world: World = {
    spot: { home, tcti: proxy.tcti },
    look: (work) => work((octets) => proxy.transmit(octets)),
  }
  let secrets = firstSecrets()
  if (beside) {
    const card = await create(world.spot, BYSTANDER, secrets)
    await makeKey(card).finally(() => card.close())
  }
  const report: Report = { points: 0, kills: 0, disks: 0, loaded: 0, found: {}, wrong: [] }
  let next: Child | undefined

  async function ready(): Promise<void> {
    if (!beside) await proxy.transmit(command(CC.EvictControl, [RH.owner, SRK], u32(SRK), [passwordArea()]))
    await act.ready(world, secrets)
  }
  async function judge(): Promise<void> {
    const [found, now] = await act.judge(world, secrets, report.points + report.kills)
    report.found[found] = (report.found[found] ?? 0) + 1
    secrets = now
  }
  /** Dies twice at most: as if, then in earnest. False where the act ended before. */
  async function dieAt(point: Point): Promise<boolean> {
    await ready()
    const died = await diesAt(proxy, point, (files) => act.run({ ...world.spot, files }, secrets))
    const left = await shape(world)
    await judge()
    if (!died) return false
    report.points += 1
    if (left.objects + left.sessions > 0) report.loaded += 1
    if (report.points % every !== 0) return true

    await ready()
    const child = next ?? startChild()
    next = startChild() // is ready by the time it is wanted
    await killAt(proxy, point, child, act, world, secrets)
    const found = await shape(world)
    must(isDeepStrictEqual(found, left), `killed: ${inspect(found)}, interrupted: ${inspect(left)}`)
    await judge()
    report.kills += 1
    return true
  }

  for (let at = first; ; at += step) {
    for (const side of ['before', 'after'] as const) {
      try {
        if (await dieAt({ at, side })) continue
      } catch (error) {
        if (!(error instanceof Error)) throw error
        report.wrong.push(`${side} command ${at}: ${error.stack}`)
      }
      await next?.kill()
      return report
    }
  }
}

async function killAt(proxy: TpmProxy, point: Point, child: Child, act: Act, { spot }: World, secrets: Secrets) {
  await child.ready
  proxy.hooks = dying(point, () => child.kill())
  const { home, tcti } = spot
  const answer = await child.ask('act', { act: act.name, spot: { home, tcti }, secrets })
  must(answer === undefined, 'the program to be killed ended')
  proxy.hooks = {}
}
