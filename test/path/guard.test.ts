// takes: 15 s
// The signing path may not grow: TPM commands, NV writes, hops to another thread, and exchanges with a reader, each
// signature. Counts and not times, so that they are the same on every machine.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Card } from '../../src/index.ts'
import { PIN, type Subject, startSubject } from '../contract/subjects.ts'
import { countPcsc, countTrips } from './counting.ts'

const trips = countTrips()
const pcsc = countPcsc()
const data = new Uint8Array(100)
const POLICIES = ['never', 'once', 'always'] as const
/** `apdus`: of one use in a reader that takes short ones alone. */
const ALGORITHMS = {
  'P-256': { command: 'Sign', slot: 0x82, apdus: 1 },
  'RSA-2048': { command: 'RSA_Decrypt', slot: 0x8a, apdus: 3 },
}

/** What one signature may cost with its key loaded: the TPM's commands, and trips to its thread. */
const COSTS = {
  never: { commands: {}, trips: { run: 1 } },
  once: { commands: { PolicyTicket: 1 }, trips: { run: 1 } },
  always: { commands: {}, trips: { run: 1 } },
} as const

/** What VERIFY may cost where the card has an `always` key, and was verified before. */
const VERIFY = { commands: { PolicyRestart: 2, PolicySecret: 2 }, trips: { run: 2 } } as const

/** A card with a key of each kind; the PIN is verified. */
async function furnished(subject: Subject): Promise<{ card: Card; slot(algorithm: string, policy: string): string }> {
  const { card } = await subject.fresh()
  await subject.manage(card)
  const slots = new Map<string, string>()
  for (const [algorithm, { slot }] of Object.entries(ALGORITHMS)) {
    for (const [at, pinPolicy] of POLICIES.entries()) {
      const name = (slot + at).toString(16)
      slots.set(algorithm + pinPolicy, name)
      await card.generateKey(name, { algorithm, pinPolicy })
    }
  }
  await card.verifyPin(PIN)
  return { card, slot: (algorithm, policy) => slots.get(algorithm + policy) ?? '' }
}

async function onSubject(name: 'embedded' | 'swtpm' | 'pcsc', work: (subject: Subject) => Promise<void>) {
  const subject = await startSubject(name)
  try {
    await work(subject)
    await subject.clear()
  } finally {
    await subject.stop()
  }
}

for (const name of ['embedded', 'swtpm'] as const) {
  test(`${name}: a signature is its command and no more than one besides, no NV write, one trip`, () =>
    onSubject(name, async (subject) => {
      const { card, slot } = await furnished(subject)
      const cost = async (work: () => Promise<unknown>) => {
        let made: Readonly<Record<string, number>> = {}
        const spent = await subject.bench?.spent(async () => {
          made = await trips.during(work)
        })
        return { commands: spent?.commands, writes: spent?.writes, trips: made }
      }
      for (const [algorithm, { command }] of Object.entries(ALGORITHMS)) {
        for (const policy of POLICIES) {
          const key = slot(algorithm, policy)
          const sign = () => card.sign(key, data)
          if (policy === 'always') await card.verifyPin(PIN)
          await sign() // loads the key
          for (let round = 0; round < 3; round += 1) {
            if (policy === 'always') {
              assert.equal(await cost(() => card.verifyPin(PIN)), { ...VERIFY, writes: 0 }, 'VERIFY')
            }
            const { commands, trips: made } = COSTS[policy]
            const most = { commands: { ...commands, [command]: 1 }, writes: 0, trips: made }
            assert.equal(await cost(sign), most, `${algorithm}, ${policy}`)
          }
        }
      }
    }))

  test(`${name}: a key that is not loaded costs one load and two trips more`, () =>
    onSubject(name, async (subject) => {
      const { card, slot } = await furnished(subject)
      const keys = [slot('P-256', 'once'), slot('RSA-2048', 'once'), slot('P-256', 'never')]
      for (const key of keys) await card.sign(key, data)
      for (const key of keys) {
        const spent = await subject.bench?.spent(async () => {
          assert.equal(await trips.during(() => card.sign(key, data)), { run: 3 })
        })
        assert.equal([spent?.commands.Load, spent?.commands.FlushContext, spent?.writes], [1, 1, 0])
      }
    }))
}

test('24 keys in turn: one load a signature, of which the TPM keeps two', () =>
  onSubject('embedded', async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    const slots = ['9a', '9c', '9d', '9e', ...Array.from({ length: 20 }, (_, at) => (0x82 + at).toString(16))]
    for (const slot of slots) await card.generateKey(slot, { pinPolicy: 'once' })
    await card.verifyPin(PIN)
    const inTurn = async () => {
      for (const slot of slots) await card.sign(slot, data)
    }
    await inTurn()
    const spent = await subject.bench?.spent(inTurn)
    const each = { FlushContext: 24, Load: 24, PolicyTicket: 24, Sign: 24 }
    assert.equal([spent?.commands, spent?.writes], [each, 0])
    assert.is((await subject.bench?.loaded())?.objects, 2)
  }))

test('over PC/SC: one transaction; one APDU for P-256, three for RSA-2048, and two more where the PIN comes along', () =>
  onSubject('pcsc', async (subject) => {
    const { card, slot } = await furnished(subject)
    for (const [algorithm, { apdus }] of Object.entries(ALGORITHMS)) {
      for (const policy of POLICIES) {
        const key = slot(algorithm, policy)
        const sign = () => card.sign(key, data, policy === 'always' ? { pin: PIN } : {})
        await sign()
        // A look at whether PIV is selected and VERIFY come before the use.
        const more = policy === 'always' ? 2 : 0
        for (let round = 0; round < 3; round += 1) {
          const most = { begin: 1, transmit: apdus + more, end: 1 }
          assert.equal(await pcsc.during(sign), most, `${algorithm}, ${policy}`)
        }
      }
    }
  }))

test.run()
