/** The validation of one card, or of one TPM: which checks there are, and their report. */

import { hex } from '../bytes.ts'
import type { CardChannel } from '../channel.ts'
import { isCardError, UsageError } from '../errors.ts'
import { CARD_DESCRIPTIONS, cardChecks } from './card/checks.ts'
import { assertMeant, type CardTest, guidOf, prove } from './card/preflight.ts'
import { USE_DESCRIPTIONS, useChecks } from './card/use-checks.ts'
import { OWN_CARD_DESCRIPTIONS, type OwnCardPlace, withOwnCard } from './own-card.ts'
import type { Report } from './report.ts'
import {
  type Check,
  type Class,
  type Description,
  isUndone,
  notRunFor,
  type Result,
  type RunOptions,
  runChecks,
  wasRun,
} from './result.ts'
import { TPM_CHECKS, withTpm } from './tpm/index.ts'

const asTpm = { group: 'tpm' as const }

/** Every check that there is: of a card, and of a TPM and the card that is made in it. */
export const DESCRIPTIONS: { readonly card: readonly Description[]; readonly tpm: readonly Description[] } = {
  card: [...CARD_DESCRIPTIONS, ...USE_DESCRIPTIONS],
  tpm: [...TPM_CHECKS.map(({ run: _, ...one }) => ({ ...one, ...asTpm })), ...OWN_CARD_DESCRIPTIONS],
}

export interface ValidateOptions extends Omit<RunOptions, 'onResult' | 'before'> {
  /** Versions that the report names. */
  readonly by: Report['by']
  /** A report of the same subject, which was stopped: what it has is not run again. */
  readonly before?: Report | undefined
  /** Called with the report so far after each check. */
  readonly onProgress?: ((report: Report, total: number) => Promise<void> | void) | undefined
}

export interface CardSubject extends Omit<CardTest, 'classes'> {
  readonly channel: CardChannel
  readonly title: string
  /** How long one check may go on measuring, in seconds. */
  readonly seconds: number
}

/** `home`: where the card is that is made in it. */
export interface TpmSubject extends OwnCardPlace {
  /** The chip whose times it has, in words. */
  readonly simulates?: string | undefined
}

/**
 * Validates a card. It is asked for its GUID first, and its secrets are proved once.
 * @throws UsageError ERR_USAGE where R or W are to be run and the card is not named; PinError; CardError; PcscError
 */
export async function validateCard(subject: CardSubject, options: ValidateOptions): Promise<Report> {
  const { channel, title } = subject
  const { classes } = options
  const guid = await guidOf(channel)
  assertMeant({ ...subject, classes }, guid)
  const secrets = await prove(channel, { ...subject, classes })
  const facts = { ATR: hex(channel.atr), GUID: guid, ...(channel.reader !== undefined && { reader: channel.reader }) }
  const card = { channel, guid, classes, secrets }
  const report = new Growing({ kind: 'card', title, facts }, options, DESCRIPTIONS.card.length)
  await report.run([...cardChecks(card), ...useChecks(card, subject.seconds)])
  return report.end()
}

/**
 * Validates a TPM, and a card that is made in it.
 * @throws TpmError; FileError ERR_CARD_BUSY while another validation is under way; UsageError
 */
export async function validateTpm(subject: TpmSubject, options: ValidateOptions): Promise<Report> {
  const { simulates, tcti } = subject
  const title = simulates === undefined ? `the TPM at ${tcti}` : `${simulates}, simulated`
  const facts = simulates === undefined ? {} : { simulated: 'a swtpm that takes as long as was published of this chip' }
  const report = new Growing({ kind: 'tpm', title, facts }, options, DESCRIPTIONS.tpm.length)
  await withTpm(subject, async (scratch) => {
    const checks = TPM_CHECKS.map((check): Check => ({ ...check, ...asTpm, run: () => check.run(scratch) }))
    await report.run(checks)
  })
  if (report.wants(OWN_CARD_DESCRIPTIONS)) await ownCard(subject, report)
  else await report.run(OWN_CARD_DESCRIPTIONS.map((one) => ({ ...one, run: notRun })))
  return report.end()
}

