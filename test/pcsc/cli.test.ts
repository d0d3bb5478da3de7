// takes: 10 s
// `tessera --card reader:TEXT`: the same commands on a card in a reader.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openCard } from '../../src/index.ts'
import { tessera } from '../cli/cli.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { tempDir } from '../support/temp.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'
import { ADMIN_KEY, memoryCard, PIN, seen } from './cards.ts'

let pcscd: Pcscd
let inserted: Inserted
const folder = tempDir('cli')
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

test.before(async () => {
  pcscd = await startPcscd()
  inserted = await insertCard(pcscd.ports[0], memoryCard().channel)
  await seen(pcscd.readers[0], true)
  const card = await openCard({ reader: '' })
  await card.authenticateAdmin(ADMIN_KEY)
  await card.generateKey('9e')
  await card.close()
})
test.after(async () => {
  await inserted?.pull()
  await pcscd?.stop()
})

const card = ['--card', 'reader:virtual']

test('PIN: status, verify, a wrong one', async () => {
  const status = await tessera([...card, '--json', 'pin', 'status'])
  assert.is(status.code, 0, status.stderr)
  assert.is(JSON.parse(status.stdout).pin.triesLeft, 5)
  assert.is((await tessera([...card, '--pin-file', file('pin', `${PIN}\n`), 'pin', 'verify'])).code, 0)
  const wrong = await tessera([...card, '--pin-file', file('wrong', '000000\n'), 'pin', 'verify'])
  assert.is(wrong.code, 4)
})

test('a reader that is not there, and one without a card', async () => {
  const absent = await tessera(['--card', 'reader:nobody', 'pin', 'status'])
  assert.is(absent.code, 3)
  assert.match(absent.stderr, /ERR_READER_NOT_FOUND/)
  const empty = await tessera(['--card', `reader:${pcscd.readers[1]}`, 'pin', 'status'])
  assert.is(empty.code, 3)
  assert.match(empty.stderr, /ERR_CARD_REMOVED.*PC\/SC 0x8010000c/)
})

test('a card that says what keys it has shows them without certificates', async () => {
  const { code, stdout, stderr } = await tessera([...card, '--json', 'key', 'list'])
  assert.is(code, 0, stderr)
  assert.equal(
    JSON.parse(stdout).map(({ slot, origin }: { slot: string; origin: string }) => [slot, origin]),
    [['9e', 'generated']],
  )
})

test.run()
