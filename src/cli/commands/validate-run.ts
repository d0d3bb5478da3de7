import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openChannel } from '../../cards/open.ts'
import { UsageError } from '../../errors.ts'
import { defaultHome } from '../../home/home.ts'
import { CHIPS } from '../../testing/chips.ts'
import type { ChipName } from '../../testing/index.ts'
import { startSimulatedTpm } from '../../testing/simulated-tpm.ts'
import { resolveTcti } from '../../tpm/tcti.ts'
import type { Report } from '../../validate/report.ts'
import { keepReport, keepWholeReport } from '../../validate/report-folder.ts'
import { type Class, countOf, type Description } from '../../validate/result.ts'
import { classesOf, DESCRIPTIONS, type ValidateOptions, validateCard, validateTpm } from '../../validate/validate.ts'
import { type Context, given, type Run } from '../context.ts'
import { EXIT } from '../exit.ts'
import { columns } from '../layout.ts'
import { TEXT } from '../messages.ts'
import { withOwnerPassword } from '../owner.ts'
import { choiceOf } from '../select.ts'
import { ownerSecrets, reportBefore } from '../validation.ts'

const FOLDER = 'validation'
const DEFAULTS = { card: 'N', tpm: 'R,T' } as const
/** How long one check of a TPM may go on measuring, in seconds. */
const SECONDS_EACH = 10
/** A report so far is written at most this often, in milliseconds. */
const KEEP_EVERY = 2_000

export const run: Run = async (context) => {
  const { options, out, signal } = context
  if (options.listChecks) {
    await list(context)
    return EXIT.ok
  }
  const subjects = [options.card, options.tpm, options.simulate].filter((one) => one !== undefined)
  if (subjects.length > 1) throw new UsageError('ERR_USAGE', TEXT.validate.both)
  const kind = options.card === undefined ? 'tpm' : 'card'
  const classes = classesOf(options.classes ?? DEFAULTS[kind], kind)
  if (classes === undefined)
    throw new UsageError('ERR_USAGE', TEXT.validate.classes(kind === 'card' ? 'N, P, R, W' : 'R, T, L'))
  const folder = options.reportFolder ?? FOLDER
  const before = await reportBefore(context, folder, classes)
  const began = performance.now()
  let kept = began
  const onProgress = async (report: Report, total: number) => {
    const now = performance.now()
    const done = report.results.length
    const left = ((now - began) / 1000 / done) * (total - done)
    const last = report.results.at(-1)?.title ?? ''
    await out.progress(TEXT.validate.progress(done, total, last, TEXT.validate.minutes(left)))
    if (now - kept < KEEP_EVERY) return
    kept = now
    await keepReport(folder, report)
  }
  const until = options.minutes === undefined ? undefined : began + options.minutes * 60_000
  const how: ValidateOptions = {
    classes,
    signal,
    by: versions(),
    onProgress,
    ...given({ before, until, only: options.only?.split(',') }),
  }
  const work = kind === 'card' ? overCard(context, classes, how) : overTpm(context, how)
  const report = await work.finally(() => out.progress(''))
  await keepWholeReport(folder, report)
  await tell(context, report, folder)
  return countOf(report.results, 'fail') === 0 ? EXIT.ok : EXIT.failure
}

async function overCard(context: Context, classes: readonly Class[], how: ValidateOptions): Promise<Report> {
  const { options } = context
  const place = { ...(await choiceOf(context)), ...given({ tcti: options.tcti }) }
  const secrets = await ownerSecrets(context, classes)
  const channel = await openChannel(place)
  try {
    const guid = options.guid?.toLowerCase()
    const title = `card ${options.card ?? ''}`
    return await validateCard(
      { channel, title, secrets, guid, seconds: SECONDS_EACH, pukTries: options.allPukTries },
      how,
    )
  } finally {
    await channel.close()
  }
}

/** Nothing of it is kept but the report. */
async function overSimulated(chip: ChipName, how: ValidateOptions): Promise<Report> {
  const home = await mkdtemp(join(tmpdir(), 'tessera-validate-'))
  try {
    const { tcti, stop } = await startSimulatedTpm(home, chip)
    const subject = { tcti, home, ownerPassword: new Uint8Array(0), seconds: SECONDS_EACH }
    return await validateTpm({ ...subject, simulates: CHIPS[chip].title }, how).finally(stop)
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

/** A software TPM that nobody named is one of its own, and gone afterwards. */
async function overTpm(context: Context, how: ValidateOptions): Promise<Report> {
  const { options, out } = context
  if (options.simulate !== undefined) return overSimulated(options.simulate as ChipName, how)
  const { tcti, announced } = resolveTcti(options.tpm ?? options.tcti)
  if (announced !== undefined) await out.note(announced)
  const own = announced !== undefined && tcti === 'embedded:'
  const home = own ? await mkdtemp(join(tmpdir(), 'tessera-validate-')) : defaultHome()
  try {
    return await withOwnerPassword(context, (ownerPassword = new Uint8Array(0)) =>
      validateTpm({ tcti, home, ownerPassword, seconds: SECONDS_EACH }, how),
    )
  } finally {
    if (own) await rm(home, { recursive: true, force: true })
  }
}

const versions = (): Report['by'] => ({
  tessera: (createRequire(import.meta.url)('tessera-card/package.json') as { version: string }).version,
  node: process.version,
})

async function tell({ out }: Context, report: Report, folder: string): Promise<void> {
  const { results, finished } = report
  const count = (verdict: Parameters<typeof countOf>[1]) => countOf(results, verdict)
  const bad = results.filter(({ verdict }) => verdict === 'fail' || verdict === 'deviates')
  const lines = [
    ...bad.map(
      ({ verdict, id, title, says }) => `${verdict === 'fail' ? 'failed' : verdict}  ${id}  ${title}\n    ${says}`,
    ),
    TEXT.validate.counts(count('fail'), count('deviates'), count('pass'), count('info') + count('skipped')),
    TEXT.validate.written(folder),
    ...(finished ? [] : [TEXT.validate.stopped(folder)]),
  ]
  const json = {
    finished,
    folder,
    failed: count('fail'),
    deviate: count('deviates'),
    passed: count('pass'),
    results: results.map(({ id, verdict, says }) => ({ id, verdict, says })),
  }
  await out.result(json, lines.join('\n'))
}

async function list({ out }: Context): Promise<void> {
  const all: readonly Description[] = [...DESCRIPTIONS.tpm.filter(({ group }) => group === 'tpm'), ...DESCRIPTIONS.card]
  await out.result(
    all.map(({ id, title, source, class: letter, group }) => ({ id, title, source, class: letter, group })),
    columns(
      all.map(({ id, title, source, class: letter }) => [id, letter, title, source]),
      out.width,
    ),
  )
}
