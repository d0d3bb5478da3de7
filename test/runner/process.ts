// Runs one job in a process group of its own, so that whatever it leaves behind can be ended by id.

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { BUNDLES, bundles, type Job, root } from './jobs.ts'
import type { Ending } from './outcome.ts'

const outputLimit = 4 * 1024 * 1024
/** Group and scratch directory of each job that runs now. */
const running = new Map<number, string>()

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch {
    // Nobody left in it.
  }
}

/** The live processes of a group, as `pid name`; those that have ended and were not yet waited for do not count. */
function groupMembers(group: number): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        // pid (name) state ppid pgrp ...; the name may hold anything, also brackets.
        const end = stat.lastIndexOf(')')
        const [state, , pgrp] = stat.slice(end + 2).split(' ')
        return Number(pgrp) === group && state !== 'Z' && state !== 'X'
          ? [`${pid} ${stat.slice(stat.indexOf('('), end + 1)}`]
          : []
      } catch {
        return []
      }
    })
}

/** Ends what is left of a group, after some grace for those that are about to end by themselves, on a busy machine too. */
async function endGroup(group: number): Promise<string[]> {
  const left = await groupAfter(group, 5)
  if (left.length > 0) {
    signalGroup(group, 'SIGKILL')
    await groupAfter(group, 5)
  }
  return left
}

/** The members of a group once it is empty, or those it has after so many seconds. */
async function groupAfter(group: number, seconds: number): Promise<string[]> {
  const until = performance.now() + seconds * 1000
  let members = groupMembers(group)
  while (members.length > 0 && performance.now() < until) {
    await wait(50)
    members = groupMembers(group)
  }
  return members
}

/** Ends all jobs that run now: for a runner that was itself told to stop. */
export function endAll(): void {
  for (const [group, scratch] of running) {
    signalGroup(group, 'SIGKILL')
    rmSync(scratch, { recursive: true, force: true })
  }
}

const MEMORY = '/dev/shm'
const ROOM = 2 ** 30

/**
 * Where jobs have their files: in memory, where the system has room there. Cards and TPMs write theirs to the disk with
 * every try and every key, and a disk takes longer for that than all else takes.
 */
function inMemory(): boolean {
  try {
    const [, options = ''] = /^\S+ \/dev\/shm tmpfs (\S+)/m.exec(readFileSync('/proc/mounts', 'utf8')) ?? []
    const { bavail, bsize } = statfsSync(MEMORY)
    return options.startsWith('rw') && !options.includes('noexec') && bavail * bsize >= ROOM
  } catch {
    return false
  }
}

const scratchPlace = process.env.TMPDIR === undefined && inMemory() ? MEMORY : tmpdir()

/** A scratch directory, and in it what tsx made of our sources, which is the same for all: else each job has it made anew. */
function scratchDirectory(): string {
  const scratch = mkdtempSync(join(scratchPlace, 'tessera-'))
  const name = `tsx-${process.geteuid?.() ?? ''}`
  mkdirSync(join(tmpdir(), name), { recursive: true })
  symlinkSync(join(tmpdir(), name), join(scratch, name))
  return scratch
}

// Tests see neither the settings of the npm that started them nor the cards of the person who runs them, in readers neither.
function environmentOf(scratch: string, extra: Record<string, string>): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {}
  for (const [key, value] of Object.entries(process.env)) {
    if (!/^(npm_|NODE_ENV$|NODE_OPTIONS$|FORCE_COLOR$|TESSERA_(HOME|TCTI)$)/i.test(key)) environment[key] = value
  }
  const places = { TESSERA_HOME: join(scratch, 'home'), PCSCLITE_CSOCK_NAME: join(scratch, 'no-pcscd') }
  return { ...environment, NO_COLOR: '1', TMPDIR: scratch, [BUNDLES]: bundles, ...places, ...extra }
}

export async function run(job: Job, extra: Record<string, string>): Promise<Ending> {
  const scratch = scratchDirectory()
  const started = performance.now()
  const [program, ...args] = job.argv
  const child = spawn(program, args, {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environmentOf(scratch, job.kind === 'uvu' ? extra : {}),
  })
  const group = child.pid
  if (group !== undefined) running.set(group, scratch)

  let output = ''
  const collect = (text: string) => {
    output = (output + text).slice(-outputLimit)
  }
  child.stdout.setEncoding('utf8').on('data', collect)
  child.stderr.setEncoding('utf8').on('data', collect)
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))

  let timedOut = false
  const timers =
    group === undefined
      ? []
      : [
          setTimeout(() => {
            timedOut = true
            signalGroup(group, 'SIGTERM')
          }, job.limit * 1000),
          setTimeout(() => signalGroup(group, 'SIGKILL'), (job.limit + 3) * 1000),
        ]
  const end = await new Promise<{ code: number | null; signal: string | null; startError?: string }>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, startError: error.message }))
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  for (const timer of timers) clearTimeout(timer)
  const seconds = (performance.now() - started) / 1000
  const leftovers = group === undefined ? [] : await endGroup(group)
  // A process that left the group may still hold the pipe: its output is not waited for.
  await Promise.race([closed, wait(10_000, undefined, { ref: false })])
  child.stdout.destroy()
  child.stderr.destroy()
  if (group !== undefined) running.delete(group)
  rmSync(scratch, { recursive: true, force: true })
  return { output, seconds, timedOut, leftovers: timedOut ? [] : leftovers, ...end }
}
