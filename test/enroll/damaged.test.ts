// takes: 5 s
// A damaged enrolment file: it says how to begin anew, that works, and it is in the way of no other slot.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { abandonedJson, abandonedText } from '../../src/cli/enrollment.ts'
import { cardIdOf } from '../../src/enroll/identity.ts'
import { abandonEnrollment, pendingEnrollment } from '../../src/enroll/index.ts'
import { enrolmentFile } from '../../src/home/enrolments.ts'
import { refused } from '../library/refusal.ts'
import { ca, card, enrolled, go, home, placesOfKeys } from './support/work.ts'

const folder = join(home, 'enrolments')
const fileOf = async (slot: string) => join(folder, enrolmentFile(await cardIdOf(card), slot))

const DAMAGE: Readonly<Record<string, (text: string) => string>> = {
  empty: () => '',
  'cut short': (text) => text.slice(0, 100),
  altered: (text) => text.replace('"renewal": false', '"renewal": true'),
  'something else': () => 'hello',
  'too long': (text) => text + ' '.repeat(1024 * 1024),
}

for (const [what, damage] of Object.entries(DAMAGE)) {
  test(`${what}: given up, and begun anew`, async () => {
    ca.plan = ['pending']
    await go()
    const path = await fileOf('9a')
    writeFileSync(path, damage(readFileSync(path, 'utf8')))
    const advice = what === 'too long' ? 'Move it away' : 'tessera enroll 9a --abandon'
    assert.match((await refused('ERR_CARD_FILE', 1, () => go())).message, advice)
    await refused('ERR_CARD_FILE', 1, () => pendingEnrollment(card, '9a', { home }))
    const found = await abandonEnrollment(card, '9a', { home })
    assert.equal(found, { slot: '9a', damaged: true, finished: false, keyLeft: true })
    assert.equal(abandonedJson('9a', found), { abandoned: '9a', finished: false, keyLeft: true, id: null })
    assert.match(abandonedText('9a', found), 'may still be on the card')
    assert.is(await abandonEnrollment(card, '9a', { home }), undefined)
    await enrolled()
    assert.equal(await placesOfKeys(), ['9a'])
  })
}

test('of one slot: the others enrol as ever, also with a new key that has to wait elsewhere', async () => {
  await enrolled()
  await enrolled({ slot: '9c' })
  ca.plan = ['pending']
  await go({ renew: true, key: 'new' })
  writeFileSync(await fileOf('9a'), 'hello')
  const renewed = await enrolled({ slot: '9c', renew: true, key: 'new' })
  assert.is(renewed.state, 'enrolled')
  assert.equal(await placesOfKeys(), ['95', '9a', '9c'])
})

test('of a later version of Tessera: it stays', async () => {
  ca.plan = ['pending']
  await go()
  const path = await fileOf('9a')
  const later = readFileSync(path, 'utf8').replace('tessera-enrolment 1 ', 'tessera-enrolment 2 ')
  writeFileSync(path, later)
  await refused('ERR_CARD_FILE_NEWER', 1, () => abandonEnrollment(card, '9a', { home }))
  assert.is(readFileSync(path, 'utf8'), later)
})

test.run()
