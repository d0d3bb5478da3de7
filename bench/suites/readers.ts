// The way through PC/SC: pcscd, vpcd and `tessera serve`, against a card in C that answers at once, and against the card
// in the process.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { type Pcscd, startPcscd } from '../../test/support/pcscd.ts'
import { atExit, tempDir, within } from '../../test/support/temp.ts'
import type { Run } from '../cases/protocol.ts'
import type { ReaderSetup } from '../cases/reader.ts'
import { CaseProcess } from '../measure/process.ts'
import { inTurns } from '../measure/rounds.ts'
import type { Options } from '../options.ts'
import { load, root } from '../product.ts'
import type { SingleResult } from '../report/results.ts'
import { nodeCase, program } from './layer-case.ts'
import { singleResult } from './singles.ts'

const PIN = '483920'
const GROUP = 'readers'
/** Shorter rounds hold no exchange of a card whose every exchange takes 50 ms. */
const LEAST_MS = 200
const IDLE_MS = 5000
const LIMIT_MS = 20_000

/** A program that stays until it is stopped, from its first line on. */
async function started(argv: readonly string[], env: Record<string, string> = {}): Promise<ChildProcess> {
  const [name = '', ...rest] = argv
  const child = spawn(name, rest, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } })
  atExit(() => child.kill('SIGKILL'))
  await within(once(createInterface({ input: child.stdout }), 'line'), LIMIT_MS, `${name} does not start`)
  return child
}

async function stopped(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await within(exit, LIMIT_MS, 'a program does not end')
}

/** Resolves when PC/SC has a card in the reader, or has none. */
async function seen(reader: string, there: boolean): Promise<void> {
  const { watchReaders } = await load(root, 'index')
  const watch = watchReaders()
  const event = there ? 'card-inserted' : 'card-removed'
  try {
    const { listReaders } = await load(root, 'index')
    const changed = new Promise<void>((resolve) => watch.on(event, ({ name }) => name === reader && resolve()))
    if ((await listReaders()).find(({ name }) => name === reader)?.card === there) return
    await within(changed, LIMIT_MS, `PC/SC does not see that ${there ? 'a' : 'no'} card is in ${reader}`)
  } finally {
    watch.close()
  }
}

/** What a case took for each of its operations, in milliseconds, in turns with the others. */
async function timed(setups: Readonly<Record<string, ReaderSetup>>, { rounds, slice }: Options) {
  const cases: CaseProcess[] = []
  try {
    for (const [name, setup] of Object.entries(setups)) {
      cases.push(await CaseProcess.start(name, nodeCase('reader.ts', setup)))
    }
    const request = `run ${Math.max(slice, LEAST_MS)} 0`
    for (const one of cases) await one.ask<Run>(request)
    const answers = await inTurns(cases, rounds, (one) => one.ask<Run>(request))
    return Object.keys(setups).map((name, at) => {
      const runs = answers.get(cases[at] as CaseProcess) ?? []
      return singleResult(
        GROUP,
        name,
        runs.flatMap(({ us }) => us.map((each) => each / 1000)),
      )
    })
  } finally {
    for (const one of cases) await one.end()
  }
}

/** Share of one core that a process takes while nobody asks anything of it, in per cent. */
async function idle(name: string, pid: number): Promise<SingleResult> {
  const ticks = () => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
    return Number(fields[11]) + Number(fields[12])
  }
  const before = ticks()
  await pause(IDLE_MS)
  const hundredths = ticks() - before // USER_HZ is 100
  return singleResult(GROUP, name, [(hundredths * 10) / (IDLE_MS / 100)], '%')
}

async function withCard(home: string, pcscd: Pcscd): Promise<ChildProcess> {
  const { createCard } = await load(root, 'index')
  const card = await createCard({ name: 'bench', home, tcti: 'embedded:', pin: PIN, puk: 'open ?me' })
  await card.verifyPin(PIN)
  await card.generateKey('9a')
  await card.close()
  return serve(home, pcscd)
}

const serve = (home: string, { ports }: Pcscd) =>
  started([process.execPath, join(root, 'bin/tessera'), 'serve', 'bench', '--vpcd', `127.0.0.1:${ports[0]}`], {
    TESSERA_HOME: home,
  })

/** From the moment at which the card is served to that at which PC/SC has it, in milliseconds. */
async function insertions(count: number, { ports, readers: [, reader] }: Pcscd): Promise<SingleResult> {
  const { createCard, serveCard } = await load(root, 'index')
  const home = tempDir('bench')
  await (await createCard({ name: 'bench', home, tcti: 'embedded:', pin: PIN, puk: 'open ?me' })).close()
  const samples: number[] = []
  for (let left = count; left > 0; left -= 1) {
    const before = performance.now()
    const served = await serveCard('bench', { home, vpcd: `127.0.0.1:${ports[1]}` })
    await seen(reader, true)
    samples.push(performance.now() - before)
    await served.close()
    await seen(reader, false)
  }
  return singleResult(GROUP, 'a served card is visible', samples)
}

export async function measureReaders(options: Options): Promise<SingleResult[]> {
  const pcscd = await startPcscd()
  const home = tempDir('bench')
  const [mine, other] = pcscd.readers
  const results: SingleResult[] = []
  try {
    results.push(await insertions(Math.max(3, Math.ceil(options.rounds / 3)), pcscd))
    const served = await withCard(home, pcscd)
    await seen(mine, true)
    const ours: ReaderSetup = { what: 'exchange', reader: mine, pin: PIN }
    for (const [how, name] of [
      ['quickack', 'one APDU to a card in C that answers at once'],
      ['plain', 'the same without TCP_QUICKACK'],
    ]) {
      const instant = await started([program('instant_card'), `${pcscd.ports[1]}`, `${how}`])
      await seen(other, true)
      const measured = await timed(
        { [`${name}`]: { ...ours, reader: other }, 'one APDU to tessera serve': ours },
        options,
      )
      results.push(...(how === 'quickack' ? measured : measured.slice(0, 1)))
      await stopped(instant)
      await seen(other, false)
    }
    results.push(
      ...(await timed(
        {
          'Card.sign P-256, in this process': { ...ours, what: 'inProcess' },
          'Card.sign P-256, over PC/SC': { ...ours, what: 'throughReader' },
        },
        options,
      )),
    )
    results.push(await idle('idle tessera serve, in the reader', served.pid ?? 0))
    await pcscd.stop()
    results.push(await idle('idle tessera serve, without pcscd', served.pid ?? 0))
    await stopped(served)
    return results
  } finally {
    await pcscd.stop()
  }
}
