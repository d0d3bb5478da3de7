// takes: 10 s
// Answers turned, cut, stretched and mixed at random: every one ends in a value or in a typed failure, none that an HMAC
// vouches for is taken, and the TPM stays usable. TESSERA_TEST_LONG=1 does fifty times as many.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { done } from '../support/done.ts'
import { type Random, seeded } from '../support/random.ts'
import { within } from '../support/temp.ts'
import { claimSize, concat, hex, u16, u32 } from '../support/wire.ts'
import { type Bench, SUBJECTS, type Subject, startBench } from './support/bench.ts'
import { call, failureOf } from './support/rig.ts'

const COUNT = process.env.TESSERA_TEST_LONG === '1' ? 125_000 : 2500

/** All that the native layer may say about an answer. */
const KINDS = ['tpm/', 'tcti/gone', 'tcti/answer', 'tcti/', 'session/forged', 'sapi/usage']

type Mutation = (answer: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array

const sized = (octets: Uint8Array): Uint8Array => (octets.length < 10 ? octets : claimSize(octets, octets.length))

function setAt(answer: Uint8Array, at: number, octets: Uint8Array): Uint8Array {
  const copy = answer.slice()
  copy.set(octets.subarray(0, copy.length - at), at)
  return copy
}

const EDGES = [0, 1, 2, 3, 16, 31, 32, 33, 64, 65, 127, 128, 255, 256, 1023, 4095, 4096, 0x7fff, 0xffff]

const MUTATIONS: readonly Mutation[] = [
  // one bit, a few octets, a size somewhere
  (answer, random) => {
    const at = random.below(answer.length)
    return setAt(answer, at, Uint8Array.of((answer[at] ?? 0) ^ (1 << random.below(8))))
  },
  (answer, random) => setAt(answer, random.below(answer.length), random.octets(random.between(1, 8))),
  (answer, random) => setAt(answer, random.between(6, answer.length - 2), u16(random.pick(EDGES))),
  (answer, random) =>
    setAt(answer, random.between(2, answer.length - 4), u32(random.pick([...EDGES, 0x7fffffff, 0xffffffff]))),
  // shorter, longer, with a hole, with something in between; the header says so
  (answer, random) => sized(answer.slice(0, random.below(answer.length))),
  (answer, random) => sized(concat(answer, random.octets(random.between(1, 40)))),
  (answer, random) => {
    const at = random.between(10, answer.length)
    return sized(concat(answer.slice(0, at), answer.slice(at + random.between(1, 20))))
  },
  (answer, random) => {
    const at = random.between(10, answer.length)
    return sized(concat(answer.slice(0, at), random.octets(random.between(1, 20)), answer.slice(at)))
  },
  // the header and the body of two different answers; noise
  (answer, random, others) => sized(concat(answer.slice(0, random.below(40)), random.pick(others).slice(10))),
  (_, random, others) => random.pick(others),
  (_, random) => sized(concat(u16(random.pick([0x8001, 0x8002])), u32(0), u32(0), random.octets(random.below(300)))),
  (_, random) => random.octets(random.between(1, 64)),
  // codes of every layer
  (answer, random) => setAt(answer, 6, u32(random.chance(2) ? random.below(0x1000) : random.next())),
]

/** What is shorter than it says would be waited for: the connection is cut behind it. */
function endsEarly(octets: Uint8Array): boolean {
  if (octets.length < 10) return true
  const claimed = new DataView(octets.buffer, octets.byteOffset).getUint32(2)
  return claimed > octets.length && claimed <= 4096
}

async function round(bench: Bench, subject: Subject, random: Random, others: Uint8Array[]): Promise<void> {
  const send = await subject.arrange(bench)
  const mutate = random.pick(MUTATIONS)
  let told = ''
  let changed = false
  bench.proxy.hooks = {
    onAnswer: ({ name }, answer) => {
      if (told !== '' || name !== subject.command) return undefined
      if (others.length < 40) others.push(answer)
      const mutant = mutate(answer, random, others)
      // A new handle is covered by no HMAC: what is done with it is bound to the Name.
      const covered = (octets: Uint8Array) => hex(subject.gives ? setAt(octets, 10, new Uint8Array(4)) : octets)
      changed = mutant.length < 14 || covered(mutant) !== covered(answer)
      told = `${name} ${hex(answer)} became ${hex(mutant)}`
      if (endsEarly(mutant)) setImmediate(() => bench.proxy.disconnect())
      return mutant
    },
  }
  let outcome = 'a value'
  await within(
    send().catch(async (error) => {
      const { layer, reason } = await failureOf(Promise.reject(error))
      outcome = `${layer}/${reason}`
    }),
    120_000,
    told,
  )
  bench.proxy.hooks = {}
  assert.ok(outcome === 'a value' || KINDS.includes(outcome), `${outcome}: ${told}`)
  if (subject.vouched && changed) assert.is.not(outcome, 'a value', told)
  const works = async () => (await call(bench.tpm, 'GetRandom', { params: u16(8) })).tpm2b().length
  await works().catch(async () => {
    await bench.reopen()
    assert.is(await works(), 8, told)
  })
  // A handle that was turned on its way, or never told, is flushed by the next connection.
  if (subject.gives || !subject.vouched || ['tpm/', 'tcti/'].includes(outcome)) await bench.reopen()
}

test(`${COUNT} answers`, async () => {
  const random = seeded('answers')
  const bench = await startBench()
  const others: Uint8Array[] = []
  for (let i = 0; i < COUNT; i += 1) {
    await round(bench, random.pick(SUBJECTS), random, others)
    if (i % 100 === 99) {
      bench.proxy.clear()
      await bench.settled(`after ${i + 1}`)
    }
  }
  await bench.settled('at the end')
  done(COUNT, 'answers')
  await bench.stop()
})

test('while a connection is opened', async () => {
  const random = seeded('opening')
  const bench = await startBench()
  const others = [new Uint8Array(12)]
  for (let i = 0; i < COUNT / 15; i += 1) {
    await bench.tpm.close()
    const victim = random.below(4) // start-up, and three lists of what was left behind
    let seen = 0
    bench.proxy.hooks = {
      onAnswer: (_, answer) => {
        seen += 1
        if (seen !== victim + 1) return undefined
        const mutant = random.pick(MUTATIONS)(answer, random, others)
        if (endsEarly(mutant)) setImmediate(() => bench.proxy.disconnect())
        return mutant
      },
    }
    await bench.reopen().catch(async (error) => {
      const { layer, reason } = await failureOf(Promise.reject(error))
      assert.ok(KINDS.includes(`${layer}/${reason}`), `${layer}/${reason}`)
      bench.proxy.hooks = {}
      await bench.reopen()
    })
  }
  await bench.settled('at the end')
  await bench.stop()
})

test.run()
