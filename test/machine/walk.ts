// Random walks: acts are chosen, done to a card and to the model, and their answers compared.
import { accessSync, constants } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { done } from '../support/done.ts'
import { firstSeed, Random } from '../support/random.ts'
import { tempDir } from '../support/temp.ts'
import { type Act, type Answer, DEFAULT, PinModel, type Settings } from './model.ts'
import { type Place, TpmSubject } from './subject.ts'

const SHOWN = 20

/** For cards of the embedded TPM, which writes its state with every wrong try: a disk would take most of the time. */
export function home(): string {
  const before = process.env.TMPDIR
  try {
    accessSync('/dev/shm', constants.W_OK)
    process.env.TMPDIR = '/dev/shm'
    return tempDir('machine')
  } catch {
    return tempDir('machine') // as well on a disk, in some minutes
  } finally {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  }
}

const digits = (random: Random) => Array.from({ length: random.between(6, 8) }, () => random.below(10)).join('')
const printable = (random: Random) => String.fromCharCode(...Array.from({ length: 8 }, () => random.between(32, 126)))
const BAD_PINS = ['', '12345', '123456789', '12a456', '１２３４５６']
const BAD_PUKS = ['', 'seven77', 'nine99999', 'tab\tchar']
/** Letters, padding in the middle, nothing but padding, padded with something else. */
const BAD_FIELDS = ['6162636465666768', '313233ff343536ff', 'ffffffffffffffff', '3132333435360000', '3132333435ffffff']
const hexField = (pin: string) => Buffer.from(pin).toString('hex').padEnd(16, 'f')

const newPin = (random: Random) => (random.chance(8) ? random.pick([...BAD_PINS, DEFAULT]) : digits(random))
const newPuk = (random: Random) => (random.chance(8) ? random.pick([...BAD_PUKS, DEFAULT]) : printable(random))
/** Mostly right, now and then wrong, seldom malformed. */
const old = (random: Random, right: string, wrong: string, malformed: readonly string[]) =>
  random.chance(12) ? random.pick(malformed) : random.chance(3) ? wrong : right
const oldPin = (random: Random, { pin }: PinModel) => old(random, pin, digits(random), BAD_PINS)
const oldPuk = (random: Random, { puk }: PinModel) => old(random, puk, printable(random), BAD_PUKS)

function settings(random: Random): Settings {
  const [pinTries, pukTries] = [random.pick([1, 2, 3, 5, 10]), random.pick([1, 3, 5, 10])]
  return { pin: digits(random), puk: printable(random), pinTries, pukTries, mustChangePin: random.chance(3) }
}

/** How often each act comes, and what it is then. */
const ACTS: ReadonlyArray<readonly [weight: number, choose: (random: Random, model: PinModel) => Act]> = [
  [200, (random, model) => ({ kind: 'verify', pin: oldPin(random, model), guarded: random.chance(4) })],
  [40, (random, { pin }) => ({ kind: 'verifyField', field: random.pick([hexField(pin), ...BAD_FIELDS]) })],
  [60, (random, model) => ({ kind: 'changePin', pin: oldPin(random, model), newPin: newPin(random) })],
  [40, (random, model) => ({ kind: 'changePuk', puk: oldPuk(random, model), newPuk: newPuk(random) })],
  [60, (random, model) => ({ kind: 'unblock', puk: oldPuk(random, model), newPin: newPin(random) })],
  [60, () => ({ kind: 'challenge' })],
  [50, (random) => ({ kind: 'respond', response: 'right', newPin: newPin(random) })],
  [
    30,
    (random) => ({
      kind: 'respond',
      response: random.pick(['stale', 'other card', 'other key', 'misread'] as const),
      newPin: newPin(random),
    }),
  ],
  [80, () => ({ kind: 'sign', slot: '9a' })],
  [80, () => ({ kind: 'sign', slot: '9c' })],
  [30, () => ({ kind: 'sign', slot: '9e' })],
  [80, () => ({ kind: 'status' })],
  [20, () => ({ kind: 'read' })],
  [20, () => ({ kind: 'lock' })],
  [15, () => ({ kind: 'clear' })],
  [15, () => ({ kind: 'reopen' })],
  [3, (random) => ({ kind: 'recreate', settings: settings(random) })],
]
const TOTAL = ACTS.reduce((sum, [weight]) => sum + weight, 0)

function chooseAct(random: Random, model: PinModel): Act {
  // A card whose PUK is blocked stays so: it is not walked over for long.
  if (model.pukLeft === 0 && random.chance(40)) return { kind: 'recreate', settings: settings(random) }
  let at = random.below(TOTAL)
  for (const [weight, choose] of ACTS) {
    if (at < weight) return choose(random, model)
    at -= weight
  }
  throw new RangeError('the weights do not add up')
}

/** Every act with every answer it got, to how often. @throws Error with the last steps, at the first wrong answer */
async function walk(place: Place, random: Random, steps: number): Promise<Map<string, number>> {
  const first = settings(random)
  const model = new PinModel(first)
  const subject = await TpmSubject.create(place, first)
  const seen = new Map<string, number>()
  const last: string[] = [`start ${JSON.stringify(first)}`]
  try {
    for (let step = 1; step <= steps; step += 1) {
      const act = chooseAct(random, model)
      const expected = model.answer(act)
      const answer = await subject.act(act).catch((error: unknown) => ({ code: String(error) }))
      last.push(`${step} ${JSON.stringify(act)}: ${JSON.stringify(answer)}`)
      if (last.length > SHOWN) last.shift()
      if (!isDeepStrictEqual(answer, expected)) throw new Error(report(last, expected))
      const what = `${act.kind}${act.kind === 'sign' ? ` ${act.slot}` : ''}: ${answer.code}`
      seen.set(what, (seen.get(what) ?? 0) + 1)
    }
  } finally {
    await subject.close()
  }
  return seen
}

const report = (last: readonly string[], expected: Answer) =>
  ['the card and the model part after these steps:', ...last, `The model says: ${JSON.stringify(expected)}`].join('\n')

/** A walk whose seed is printed, and named where it fails. */
export async function walked(name: string, place: Place, steps: number): Promise<Map<string, number>> {
  const seed = firstSeed()
  console.log(`PIN machine, ${name}: TESSERA_TEST_SEED=${seed}`)
  const started = performance.now()
  try {
    const seen = await walk(place, new Random(seed), steps)
    done(steps, 'steps')
    console.log(`PIN machine, ${name}: ${steps} steps in ${((performance.now() - started) / 1000).toFixed(1)} s`)
    return seen
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    throw new Error(`PIN machine, ${name}: TESSERA_TEST_SEED=${seed}: ${what}`, { cause: error })
  }
}
