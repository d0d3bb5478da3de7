// takes: 5 s
// Each check of the card edge that has a name: our own card passes it, and a card that is wrong in this one thing does not.
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Outcome } from '../../src/validate/card/assertions/assertion.ts'
import { CARD_DESCRIPTIONS, NAMED_ASSERTIONS } from '../../src/validate/card/checks.ts'
import { type PreparedCard, preparedCard, runOn } from './support/prepared-card.ts'
import { join, objects, wrongCard } from './support/wrong-card.ts'
import { WRONG_COMMANDS } from './support/wrong-commands.ts'
import { CURED_OBJECTS, WRONG_OBJECTS } from './support/wrong-objects.ts'

/** What our own card does not simply pass, and why. */
const EXCEPTIONS: Readonly<Record<string, { readonly kind: Outcome['kind']; readonly detail: RegExp }>> = {
  'data.history.url': { kind: 'not applicable', detail: /no URL/ },
  'key.9a.no-agreement': { kind: 'not applicable', detail: /no certificate of an EC key/ },
  'key.9c.no-agreement': { kind: 'deviates', detail: /9000 instead of !9000$/ },
  'key.9e.no-agreement': { kind: 'deviates', detail: /9000 instead of !9000$/ },
  'fips.key-usage': { kind: 'deviates', detail: /does not name its usage/ },
  'fips.names': { kind: 'deviates', detail: /does not name the card/ },
  'fips.signed-chuid': { kind: 'deviates', detail: /not signed/ },
  'fips.agency': { kind: 'deviates', detail: /agency 9999/ },
  'fips.years': { kind: 'deviates', detail: /later/ },
}

const WRONG = { ...WRONG_OBJECTS, ...WRONG_COMMANDS }
let card: PreparedCard
const honest = new Map<string, Outcome | undefined>()

test.before(async () => {
  card = await preparedCard()
  const run = runOn(card.channel)
  for (const assertion of NAMED_ASSERTIONS) honest.set(assertion.id, await run.run(assertion))
})

const told = (outcome: Outcome | undefined): string =>
  outcome === undefined ? 'not run' : `${outcome.kind}: ${'detail' in outcome ? outcome.detail : ''}`

test('our own card passes, but for what is said here', () => {
  const wrong = [...honest].filter(([id, outcome]) => {
    const { kind, detail } = EXCEPTIONS[id] ?? { kind: 'passed', detail: /^$/ }
    return outcome?.kind !== kind || !detail.test('detail' in outcome ? outcome.detail : '')
  })
  assert.equal(
    wrong.map(([id, outcome]) => `${id} ${told(outcome)}`),
    [],
  )
})

test('each check catches a card that is wrong in what it is about', async () => {
  const missed: string[] = []
  for (const assertion of NAMED_ASSERTIONS) {
    const wrong = WRONG[assertion.id]
    if (wrong === undefined) continue
    const outcome = await runOn(wrongCard(card, wrong)).run(assertion)
    const before = honest.get(assertion.id)
    if (outcome?.kind === 'passed' || outcome?.kind === 'not applicable' || told(outcome) === told(before))
      missed.push(`${assertion.id} ${told(outcome)}`)
  }
  assert.equal(missed, [])
})

test('a certificate that inflates to more than any has is one failure, and is not inflated', async () => {
  const long = Buffer.concat([Buffer.from('308400011170', 'hex'), Buffer.alloc(70_000)])
  const content = join([
    { tag: 0x70, value: Uint8Array.from(gzipSync(long)) },
    { tag: 0x71, value: Uint8Array.of(1) },
    { tag: 0xfe, value: new Uint8Array(0) },
  ])
  const whole = NAMED_ASSERTIONS.filter(({ id }) => id === 'certificate.whole')
  for (const assertion of whole) {
    const outcome = await runOn(wrongCard(card, objects(['5fc101', () => content]))).run(assertion)
    assert.match(told(outcome), /^failed: .*9E: .*65535/)
  }
  assert.is(whole.length, 1)
})

test('what our own card deviates in, another one has', async () => {
  const missed: string[] = []
  for (const assertion of NAMED_ASSERTIONS) {
    const cured = CURED_OBJECTS[assertion.id]
    if (cured === undefined) continue
    const outcome = await runOn(wrongCard(card, cured)).run(assertion)
    if (outcome?.kind !== 'passed') missed.push(`${assertion.id} ${told(outcome)}`)
  }
  assert.equal(missed, [])
})

test('every check has its card, a source and a name of its own; there are 200 and more', () => {
  const ids = NAMED_ASSERTIONS.map(({ id }) => id)
  const cards = [...Object.keys(WRONG), ...Object.keys(CURED_OBJECTS)]
  assert.equal(
    ids.filter((id) => !cards.includes(id)),
    ['key.9a.no-agreement'],
  )
  assert.equal(
    cards.filter((id) => !ids.includes(id)),
    [],
  )
  assert.is(new Set(CARD_DESCRIPTIONS.map(({ id }) => id)).size, CARD_DESCRIPTIONS.length)
  assert.ok(CARD_DESCRIPTIONS.length >= 200, String(CARD_DESCRIPTIONS.length))
  assert.ok(CARD_DESCRIPTIONS.every(({ source }) => source !== ''))
})

test.run()
