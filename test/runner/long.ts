// node test/run --long [CAMPAIGN ...] [--minutes N] [--seed S] [--json FILE]
//
// Runs campaigns (campaigns.ts), all or those named. With --minutes each has its share of the time, in rounds of the length
// that `npm test` has, every one with another seed; without, one round with large counts, which takes hours.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { bundleTests } from './bundle.ts'
import {
  addDone,
  CAMPAIGN_NAMES,
  CAMPAIGNS,
  type CampaignName,
  type CampaignResult,
  campaignTable,
} from './campaigns.ts'
import { testJobs } from './jobs.ts'
import { runAll } from './queue.ts'
import { failureText } from './report.ts'

export interface LongOptions {
  readonly campaigns: readonly CampaignName[]
  /** Of the whole run; undefined for one round with large counts. */
  readonly minutes: number | undefined
  readonly seed: number
  readonly json: string | undefined
}

/** @throws Error that names what is not known */
export function longOptions(args: readonly string[]): LongOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { minutes: { type: 'string' }, seed: { type: 'string' }, json: { type: 'string' } },
  })
  const unknown = positionals.filter((name) => !CAMPAIGN_NAMES.some((known) => known === name))
  if (unknown.length > 0)
    throw new Error(`unknown campaign ${unknown.join(', ')}. Known: ${CAMPAIGN_NAMES.join(', ')}.`)
  const minutes = values.minutes === undefined ? undefined : within('--minutes', values.minutes, 1, 10_000)
  const seed =
    values.seed === undefined ? Math.floor(Math.random() * 0x8000_0000) : within('--seed', values.seed, 0, 0xffff_ffff)
  const campaigns = positionals.length > 0 ? (positionals as CampaignName[]) : CAMPAIGN_NAMES
  return { campaigns, minutes, seed, json: values.json }
}

function within(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most)) throw new Error(`${option} takes a number from ${least} to ${most}.`)
  return value
}

async function runCampaign(campaign: CampaignName, options: LongOptions, seconds: number): Promise<CampaignResult> {
  const { files }: { readonly files: readonly string[] } = CAMPAIGNS[campaign]
  const large = options.minutes === undefined
  const jobs = testJobs(large).filter(({ name }) => files.some((part) => name.includes(part)))
  if (jobs.length === 0) throw new Error(`campaign ${campaign} has no test file`)
  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 1000
  let result: CampaignResult = { campaign, rounds: 0, seconds: 0, done: {}, findings: [] }
  do {
    const seed = (options.seed + result.rounds) >>> 0
    console.log(`\n${campaign}, round ${result.rounds + 1}: TESSERA_TEST_SEED=${seed}`)
    const environment = { TESSERA_TEST_SEED: `${seed}`, ...(large ? { TESSERA_TEST_LONG: '1' } : {}) }
    const outcomes = await runAll(jobs, environment)
    const found = outcomes.filter(({ failed }) => failed > 0)
    result = {
      campaign,
      rounds: result.rounds + 1,
      seconds: elapsed(),
      done: outcomes.reduce((sum, { output }) => addDone(sum, output), { ...result.done }),
      findings: [...result.findings, ...found.map((one) => ({ file: one.job.name, seed, output: failureText(one) }))],
    }
    // Another round only where it ends in time, as far as the last ones tell.
  } while (!large && elapsed() * (1 + 1 / result.rounds) <= seconds)
  return result
}

/** Answers whether nothing was found. */
export async function runCampaigns(args: readonly string[]): Promise<boolean> {
  const options = longOptions(args)
  await bundleTests()
  const share = ((options.minutes ?? 0) * 60) / options.campaigns.length
  const results: CampaignResult[] = []
  for (const campaign of options.campaigns) results.push(await runCampaign(campaign, options, share))
  const machine = { node: process.version, processor: cpus()[0]?.model ?? 'unknown', processors: cpus().length }
  const report = {
    date: new Date().toISOString(),
    seed: options.seed,
    minutes: options.minutes ?? null,
    machine,
    results,
  }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
  console.log(
    `\n${report.date}, seed ${report.seed}, Node ${machine.node}, ${machine.processors} x ${machine.processor}`,
  )
  console.log(campaignTable(results))
  return results.every(({ findings }) => findings.length === 0)
}
