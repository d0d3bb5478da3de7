// takes: 3 s
// Answers that no TPM gave: each is refused with a typed failure, what was in use is dropped, and the next command works.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { gate } from '../support/temp.ts'
import { claimSize, concat, flipBit, refusal, shorten, u8, u16, u32 } from '../support/wire.ts'
import { type Bench, SUBJECTS, startBench } from './support/bench.ts'
import { call, failureOf, kindOf } from './support/rig.ts'

interface Forgery {
  /** The answer that the product gets. */
  readonly make: (answer: Uint8Array) => Uint8Array
  /** Whether the connection is cut after it: what comes is shorter than it says. */
  readonly cut?: true
  /** `layer/reason` for answers that nothing vouches for, and for those with an HMAC. */
  readonly plain: string
  readonly vouched: string
}

const both = (kind: string) => ({ plain: kind, vouched: kind })
const tagged = (tag: number) => (answer: Uint8Array) => concat(u16(tag), answer.slice(2))
const longer = (answer: Uint8Array) => claimSize(concat(answer, u8(0)), answer.length + 1)
const code = (answer: Uint8Array, rc: number) => concat(answer.slice(0, 6), u32(rc), answer.slice(10))

const FORGERIES: Readonly<Record<string, Forgery>> = {
  'no octet': { make: () => new Uint8Array(0), cut: true, ...both('tcti/gone') },
  'half a header': { make: (answer) => answer.slice(0, 5), cut: true, ...both('tcti/gone') },
  'the last octet missing': { make: (answer) => answer.slice(0, -1), cut: true, ...both('tcti/gone') },
  'more claimed than sent': { make: (answer) => claimSize(answer, 4096), cut: true, ...both('tcti/gone') },
  'less claimed than sent': { make: (answer) => claimSize(answer, answer.length - 1), ...both('tcti/answer') },
  'nine octets claimed': { make: (answer) => claimSize(answer, 9), ...both('tcti/answer') },
  'nothing claimed': { make: (answer) => claimSize(answer, 0), ...both('tcti/answer') },
  '4097 octets': { make: (answer) => claimSize(concat(answer, new Uint8Array(4200)), 4097), ...both('tcti/answer') },
  '4 GiB claimed': { make: (answer) => claimSize(answer, 0xffffffff), ...both('tcti/answer') },
  '4096 zeros behind it': {
    make: (answer) => claimSize(concat(answer, new Uint8Array(4096 - answer.length)), 4096),
    ...both('tcti/answer'),
  },
  'another tag': { make: tagged(0x1234), ...both('tcti/answer') },
  'a TPM 1.2': { make: () => concat(u16(0xc4), u32(10), u32(0x1e)), ...both('tcti/answer') },
  'the tag of the other kind': {
    make: (answer) => tagged(answer[1] === 1 ? 0x8002 : 0x8001)(answer),
    plain: 'tcti/answer',
    vouched: 'session/forged',
  },
  'success and nothing else': { make: () => refusal(0), plain: 'tcti/answer', vouched: 'session/forged' },
  'one octet less': {
    make: (answer) => shorten(answer, answer.length - 1),
    plain: 'tcti/answer',
    vouched: 'session/forged',
  },
  'one octet more': { make: longer, ...both('tcti/answer') },
  'a code of the TPM': { make: () => refusal(0x9a2), ...both('tpm/') },
  'a code with all that goes with success': { make: (answer) => code(answer, 0x101), ...both('tpm/') },
  TPM_RC_INITIALIZE: { make: () => refusal(0x100), ...both('tpm/') },
  'a code of libtss2-sys': { make: () => refusal(0x80005), ...both('tcti/answer') },
  'a code of no layer': { make: () => refusal(0xffffffff), ...both('tcti/answer') },
  'a code of the resource manager for the TPM': { make: () => refusal(0xc0143), ...both('tpm/') },
  'a code of the resource manager': { make: () => refusal(0xb0001), ...both('tcti/') },
}

/** For answers with an HMAC: it is of no use whichever octet was turned. `at`: where a handle ends, if there is one. */
const TURNED: Readonly<Record<string, (answer: Uint8Array, at: number) => Uint8Array>> = {
  'the HMAC': (answer) => flipBit(answer),
  'its length': (answer) => flipBit(answer, answer.length - 33),
  'the attributes': (answer) => flipBit(answer, answer.length - 35),
  'the end of the session': (answer) => flipBit(answer, answer.length - 35, 0),
  'the nonce': (answer) => flipBit(answer, answer.length - 36),
  'the length of the nonce': (answer) => flipBit(answer, answer.length - 52),
  'the size of the parameters': (answer, at) => flipBit(answer, at + 3),
  'that size by 2^31': (answer, at) => flipBit(answer, at, 7),
  'the first parameter': (answer, at) => flipBit(answer, at + 4),
  'the inside of a parameter': (answer, at) => flipBit(answer, at + 10),
}

