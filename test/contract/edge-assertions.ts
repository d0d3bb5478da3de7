// The 77 assertions on our own card, in this process: each passes, or stands in exceptions.ts. Those about Yubico's
// instructions all pass.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ASSERTIONS, AssertionRun } from '../../src/validate/card/assertion-run.ts'
import { YUBICO_ASSERTIONS } from '../../src/validate/card/assertions/yubico.ts'
import { NAMED_ASSERTIONS } from '../../src/validate/card/checks.ts'
import { EXCEPTIONS } from './exceptions.ts'
import { ADMIN_KEY, PIN, PUK, type Subject, type SubjectName, startSubject } from './subjects.ts'

export function assertions(name: SubjectName): void {
  let subject: Subject
  let run: AssertionRun
  test.before(async () => {
    subject = await startSubject(name)
    const { channel } = await subject.fresh()
    const secrets = { pin: PIN, newPin: '71650842', puk: PUK, tries: { pin: 5, puk: 5 }, adminKey: ADMIN_KEY }
    run = new AssertionRun(channel, { classes: ['N', 'P', 'R', 'W'], secrets })
    await run.prepare()
  })
  test.after(() => subject.stop())

  test(`${name}: there are 77 assertions`, () => {
    assert.equal(
      ASSERTIONS.map(({ number }) => number),
      Array.from({ length: 77 }, (_, index) => index + 1),
    )
  })

  for (const assertion of YUBICO_ASSERTIONS) {
    test(`${name}: Yubico ${assertion.number} ${assertion.class} ${assertion.title}`, async () => {
      const outcome = await run.run(assertion)
      assert.is(outcome?.kind, 'passed', outcome !== undefined && 'detail' in outcome ? outcome.detail : '')
    })
  }

  for (const assertion of ASSERTIONS) {
    test(`${name}: ${assertion.number} ${assertion.class} ${assertion.title}`, async () => {
      const outcome = await run.run(assertion)
      const exception = EXCEPTIONS[assertion.number]
      const detail = outcome !== undefined && 'detail' in outcome ? outcome.detail : ''
      assert.is(outcome?.kind, exception?.kind ?? 'passed', `${detail}${exception ? ` (${exception.reason})` : ''}`)
    })
  }

  // test/validate/wrong-cards.test.ts says which of these a card in memory passes.
  if (name !== 'embedded' && name !== 'pcsc') return
  test(`${name}: nothing that has a name fails, and the GUID is a UUID`, async () => {
    const failed: string[] = []
    for (const assertion of NAMED_ASSERTIONS) {
      const outcome = await run.run(assertion)
      if (outcome?.kind === 'failed') failed.push(`${assertion.id}: ${outcome.detail}`)
      if (assertion.id === 'data.chuid.guid') assert.is(outcome?.kind, 'passed')
    }
    assert.equal(failed, [])
  })
}
