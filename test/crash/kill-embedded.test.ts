// Kill -9 of processes with an embedded TPM while they guess PINs: none is forgotten, and no state is unusable.
// takes: 15 s
// time limit: 900 s
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { done } from '../support/done.ts'
import { meanwhile } from '../support/meanwhile.ts'
import { firstSeed } from '../support/random.ts'
import { freshState, type Scratch, type StatePlace, scratchLock } from './support/scratch.ts'

const LONG = process.env.TESSERA_TEST_LONG === '1'
/** Where the state lies, and how often its TPM is killed. */
const CAMPAIGNS: Readonly<Record<StatePlace, number>> = { memory: LONG ? 95_000 : 2_000, disk: LONG ? 5_000 : 200 }

/** What native/witness/killer/main.cc prints. */
interface Campaign {
  readonly kills: number
  /** Processes that came as far as guessing. */
  readonly guessing: number
  /** Wrong PINs that were answered, and those that the TPM has counted. */
  readonly answered: number
  readonly counted: number
  readonly overcounted: number
  /** Answered and not counted. */
  readonly lost: number
  /** Counted, though no guess can have been in flight. */
  readonly invented: number
  /** Processes that found no usable TPM. */
  readonly unusable: number
  readonly fault: string
}

interface Target extends Scratch {
  readonly stateFile: string
}

async function target(where: StatePlace, tries?: number): Promise<Target> {
  const stateFile = freshState(where)
  return { stateFile, ...(await scratchLock({ tcti: 'embedded:', stateFile, createState: true }, tries)) }
}

async function killer<T>({ stateFile, index }: Target, ...words: string[]): Promise<T> {
  const program = `${root}/native/build/Release/killer`
  if (!existsSync(program)) throw new Error('the killer is not built: node scripts/native.mjs --witness')
  const { stdout } = await promisify(execFile)(program, [stateFile, index.toString(16), ...words])
  return JSON.parse(stdout)
}

for (const where of ['memory', 'disk'] as const) {
  const kills = CAMPAIGNS[where]
  // The one mostly works, the other mostly waits for the disk.
  const begin = where === 'disk' ? meanwhile : test
  begin(`${kills} kills, state in ${where}: no wrong PIN is forgotten, no state is unusable`, async () => {
    const one = await target(where)
    const seed = String(firstSeed())
    const started = performance.now()
    const campaign = await killer<Campaign>(one, 'kill', String(kills), seed)
    const { guessing, answered, counted, overcounted, lost, invented, unusable, fault } = campaign
    const rate = Math.round((1000 * kills) / (performance.now() - started))
    console.log(
      `  ${where}, seed ${seed}: ${kills} kills, ${rate}/s; ${answered} wrong PINs answered, ${counted} counted`,
    )
    done(kills, 'kills')
    assert.equal({ lost, invented, unusable, fault }, { lost: 0, invented: 0, unusable: 0, fault: '' })
    assert.is(counted, answered + overcounted)
    assert.ok(overcounted <= kills, 'at most one in flight for each kill')
    // Not vacuous: most came to guess, and some were killed between the store and the answer.
    assert.is(campaign.kills, kills)
    assert.ok(guessing > kills / 3 && answered > kills / 3 && overcounted > 0)
    assert.is(await one.prove(), counted)
  })
}

test('limit 3, killed after each guess: three are compared, then the right PIN is refused as well', async () => {
  const one = await target('memory', 3)
  assert.equal(await killer(one, 'limit', '8'), { answered: 3, blocked: 5, fault: '' })
  const error = await one.prove().then(
    () => undefined,
    (reason: Error & { code?: string }) => reason,
  )
  assert.is(error?.code, 'ERR_PIN_BLOCKED')
})

test('a wrong PIN is on the disk before it is answered', async () => {
  const { code, calls } = await killer<{ code: number; calls: string }>(await target('memory'), 'order')
  assert.is(code, 0x9a2)
  // Content before name, name before answer: what a loss of power leaves is the old state or the new one.
  assert.match(calls, /^(posix_fallocate )?(pwrite )+ftruncate fdatasync renameat fsync $/)
})

test('a state file that is written over loses states', async () => {
  const { unusable } = await killer<Campaign>(await target('memory'), 'kill', '300', '1', 'in-place')
  assert.ok(unusable > 0)
})

test('a state that is stored after the answer loses wrong PINs', async () => {
  const { lost } = await killer<Campaign>(await target('memory'), 'kill', '300', '1', 'late')
  assert.ok(lost > 0)
})

test.run()
