// takes: 40 s
// time limit: 1800 s
// The packages of a release, on computers with nothing but Node.js, by each package manager.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MAJORS, MANAGERS, startReleased } from '../support/released.ts'

const { registry, computer, online, project } = await startReleased()

for (const major of MAJORS) {
  const here = computer(major)
  for (const { name, line } of MANAGERS.filter(({ oldestNode }) => major >= oldestNode)) {
    test(`Node ${major}, ${name}: installed, a signature`, async () => {
      const folder = project()
      const installed = await online(here, folder, line)
      assert.is(installed.code, 0, installed.all)
      const signed = await here.run(folder, 'node sign.mjs')
      assert.is(signed.stdout, 'verifies true\n', signed.all)
    })
  }
}

test.after(() => registry.stop())
test.run()