/** A card that cannot be made is what was found of the TPM: the first of its checks fails for it, and the report stays. */
async function ownCard(subject: OwnCardPlace, report: Growing): Promise<void> {
  try {
    await withOwnCard(subject, (checks) => report.run(checks))
  } catch (error) {
    // The password is asked for, and all is done again.
    if (!isCardError(error) || error.code === 'ERR_TPM_OWNER_AUTH') throw error
    await report.rest(OWN_CARD_DESCRIPTIONS, error.message)
  }
}

/** Where nothing of a group is wanted, its checks have results all the same: why they were not run. */
const notRun = () => Promise.reject(new Error('This check was not wanted.'))

/** A report that grows by one result after the other. */
class Growing {
  readonly #subject: Report['subject']
  readonly #options: ValidateOptions
  readonly #total: number
  readonly #before: ReadonlyMap<string, Result>
  readonly #results: Result[] = []

  constructor(subject: Report['subject'], options: ValidateOptions, total: number) {
    this.#subject = subject
    this.#options = options
    this.#total = total
    const { before } = options
    const isSame =
      before === undefined ||
      (before.subject.title === subject.title && before.subject.facts.GUID === subject.facts.GUID)
    if (!isSame) {
      const message = 'The report to go on with is about something else. Begin another one in another folder.'
      throw new UsageError('ERR_USAGE', message)
    }
    const done = before?.results.filter(wasRun) ?? []
    this.#before = new Map(done.map((result) => [result.id, result]))
  }

  /** Whether one of these checks is going to be run. */
  wants(descriptions: readonly Description[]): boolean {
    const { classes, only = [''], signal, until = Number.POSITIVE_INFINITY } = this.#options
    if (signal?.aborted || performance.now() > until) return false
    return descriptions.some(
      ({ id, class: letter }) =>
        classes.includes(letter) && only.some((start) => id.startsWith(start)) && !this.#before.has(id),
    )
  }

  /** Those that have no result yet: the first fails with these words, and the others are not run because of them. */
  async rest(descriptions: readonly Description[], says: string): Promise<void> {
    const known = new Set(this.#results.map(({ id }) => id))
    const left = descriptions.filter(({ id }) => !known.has(id))
    const failed = async (): Promise<never> => {
      throw new Error(says)
    }
    await this.run(left.slice(0, 1).map((one) => ({ ...one, run: failed })))
    this.#results.push(...left.slice(1).map((one) => notRunFor(one, says)))
  }

  async run(checks: readonly Check[]): Promise<void> {
    await runChecks(checks, {
      ...this.#options,
      before: this.#before,
      onResult: async (result) => {
        this.#results.push(result)
        await this.#options.onProgress?.(this.#report(false), this.#total)
      },
    })
  }

  end(): Report {
    return this.#report(!this.#results.some(isUndone))
  }

  #report(finished: boolean): Report {
    const identity = this.#results.find(({ id }) => id === 'tpm.identity')?.facts ?? {}
    const subject = { ...this.#subject, facts: { ...this.#subject.facts, ...identity } }
    const { by, classes } = this.#options
    const made = new Date().toISOString()
    return {
      format: 'tessera-validation',
      version: 1,
      made,
      by,
      subject,
      classes,
      finished,
      results: [...this.#results],
    }
  }
}

/** Classes in a list of letters; undefined where one is not known. */
export function classesOf(list: string, kind: Report['subject']['kind']): readonly Class[] | undefined {
  const known: readonly Class[] = kind === 'card' ? ['N', 'P', 'R', 'W'] : ['R', 'T', 'L']
  const letters = list.toUpperCase().split(',')
  return letters.every((letter) => known.some((one) => one === letter))
    ? known.filter((one) => letters.includes(one))
    : undefined
}
