// A program dies before and after every TPM command of every act, on a swtpm that lives on: the next start recovers.
// takes: 36 s
// time limit: 900 s
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { done } from '../support/done.ts'
import { startProxy } from '../support/proxy.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { ACTS } from './support/acts.ts'
import { sweepWire } from './support/sweep-wire.ts'

const LONG = process.env.TESSERA_TEST_LONG === '1'
/** Every second command in `npm test`: of one act the odd ones, of the next the even ones. */
const step = LONG ? 1 : 2
const every = LONG ? 1 : 17
const [create] = ACTS

for (const [index, [act, beside]] of [[create, false] as const, ...ACTS.map((act) => [act, true] as const)].entries()) {
  test(`${act?.name}${beside ? '' : ', first of all in its TPM'}`, async () => {
    const tpm = await startSwtpm()
    const proxy = await startProxy(tpm.path)
    assert.ok(act)
    const { points, kills, loaded, found, wrong } = await sweepWire(act, proxy, {
      beside,
      first: 1 + (index % step),
      step,
      every,
    })
    done(points, 'points')
    done(kills, 'kills')
    console.log(`  ${act.name}: ${points} points, ${kills} of them by SIGKILL too:`, found)
    assert.equal(wrong, [])
    assert.ok(loaded > 0, 'some deaths leave something to flush')
    assert.equal(Object.keys(found).sort(), act.outcomes)
    await proxy.stop()
    await tpm.stop()
  })
}

test.run()
