// takes: 4 s
// The assertions on PIV cards of other makers: what fails is what those cards do otherwise, and nothing fails because of
// how they write lengths, what they lack, or how they say that something is not there.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ASSERTIONS, AssertionRun } from '../../src/validate/card/assertion-run.ts'
import { NAMED_ASSERTIONS } from '../../src/validate/card/checks.ts'
import { ADMIN_KEY, PIN } from '../pcsc/cards.ts'
import { PlainCard } from '../support/plain-card/card.ts'
import type { ProfileName } from '../support/plain-card/profiles.ts'

const PUK = 'open ?me'
const TRIES = { pin: 3, puk: 3 }

/** What no card in test/support/plain-card does as NIST asks: it does not look at P1 and class, and has no CCC. */
const LAX = [9, 25, 56, 71, 72]
/** P1, P2 and Lc of GET DATA are not looked at, where there is a CHUID to be asked for. */
const LAX_GET_DATA = [16, 73]
/** PINs of four and five digits are taken. */
const SHORT_PINS = [38, 40]
/** No retired keys and no objects of theirs, to which the assertions write. */
const NO_SPARE = [63, 64, 65, 69]
const NO_CHUID = [5, 8, 21, 48, 74]

const FAILED: Readonly<Partial<Record<ProfileName, readonly number[]>>> = {
  PivApplet: [...LAX, ...LAX_GET_DATA, 59],
  other: [...LAX, ...LAX_GET_DATA, ...SHORT_PINS, 59],
  OpenFIPS201: [...LAX, ...LAX_GET_DATA, ...SHORT_PINS, ...NO_SPARE, 54],
  'SP 800-73-1': [...LAX, ...SHORT_PINS, ...NO_SPARE, ...NO_CHUID, 59],
}

/** Of those with a name: lengths inside a template, and the class of secure messaging, are not looked at. */
const LAX_BY_NAME = ['key.template.cut', 'chain.secure-messaging']
const FAILED_BY_NAME: Readonly<Partial<Record<ProfileName, readonly string[]>>> = {
  // What is left of an answer goes only with the next answer that has data.
  'SP 800-73-1': ['key.template.cut', 'answer.dropped'],
}

for (const [profile, failed] of Object.entries(FAILED) as [ProfileName, number[]][]) {
  test(`${profile}: what fails is what it does otherwise`, async () => {
    const secrets = { pin: PIN, newPin: '71650842', puk: PUK, tries: TRIES, adminKey: ADMIN_KEY }
    const card = new PlainCard(profile, { pin: PIN, puk: PUK, tries: TRIES, adminKey: ADMIN_KEY })
    const run = new AssertionRun(card, { classes: ['N', 'P', 'R', 'W'], secrets })
    await run.prepare()
    const found: string[] = []
    for (const assertion of ASSERTIONS) {
      const outcome = await run.run(assertion)
      if (outcome?.kind === 'failed') found.push(`${assertion.number}: ${outcome.detail}`)
    }
    const numbers = found.map((line) => Number.parseInt(line, 10))
    assert.equal(
      numbers,
      [...failed].sort((left, right) => left - right),
      found.join('\n'),
    )
    const names: string[] = []
    for (const assertion of NAMED_ASSERTIONS) {
      if ((await run.run(assertion))?.kind === 'failed') names.push(assertion.id)
    }
    assert.equal(names, FAILED_BY_NAME[profile] ?? LAX_BY_NAME)
  })
}

test.run()
