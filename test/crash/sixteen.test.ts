// Sixteen processes guess one PIN at once: they get as many answers as one would, and not one more.
// takes: 3 s
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { create, firstSecrets, outcome, type Spot, verifyPin, withCard } from './support/card.ts'
import { type Child, startChild } from './support/children.ts'

const PROCESSES = 16
/** A process waits ten seconds for its turn before it is told that the TPM is busy. With the guess, on a busy machine: */
const BOUND_MS = 120_000

let children: Child[] = []

test('the programs start', async () => {
  children = Array.from({ length: PROCESSES }, startChild)
  await Promise.all(children.map((child) => child.ready))
})

test.after(async () => {
  await Promise.all(children.map((child) => child.kill()))
})

for (const transport of ['embedded', 'swtpm'] as const) {
  for (const limit of [1, 3, 10]) {
    test(`${transport}, limit ${limit}`, async () => {
      const home = join(tempDir('race'), 'home')
      mkdirSync(home)
      const tpm = transport === 'swtpm' ? await startSwtpm() : undefined
      const spot: Spot = { home, tcti: tpm?.tcti ?? 'embedded:' }
      const secrets = firstSecrets()
      await (await create(spot, 'work', secrets, limit)).close()

      const started = performance.now()
      const order = { home, tcti: spot.tcti, name: 'work' }
      const answers = await Promise.all(children.map((child) => child.ask('guess', order)))
      const codes: Record<string, number> = {}
      for (const answer of answers) {
        for (const [code, times] of Object.entries(answer?.codes ?? {})) codes[code] = (codes[code] ?? 0) + times
      }
      console.log(`  ${transport}, limit ${limit}: ${Math.round(performance.now() - started)} ms,`, codes)
      const { ERR_PIN_WRONG: wrong, ERR_PIN_BLOCKED: blocked, ERR_TPM_BUSY: _, ...others } = codes
      assert.is(wrong, limit)
      assert.is(blocked, PROCESSES)
      assert.equal(others, {})
      const longest = Math.max(...answers.map((answer) => answer?.longest ?? Number.NaN))
      assert.ok(longest < BOUND_MS, `one waited ${longest} ms`)
      const right = withCard(spot, 'work', (card) => verifyPin(card, secrets.pin))
      assert.is(await outcome(right), 'ERR_PIN_BLOCKED')
      await tpm?.stop()
    })
  }
}

test.run()
