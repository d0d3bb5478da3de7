// takes: 7 s
// A verified PIN serves for a time, by the clock of this process and, whatever that says, by the TPM's own.
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, openCard } from '../../src/index.ts'
import { Mutex } from '../../src/mutex.ts'
import { createTpmCard, openTpmCard } from '../../src/tpm/open.ts'
import { meanwhile } from '../support/meanwhile.ts'
import { inItsTime } from '../support/times.ts'
import { ascii } from '../support/wire.ts'
import { type Bench, KINDS, type Kind, onBench, PIN, PUK } from './bench.ts'
import { refused } from './refusal.ts'

const data = new Uint8Array(100)
const SERVES_MS = 1000

/** A card whose verified PIN serves for a second only: shorter than any that a user can ask for. */
async function shortLived({ home, tcti }: Bench): Promise<Card> {
  const request = {
    ...{ name: 'work', pin: ascii(PIN), puk: ascii(PUK), pinTries: 5, pukTries: 5, adminKey: undefined },
    ...{ unlockSeconds: 1, mustChangePin: false, defaults: [], ownerPassword: new Uint8Array(0) },
  }
  await (await createTpmCard({ home, tcti }, request)).close()
  const card = await openCard({ name: 'work', home })
  for (const slot of ['9a', '9d']) {
    await inItsTime(SERVES_MS, async () => {
      await card.verifyPin(PIN)
      await card.generateKey(slot)
    })
  }
  return card
}

/** There is one embedded TPM in a process. */
const turn = new Mutex()

/** A test that mostly waits, beside others, on a TPM of its own. */
function patient(kind: Kind, what: string, work: (bench: Bench) => Promise<void>): void {
  const run = () => onBench(kind, work)
  meanwhile(`${kind}: ${what}`, kind === 'embedded' ? () => turn.run(run) : run)
}

for (const kind of KINDS) {
  patient(kind, 'by the clock of this process', async (bench) => {
    const card = await shortLived(bench)
    const signed = () => inItsTime(SERVES_MS, () => card.verifyPin(PIN).then(() => card.sign('9a', data)))
    await signed()
    await pause(1050)
    const { commands } = await bench.spent(() => refused('ERR_PIN_REQUIRED', 4, () => card.sign('9a', data)))
    assert.is(commands.PolicyTicket, undefined, 'the TPM is not even asked')
    assert.is((await card.pinStatus()).verified, false)
    await inItsTime(SERVES_MS, async () => {
      await card.verifyPin(PIN)
      assert.is((await card.pinStatus()).verified, true)
    })
    await signed()
    await card.close()
  })

  patient(kind, 'as long as who opens the card says, for him alone', async (bench) => {
    const card = await bench.create()
    const { home } = bench
    const brief = await openTpmCard({ home, unlockSeconds: 1 }, 'work')
    await card.verifyPin(PIN)
    await inItsTime(SERVES_MS, async () => {
      await brief.pins.verifyPin(ascii(PIN))
      assert.ok(brief.pins.unlocked)
    })
    await pause(1050)
    assert.not(brief.pins.unlocked)
    assert.is((await card.pinStatus()).verified, true)
    await brief.close()
    await card.close()
    for (const unlockMinutes of [0, 61, 1.5]) {
      await refused('ERR_USAGE', 2, () => openCard({ name: 'work', home, unlockMinutes }))
    }
    await (await openCard({ name: 'work', home, unlockMinutes: 60 })).close()
  })

  patient(kind, 'from the last time that it was verified', async (bench) => {
    const card = await shortLived(bench)
    for (let i = 0; i < 3; i += 1) {
      await inItsTime(SERVES_MS, async () => {
        await card.verifyPin(PIN)
        await pause(600)
        await card.sign('9a', data)
      })
    }
    await card.close()
  })
}

// One at a time: the clock is everybody's.
for (const kind of KINDS) {
  test(`${kind}: by the clock of the TPM, where that of this process stands still`, () =>
    onBench(kind, async (bench) => {
      const card = await shortLived(bench)
      const { now } = performance
      try {
        await inItsTime(SERVES_MS, async () => {
          performance.now = now
          await card.verifyPin(PIN)
          const still = performance.now()
          performance.now = () => still
          await card.sign('9a', data)
        })
        await pause(1200)
        assert.is((await card.pinStatus()).verified, true, 'this process thinks so')
        const { commands } = await bench.spent(() => refused('ERR_PIN_REQUIRED', 4, () => card.sign('9a', data)))
        // The session stood ready since the signature before, and has expired with its ticket.
        assert.equal([commands.PolicyTicket, commands.Sign, commands.PolicySecret], [undefined, 1, undefined])
        assert.is((await card.pinStatus()).verified, false, 'and knows better now')
        await inItsTime(SERVES_MS, async () => {
          await card.verifyPin(PIN)
          await card.sign('9a', data)
          await card.sign('9d', data)
        })
      } finally {
        performance.now = now
      }
      await card.close()
    }))
}

test.run()
