// Puts the 77 assertions of the reference to a card in a reader: see docs/validate-a-card.md.
//
// node --import tsx test/card/main.ts [options]      npm run test:card -- [options]
import { hex } from '../../src/bytes.ts'
import { CardError } from '../../src/errors.ts'
import { openReader } from '../../src/pcsc/open.ts'
import { ASSERTIONS, AssertionRun, type Class, type Outcome } from '../contract/assertions.ts'
import { type CardTest, parse, USAGE, UsageError } from './options.ts'
import { assertMeant, assertSame, guidOf, prove, Stop } from './preflight.ts'

const EXIT = { ok: 0, failed: 1, usage: 2 } as const
const KINDS = ['passed', 'deviates', 'not applicable', 'failed'] as const satisfies Outcome['kind'][]
const WIDTH = Math.max(...KINDS.map((kind) => kind.length))

const say = (text: string): void => void process.stdout.write(`${text}\n`)

function list(): void {
  say(USAGE)
  say('\nNothing was done. These are the assertions, by class:\n')
  for (const { number, class: kind, title } of ASSERTIONS) say(`${String(number).padStart(3)} ${kind}  ${title}`)
}

async function run(test: CardTest): Promise<number> {
  const channel = await openReader(test.reader)
  // Somebody who has enough gets the end of the assertion under way: the card is not left half way.
  let enough = false
  process.once('SIGINT', () => {
    enough = true
  })
  try {
    const guid = await guidOf(channel)
    assertMeant(test, guid)
    say(
      `Reader:  ${channel.reader}\nATR:     ${hex(channel.atr)}\nCard:    ${guid}\nClasses: ${test.classes.join(', ')}\n`,
    )
    const secrets = await prove(channel, test)
    const assertions = new AssertionRun(channel, { classes: test.classes, ...(secrets && { secrets }) })
    if (test.classes.includes('W')) await assertions.prepare()
    const counts = new Map<Outcome['kind'], number>(KINDS.map((kind) => [kind, 0]))
    for (const assertion of ASSERTIONS) {
      if (enough || !test.classes.includes(assertion.class)) continue
      if (assertion.class !== 'N') await assertSame(channel, guid)
      const outcome = await assertions.run(assertion)
      if (outcome === undefined) continue
      counts.set(outcome.kind, (counts.get(outcome.kind) ?? 0) + 1)
      report(assertion, outcome)
    }
    const done = [...counts.values()].reduce((sum, count) => sum + count)
    const words = [...counts].map(([kind, count]) => `${count} ${kind === 'deviates' ? 'deviating' : kind}`).join(', ')
    say(`\n${done} of ${ASSERTIONS.length} assertions: ${words}; ${ASSERTIONS.length - done} not run`)
    return enough || counts.get('failed') !== 0 ? EXIT.failed : EXIT.ok
  } finally {
    await channel.close()
  }
}

function report({ number, class: kind, title }: { number: number; class: Class; title: string }, outcome: Outcome) {
  say(`${String(number).padStart(3)} ${kind}  ${outcome.kind.padEnd(WIDTH)}  ${title}`)
  if ('detail' in outcome) say(`${' '.repeat(WIDTH + 9)}${outcome.detail}`)
}

async function main(): Promise<number> {
  try {
    const test = parse(process.argv.slice(2))
    if (test === 'help') say(USAGE)
    else if (test === undefined) list()
    else return await run(test)
    return EXIT.ok
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof Stop || error instanceof CardError)) throw error
    process.stderr.write(`${error.message}\n`)
    if (!(error instanceof UsageError)) return EXIT.failed
    return EXIT.usage
  }
}

// Who does not read on, as in `| head`, has enough.
process.stdout.on('error', () => undefined)
process.exitCode = await main()
