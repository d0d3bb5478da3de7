/** The assertions about the card edge as checks of one card. */
import type { CardChannel } from '../../channel.ts'
import type { Check, Class, Description, Outcome } from '../result.ts'
import { ASSERTIONS, AssertionRun } from './assertion-run.ts'
import { ANSWER_ASSERTIONS } from './assertions/answers.ts'
import type { Assertion, Outcome as AssertionOutcome, NamedAssertion } from './assertions/assertion.ts'
import { CERTIFICATE_ASSERTIONS } from './assertions/certificates.ts'
import { CHAINING_ASSERTIONS } from './assertions/chaining.ts'
import { CONTENT_ASSERTIONS } from './assertions/contents.ts'
import { COUNTER_ASSERTIONS } from './assertions/counters.ts'
import type { Secrets } from './assertions/edge.ts'
import { EVERY_KEY_ASSERTIONS } from './assertions/every-key.ts'
import { KEY_INPUT_ASSERTIONS } from './assertions/key-inputs.ts'
import { LAYOUT_ASSERTIONS } from './assertions/layouts.ts'
import { LENGTH_ASSERTIONS } from './assertions/lengths.ts'
import { OPTIONAL_OBJECT_ASSERTIONS } from './assertions/optional-objects.ts'
import { YUBICO_ASSERTIONS } from './assertions/yubico.ts'
import { YUBICO_FACT_ASSERTIONS } from './assertions/yubico-facts.ts'
import { assertSame } from './preflight.ts'
import { sourceOf, YUBICO_SOURCE } from './sources.ts'

interface Row {
  readonly description: Description
  readonly assertion: Omit<Assertion, 'number'>
}

const row = (prefix: string, source: (number: number) => string) => (assertion: Assertion) => ({
  description: {
    id: `${prefix}.${String(assertion.number).padStart(2, '0')}`,
    title: assertion.title,
    source: source(assertion.number),
    class: assertion.class,
    group: 'card' as const,
  },
  assertion,
})

/** Beside those of the reference, which have numbers. */
export const NAMED_ASSERTIONS: readonly NamedAssertion[] = [
  ...LAYOUT_ASSERTIONS,
  ...CONTENT_ASSERTIONS,
  ...OPTIONAL_OBJECT_ASSERTIONS,
  ...CERTIFICATE_ASSERTIONS,
  ...EVERY_KEY_ASSERTIONS,
  ...KEY_INPUT_ASSERTIONS,
  ...CHAINING_ASSERTIONS,
  ...ANSWER_ASSERTIONS,
  ...COUNTER_ASSERTIONS,
  ...LENGTH_ASSERTIONS,
  ...YUBICO_FACT_ASSERTIONS,
]

const named = (assertion: NamedAssertion): Row => {
  const { id, title, source, class: kind } = assertion
  return { description: { id, title, source, class: kind, group: 'card' }, assertion }
}

const ROWS: readonly Row[] = [
  ...ASSERTIONS.map(row('edge', sourceOf)),
  ...YUBICO_ASSERTIONS.map(row('yubico', () => YUBICO_SOURCE)),
  ...NAMED_ASSERTIONS.map(named),
]

export const CARD_DESCRIPTIONS: readonly Description[] = ROWS.map(({ description }) => description)

/** What a check of a card has to know. */
export interface CardUnderTest {
  readonly channel: CardChannel
  /** In hex, of its CHUID: before each check that proves something, the card is asked again. */
  readonly guid: string
  readonly classes: readonly Class[]
  /** Wanted for all classes but N. */
  readonly secrets: Secrets | undefined
}

export function cardChecks({ channel, guid, classes, secrets }: CardUnderTest): Check[] {
  const run = new AssertionRun(channel, { classes: classes.filter(isOfCard), ...(secrets && { secrets }) })
  // Keys and certificates for the others, once: before the first check that is run.
  let prepared = !classes.includes('W')
  return ROWS.map(({ description, assertion }) => ({
    ...description,
    run: async () => {
      if (assertion.class !== 'N') await assertSame(channel, guid)
      if (!prepared) await run.prepare()
      prepared = true
      return asOutcome(await run.run(assertion))
    },
  }))
}

const isOfCard = (one: Class): one is Assertion['class'] => one !== 'T' && one !== 'L'

const VERDICTS = { passed: 'pass', deviates: 'deviates', 'not applicable': 'skipped', failed: 'fail' } as const

function asOutcome(outcome: AssertionOutcome | undefined): Outcome {
  if (outcome === undefined) return { verdict: 'skipped', says: 'Not run.' }
  return { verdict: VERDICTS[outcome.kind], says: 'detail' in outcome ? outcome.detail : '' }
}
