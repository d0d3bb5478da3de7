// The contract of `Card`, run on one kind of card. What that kind does not do stands in gaps.ts.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError } from '../../src/index.ts'
import { ADMIN } from './clauses/admin.ts'
import { CERTIFICATES } from './clauses/certificates.ts'
import type { Clauses } from './clauses/clause.ts'
import { DECRYPTION } from './clauses/decryption.ts'
import { KEYS } from './clauses/keys.ts'
import { OBJECTS } from './clauses/objects.ts'
import { PINS } from './clauses/pins.ts'
import { POLICIES } from './clauses/policies.ts'
import { PUKS } from './clauses/puks.ts'
import { SIGNATURES } from './clauses/signatures.ts'
import { USES } from './clauses/uses.ts'
import { WAITING } from './clauses/waiting.ts'
import { GAPS } from './gaps.ts'
import { type Subject, type SubjectName, startSubject } from './subjects.ts'

const CLAUSES: Clauses = {
  ...PINS,
  ...PUKS,
  ...KEYS,
  ...SIGNATURES,
  ...POLICIES,
  ...USES,
  ...DECRYPTION,
  ...CERTIFICATES,
  ...OBJECTS,
  ...ADMIN,
  ...WAITING,
}

/** A gap fails as the table says it does: one that does not is no gap any more, and another failure is another one. */
async function assertGap(work: Promise<void>, reason: string, fails: string): Promise<void> {
  const ending = await work.then(
    () => undefined,
    (error: unknown) => (error instanceof CardError ? `${error.code}: ${error.message}` : String(error)),
  )
  assert.ok(ending !== undefined, `it is no gap any more: take it out of test/contract/gaps.ts (${reason})`)
  assert.ok(ending.includes(fails), `${reason}; it was to fail with ${fails}, and failed with ${ending}`)
}

export function contract(name: SubjectName): void {
  let subject: Subject
  test.before(async () => {
    subject = await startSubject(name)
  })
  test.after(() => subject.stop())

  test(`${name}: gaps are of clauses that there are`, () => {
    const unknown = Object.keys(GAPS[name]).filter((clause) => !(clause in CLAUSES))
    assert.equal(unknown, [])
  })

  for (const [clause, run] of Object.entries(CLAUSES)) {
    const gap = GAPS[name][clause]
    test(`${name}: ${clause}${gap === undefined ? '' : ' (gap)'}`, async () => {
      try {
        if (gap === undefined) await run(subject)
        else await assertGap(run(subject), gap.reason, gap.fails)
      } finally {
        await subject.clear()
      }
    })
  }
}
