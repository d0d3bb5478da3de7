// Kill -9 at every point of every act, on the embedded TPM: the next start recovers by itself.
// takes: 17 s
// time limit: 900 s
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { done } from '../support/done.ts'
import { ACTS } from './support/acts.ts'
import { sweepDisks } from './support/sweep-disks.ts'

const every = process.env.TESSERA_TEST_LONG === '1' ? 1 : 17

for (const act of ACTS) {
  for (const beside of [true, false]) {
    test(`${act.name}${beside ? ', beside another card' : ''}`, async () => {
      const { points, kills, disks, found, wrong } = await sweepDisks(act, { beside, every })
      done(points, 'points')
      done(disks, 'disks')
      done(kills, 'kills')
      console.log(`  ${act.name}: ${points} points, ${disks} disks, ${kills} by SIGKILL too:`, found)
      assert.equal(wrong, [])
      assert.equal(Object.keys(found).sort(), act.outcomes)
    })
  }
}

test.run()
