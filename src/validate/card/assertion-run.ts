// The 77 assertions of the reference (section 8) about the edge of a PIV card, and how they are run over any channel.
// Which classes are run is the caller's choice: see `Class`.
import type { CardChannel } from '../../channel.ts'
import { isError } from '../../errors.ts'
import {
  type Assertion,
  type Class,
  type Outcome,
  RESET_RETRY_COUNTER,
  type Step,
  VERIFY,
} from './assertions/assertion.ts'
import { CHANNEL_ASSERTIONS } from './assertions/channel.ts'
import { type Answer, Edge, SELECT, type Secrets } from './assertions/edge.ts'
import { KEY_ASSERTIONS } from './assertions/keys.ts'
import { OBJECT_ASSERTIONS } from './assertions/objects.ts'
import { PIN_ASSERTIONS } from './assertions/pins.ts'
import { isShortest } from './assertions/read.ts'
import { prepareSpareCard, WRITE_ASSERTIONS } from './assertions/writes.ts'

export type { Assertion, Class, Outcome } from './assertions/assertion.ts'
export type { Secrets } from './assertions/edge.ts'

/** In the order of their numbers. */
export const ASSERTIONS: readonly Assertion[] = [
  ...OBJECT_ASSERTIONS,
  ...PIN_ASSERTIONS,
  ...KEY_ASSERTIONS,
  ...WRITE_ASSERTIONS,
  ...CHANNEL_ASSERTIONS,
]

export interface RunOptions {
  /** What may be done to the card. */
  readonly classes: readonly Class[]
  /** Wanted for all classes but N. */
  readonly secrets?: Secrets
}

export class AssertionRun {
  readonly #classes: readonly Class[]
  readonly #edge: Edge
  readonly #secrets: Secrets | undefined
  /** Why the card is left alone from now on. */
  #stopped: string | undefined

  constructor(channel: CardChannel, { classes, secrets }: RunOptions) {
    if (secrets === undefined && classes.some((one) => one !== 'N')) {
      throw new Error('classes P, R and W want the secrets of the card')
    }
    this.#classes = classes
    this.#secrets = secrets
    this.#edge = new Edge(channel, secrets)
  }

  /** Puts keys and certificates on a spare card, which most assertions about keys want. Part of class W. */
  async prepare(): Promise<void> {
    if (!this.#classes.includes('W')) throw new Error('only class W may write')
    await this.#begun(() => prepareSpareCard(this.#edge))
  }

  /** Undefined where the class was not chosen. */
  async run(assertion: Omit<Assertion, 'number'>): Promise<Outcome | undefined> {
    if (!this.#classes.includes(assertion.class)) return undefined
    if (this.#stopped !== undefined && assertion.class !== 'N') return { kind: 'failed', detail: this.#stopped }
    try {
      return await this.#begun(async () => {
        const reason = await assertion.unless?.(this.#edge)
        if (reason !== undefined) return { kind: 'not applicable', detail: reason }
        await this.#select()
        const tolerated = await this.#steps(assertion.steps)
        return tolerated.length === 0 ? { kind: 'passed' } : { kind: 'deviates', detail: tolerated.join('; ') }
      })
    } catch (error) {
      const stopped = assertion.class === 'N' ? undefined : await this.#restore().catch((why) => String(why))
      if (stopped !== undefined)
        this.#stopped = `not run: after '${assertion.title}' the PIN is not what it was (${stopped})`
      return { kind: 'failed', detail: isError(error) ? error.message : String(error) }
    }
  }

  #begun<T>(work: () => Promise<T>): Promise<T> {
    return this.#edge.transaction(async () => {
      await this.#select()
      return work()
    })
  }

  async #select(): Promise<void> {
    await this.#edge.reset()
    const { sw } = await this.#edge.send(SELECT)
    if (sw !== 0x9000) throw new Error(`SELECT answers ${hexOf(sw)}`)
  }

  /** Answers what was tolerated. */
  async #steps(steps: readonly Step[]): Promise<string[]> {
    const tolerated: string[] = []
    const answers: Answer[] = []
    for (const [at, { send, sw: expected, check }] of steps.entries()) {
      const where = `step ${at + 1}${typeof send === 'string' ? ` (${send})` : ''}`
      const answer = await (typeof send === 'string' ? this.#edge.send(send) : send(this.#edge))
      const [wanted = '', allowed = ''] = expected.split('~')
      if (!this.#fits(answer.sw, wanted)) {
        if (!this.#fits(answer.sw, allowed)) throw new Error(`${where}: ${hexOf(answer.sw)} instead of ${expected}`)
        tolerated.push(`${where}: ${hexOf(answer.sw)} instead of ${wanted.trim()}`)
      }
      if (!isShortest(answer.data)) tolerated.push(`${where}: a length is not in its shortest form`)
      try {
        const says = await check?.(answer, this.#edge, answers)
        if (typeof says === 'string') tolerated.push(says)
      } catch (error) {
        throw new Error(`${where}: ${isError(error) ? error.message : String(error)}`)
      }
      answers.push(answer)
    }
    return tolerated
  }

  #fits(sw: number, patterns: string): boolean {
    return patterns
      .split(' ')
      .filter((pattern) => pattern !== '')
      .some((pattern) => {
        const tries = this.#secrets?.tries
        const digit = (count: number | undefined, less: string) => ((count ?? 0) - Number(less || 0)).toString(16)
        const filled = pattern
          .replace(/\{max(?:-(\d))?\}/, (_, less: string) => digit(tries?.pin, less))
          .replace(/\{pukMax(?:-(\d))?\}/, (_, less: string) => digit(tries?.puk, less))
        const [negated, digits] = filled.startsWith('!') ? [true, filled.slice(1)] : [false, filled]
        return new RegExp(`^${digits.replaceAll('x', '.')}$`, 'i').test(hexOf(sw)) !== negated
      })
  }

  /** After a failure: the PIN and its tries as they were, or the card is left alone. */
  async #restore(): Promise<undefined> {
    await this.#begun(async () => {
      const verifies = async () => (await this.#edge.send(VERIFY)).sw === 0x9000
      if (await verifies()) return
      // Who did not allow tries of the PUK to be used has not said what it is.
      if (!this.#classes.some((one) => one === 'R' || one === 'W')) throw new Error('the PIN is not taken any more')
      await this.#edge.send(RESET_RETRY_COUNTER)
      if (!(await verifies())) throw new Error('neither PIN nor PUK are taken any more')
    })
    return undefined
  }
}

const hexOf = (sw: number): string => sw.toString(16).toUpperCase().padStart(4, '0')
