// What the crash tests are worth: each finds what it is there for, once the defence is taken away.
// takes: 5 s
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import type { Files } from '../../src/files/files.ts'
import { Home } from '../../src/home/home.ts'
import { bySession } from '../../src/tpm/command.ts'
import { acquireDevice, releaseDevice } from '../../src/tpm/devices.ts'
import { authValue } from '../../src/tpm/lock/auth-value.ts'
import { lockContext } from '../../src/tpm/lock/context.ts'
import { resetCounter, setAuth } from '../../src/tpm/lock/pins.ts'
import { LOCK } from '../../src/tpm/lock/table.ts'
import { ACTS, type Act, unblocking } from './support/acts.ts'
import { CARD, type Secrets, type Spot, unblock, withCard } from './support/card.ts'
import { sweepDisks } from './support/sweep-disks.ts'

const NEVER = Number.POSITIVE_INFINITY
const named = (name: string): Act => {
  const act = ACTS.find((one) => one.name === name)
  if (act === undefined) throw new Error(name)
  return act
}

/** Files that lose each journal. */
const withoutJournal = (files: Files): Files => ({
  ...files,
  writeAtomic: async (path, octets) => {
    if (!path.endsWith('.journal')) await files.writeAtomic(path, octets)
  },
})

for (const [name, finding] of [
  ['create', /NV indices: 0x1[0-9a-f]{6}/],
  ['destroy', /ERR_CARD_DEAD|NV indices/],
] as const) {
  test(`${name} without a journal is not cleaned up`, async () => {
    const { wrong } = await sweepDisks(named(name), { beside: true, every: NEVER, weaken: withoutJournal })
    assert.ok(wrong.length > 0)
    for (const one of wrong) assert.match(one, finding)
  })
}

/** Unblocking in the other order: first all tries, then the new PIN. */
async function triesFirst(spot: Spot, secrets: Secrets): Promise<void> {
  await withCard(spot, CARD, async ({ card }) => {
    const stateFile = new Home(spot.home).tpmState
    const device = await acquireDevice({ tcti: 'embedded:', stateFile, createState: false })
    try {
      const srk = await device.srk(card.srk.name)
      const context = lockContext(device, srk, card, LOCK)
      const secret = authValue(card.cardId, 'puk', utf8(secrets.puk))
      await device.withSession('hmac', srk, (hmac) =>
        device.withSession('policy', srk, async (session) => {
          const proofs = { secret: () => bySession(hmac.handle, secret) }
          await resetCounter(context, 'unblockCounter', session, proofs)
          const newAuth = authValue(card.cardId, 'pin', utf8(secrets.newPin))
          await setAuth(context, 'unblockPin', session, hmac, proofs, newAuth)
        }),
      )
    } finally {
      await releaseDevice(device)
    }
  })
}

test('unblocking that gives the tries back first leaves an old PIN with new tries', async () => {
  const act: Act = { ...unblocking('tries first', unblock), run: triesFirst }
  const { wrong, found } = await sweepDisks(act, { beside: false, every: NEVER })
  assert.ok(wrong.length > 0)
  for (const one of wrong) assert.match(one, /not blocked, and the old PIN: ok/)
  // What is found besides is right: it is the order alone that is wrong.
  assert.equal(Object.keys(found).sort(), ['blocked', 'done'])
})

test.run()