async function tamper(bench: Bench, subject: (typeof SUBJECTS)[number], forgery: Pick<Forgery, 'make' | 'cut'>) {
  const send = await subject.arrange(bench)
  let done = false
  bench.proxy.hooks = {
    onAnswer: ({ name }, answer) => {
      if (done || name !== subject.command) return undefined
      done = true
      if (forgery.cut) setImmediate(() => bench.proxy.disconnect())
      return forgery.make(answer)
    },
  }
  const kind = await kindOf(send())
  assert.ok(done)
  return kind
}

for (const subject of SUBJECTS) {
  test(`${subject.command}${subject.vouched ? ', by session' : ''}`, async () => {
    const bench = await startBench()
    for (const [what, forgery] of Object.entries(FORGERIES)) {
      const wanted = subject.vouched ? forgery.vouched : forgery.plain
      assert.is(await tamper(bench, subject, forgery), wanted, what)
      // A TPM that says no ends no session.
      if (subject.gives || ['tpm/', 'tcti/'].includes(wanted)) await bench.reopen()
      await bench.settled(what)
    }
    if (subject.vouched) {
      for (const [what, make] of Object.entries(TURNED)) {
        const turned = (answer: Uint8Array) => make(answer, subject.gives ? 14 : 10)
        assert.is(await tamper(bench, subject, { make: turned }), 'session/forged', what)
        // not the connection: only the session is in doubt
        assert.is((await call(bench.tpm, 'GetRandom', { params: u16(8) })).u16(), 8)
        if (subject.gives) await bench.reopen()
        await bench.settled(what)
      }
    }
    await bench.stop()
  })
}

test('an answer to another command, and the same answer once more', async () => {
  const bench = await startBench()
  const kept = new Map<string, Uint8Array>()
  for (const subject of SUBJECTS) {
    bench.proxy.hooks = { onAnswer: ({ name }, answer) => void kept.set(name, answer) }
    await (await subject.arrange(bench))()
  }
  for (const subject of SUBJECTS) {
    for (const [name, answer] of kept) {
      if (name === subject.command && !subject.vouched) continue // nothing tells these from the TPM's own
      const kind = await tamper(bench, subject, { make: () => answer }).catch((error) => `${error}`)
      assert.ok(['tcti/answer', 'session/forged'].includes(kind), `${subject.command} answered by ${name}: ${kind}`)
      if (subject.gives) await bench.reopen()
      await bench.settled(`${subject.command} answered by ${name}`)
    }
  }
  await bench.stop()
})

test('a new handle of another kind than the command makes', async () => {
  const bench = await startBench()
  for (const subject of SUBJECTS.filter(({ gives }) => gives)) {
    for (const kind of [0x00, 0x01, 0x40, 0x81, subject.command === 'Load' ? 0x03 : 0x80]) {
      const make = (answer: Uint8Array) => concat(answer.slice(0, 10), u8(kind), answer.slice(11))
      assert.is(await tamper(bench, subject, { make }), 'tcti/answer', `${subject.command} ${kind}`)
      await bench.reopen()
      await bench.settled(`${subject.command} ${kind}`)
    }
  }
  await bench.stop()
})

test('octets that nobody asked for are not taken for the next answer', async () => {
  const bench = await startBench()
  bench.proxy.hooks = { onAnswer: (_, answer) => concat(answer, answer) }
  const random = () => call(bench.tpm, 'GetRandom', { params: u16(8) })
  const first = await failureOf(random())
  assert.is(first.reason, 'answer')
  assert.match(first.message, /claims 20 octets and has 40/)
  await bench.settled('twice')
  await bench.stop()
})

test('a list of handles that is none flushes nothing', async () => {
  const bench = await startBench()
  const properties = concat(u8(0), u32(6), u32(1), u32(0x100), u32(0x80000000))
  const forged = concat(u16(0x8001), u32(10 + properties.length), u32(0), properties)
  await bench.tpm.close()
  bench.proxy.hooks = { onAnswer: ({ name }) => (name === 'GetCapability' ? forged : undefined) }
  bench.proxy.clear()
  await failureOf(bench.reopen())
  assert.is(bench.proxy.counts().FlushContext, undefined)
  bench.proxy.hooks = {}
  await bench.reopen()
  await bench.stop()
})

test('a TPM that wants to be asked again for ever', async () => {
  const bench = await startBench()
  const third = gate()
  let times = 0
  bench.proxy.hooks = {
    onCommand: ({ name }) => {
      if (name === 'GetRandom' && ++times === 3) third.open()
      return undefined
    },
    onAnswer: ({ name }) => (name === 'GetRandom' ? refusal(0x922) : undefined),
  }
  const told = failureOf(call(bench.tpm, 'GetRandom', { params: u16(8) }))
  await third.promise
  await bench.tpm.close() // ends the waiting between two tries
  const { layer, rc } = await told
  assert.ok(rc === 0x922 || layer === 'closed', `${layer} ${rc}`)
  bench.proxy.hooks = {}
  await bench.reopen()
  await bench.stop()
})

test.run()
