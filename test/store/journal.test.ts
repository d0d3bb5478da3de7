// The journal in one process: durable before it is relied on, found when its owner is gone, never in the way.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError } from '../../src/errors.ts'
import { filesOver } from '../../src/files/files.ts'
import { Home } from '../../src/home/home.ts'
import { Journal, type JournalEntry, type LeftJournal } from '../../src/tpm/store/journal.ts'
import { tempDir } from '../support/temp.ts'
import { sampleEntry } from './support/cards.ts'
import { PowerDisk } from './support/power.ts'
import { failing, memoryLocks, watched } from './support/steps.ts'
import { fails } from './support/store.ts'

const golden = new URL('./golden/journal-v1.journal', import.meta.url)

function fixture() {
  const home = new Home(join(tempDir(), 'home'))
  const locks = memoryLocks()
  return { home, locks, journal: new Journal({ lockFile: locks.lockFile, home }), path: home.of('work', 'journal') }
}

const entry = sampleEntry()
const entries = (left: readonly LeftJournal[]) => left.map((one) => ('entry' in one ? one.entry : one.error.code))

test('begin, replace, end', async () => {
  const { journal, home, locks, path } = fixture()
  assert.equal(await journal.pending(), [])
  const open = await journal.begin(entry)
  assert.is(readFileSync(path, 'utf8'), readFileSync(golden, 'utf8'))
  const other: JournalEntry = { ...entry, pin: { ...entry.pin, handle: 0x01800007 } }
  await open.replace(other)
  assert.equal(await journal.pending(), [], 'its owner is at work')
  assert.equal(await journal.recover(() => assert.unreachable() as never), [])
  await open.end()
  assert.equal(readdirSync(home.cards), [])
  assert.is(locks.held.size, 0)
})

test('version 1 stays readable (never make this file anew)', async () => {
  const { journal, path } = fixture()
  await (await journal.begin(entry)).end()
  writeFileSync(path, readFileSync(golden))
  assert.equal(entries(await journal.pending()), [entry])
})

test('one at a time, and not over what is left from an earlier one', async () => {
  const { journal, home, locks } = fixture()
  const open = await journal.begin(entry)
  writeFileSync(home.of('work', 'journalLock'), '4711\n')
  await fails(journal.begin(entry), 'ERR_CARD_BUSY', '(4711)')
  const other = await journal.begin(sampleEntry('other'))
  await other.end()
  open.leave()
  assert.is(locks.held.size, 0)
  await fails(journal.begin(entry), 'ERR_CARD_BUSY', 'interrupted')
  assert.is(locks.held.size, 0)
  assert.equal(entries(await journal.pending()), [entry])
})

test('recovery: what is cleaned goes, what is not stays with its reason', async () => {
  const { journal, locks, home } = fixture()
  for (const name of ['a', 'b', 'c']) (await journal.begin(sampleEntry(name))).leave()
  const boom = new Error('no TPM')
  const left = await journal.recover(async ({ name }) => {
    assert.ok(locks.held.has(home.of(name, 'journalLock')))
    if (name === 'c') throw boom
    return name === 'a'
  })
  assert.equal(
    left.map(({ name, error }) => [name, error]),
    [
      ['b', undefined],
      ['c', boom],
    ],
  )
  assert.equal(entries(await journal.pending()), [sampleEntry('b'), sampleEntry('c')])
  assert.equal(await journal.recover(async () => true), [])
  assert.is(locks.held.size, 0)
})

test('a damaged, foreign or newer journal is reported and hurts nothing else', async () => {
  const { journal, home } = fixture()
  const whole = readFileSync(golden, 'utf8')
  for (const name of ['a', 'work']) (await journal.begin(sampleEntry(name))).leave()
  writeFileSync(home.of('b', 'journal'), whole.slice(0, -2))
  writeFileSync(home.of('c', 'journal'), whole.replace('tessera-journal 1', 'tessera-journal 2'))
  writeFileSync(home.of('d', 'journal'), whole)
  writeFileSync(home.of('e', 'journal'), '')
  writeFileSync(join(home.cards, 'f g.journal'), whole)
  const cleaned: string[] = []
  const left = await journal.recover(async ({ name }) => cleaned.push(name) > 0)
  assert.equal(cleaned, ['a', 'work'])
  assert.equal(entries(left), [
    'ERR_CARD_FILE',
    'ERR_CARD_FILE_NEWER',
    'ERR_CARD_FILE',
    'ERR_CARD_FILE',
    'ERR_CARD_NAME',
  ])
  for (const one of left) assert.ok(existsSync(one.path))
})

test('every truncation and every flip of a bit is refused', async () => {
  const { journal, path } = fixture()
  const whole = readFileSync(golden)
  await (await journal.begin(entry)).end()
  const refused = async (file: Uint8Array, what: string) => {
    writeFileSync(path, file)
    const [left] = await journal.pending()
    assert.ok(left !== undefined && !('entry' in left), what)
  }
  for (let length = 0; length < whole.length; length += 3) await refused(whole.subarray(0, length), `${length} octets`)
  for (let at = 0; at < whole.length; at++) {
    const flipped = Uint8Array.from(whole)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
    await refused(flipped, `octet ${at}`)
  }
})

test('an entry that could not be read again is not written', async () => {
  const { journal, path, locks } = fixture()
  await fails(journal.begin({ ...entry, pin: { ...entry.pin, handle: 1 } }), 'ERR_CARD_FILE')
  assert.not(existsSync(path))
  assert.is(locks.held.size, 0)
})

test('every step of begin and end fails: the lock is let go of, and the entry is there or not', async () => {
  let steps = 0
  for (const onwards of [false, true]) {
    for (let at = 0; ; at++) {
      const { journal, home, locks } = fixture()
      const fault = failing(at, 'ENOSPC', onwards)
      const faulty = new Journal({ lockFile: locks.lockFile, home, files: filesOver(watched(fault.watch)) })
      const error = await faulty
        .begin(entry)
        .then((open) => open.end())
        .catch((reason: unknown) => reason)
      if (!fault.reached()) break
      if (error !== undefined) assert.instance(error, CardError)
      assert.is(locks.held.size, 0, `step ${at}`)
      const left = entries(await journal.pending())
      assert.ok(left.length === 0 || left.length === 1, `step ${at}`)
      if (left.length === 1) assert.equal(left, [entry])
      await journal.recover(async () => true)
      await (await journal.begin(entry)).end()
      steps = at
    }
  }
  assert.ok(steps > 9)
})

test('loss of power: an entry that begin confirmed is there, one that end confirmed is not', async () => {
  const disk = new PowerDisk()
  const journal = new Journal({ lockFile: memoryLocks().lockFile, home: new Home('/h'), files: filesOver(disk.steps) })
  const found = () =>
    new Set([...disk.afterLoss('/h/cards/work.journal')].map((octets) => octets && Buffer.from(octets).toString()))
  const open = await journal.begin(entry)
  assert.equal([...found()], [readFileSync(golden, 'utf8')])
  await open.end()
  assert.equal([...found()], [undefined])
})

test('a folder that is not there has no journals', async () => {
  assert.equal(await fixture().journal.recover(async () => true), [])
})

test('where no lock can be had, journals are reported and stay', async () => {
  const { journal, home } = fixture()
  ;(await journal.begin(entry)).leave()
  const lockFile = () => {
    throw Object.assign(new Error('read-only'), { reason: 'permission' })
  }
  const left = await new Journal({ lockFile, home }).recover(async () => true)
  assert.equal(entries(left), ['ERR_CARD_READ_ONLY'])
  assert.equal(entries(await journal.pending()), [entry])
})

test.run()
