// Notes of renewals that failed: only a damaged one is removed, and the next failure can then be noted again.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { failedRenewals, noteFailedRenewal } from '../../src/enroll/failed-renewals.ts'
import { seal } from '../../src/files/sealed-text.ts'
import { tempDir } from '../support/temp.ts'

process.env.TESSERA_HOME = tempDir('home')
const folder = join(process.env.TESSERA_HOME, 'enrolments')
const CARD = '00112233445566778899aabbccddeeff'
const note = { at: '2026-01-31T12:00:00.000Z', message: 'The CA refused.', notAfter: '2026-02-28T12:00:00.000Z' }
const put = (slot: string, content: Uint8Array | string) =>
  writeFileSync(join(folder, `${CARD}-${slot}.renewal`), content)

test('a note of a later version stays; a damaged one and one that is too long go', async () => {
  mkdirSync(folder, { recursive: true })
  await noteFailedRenewal({ cardId: CARD, slot: '9a', ...note })
  put('9c', seal({ magic: 'tessera-failed-renewal', version: 2, noun: 'note', advice: '' }, { ...note, tries: 3 }))
  put('9d', 'no such file')
  put('9e', new Uint8Array(65 * 1024))
  assert.equal(await failedRenewals(), [{ cardId: CARD, slot: '9a', ...note }])
  assert.equal(readdirSync(folder).sort(), [`${CARD}-9a.renewal`, `${CARD}-9c.renewal`])
})

test.run()
