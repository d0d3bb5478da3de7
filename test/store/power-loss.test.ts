// The power goes at each step of everything that Tessera keeps in a file. Every disk that this can leave is read by the
// product: it has what was there before or what was written, and the same act can be done again.
import { createHash } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { filesOver } from '../../src/files/files.ts'
import { spell } from '../../src/files/sealed-text.ts'
import { done } from '../support/done.ts'
import { OPERATIONS, type Operation } from './support/operations.ts'
import { type DiskContent, PowerDisk } from './support/power.ts'
import { watched } from './support/steps.ts'

/** What is found, in one spelling. */
const text = (value: unknown): string => (value instanceof Error ? String(value) : spell(value ?? 'nothing'))

function fingerprint(content: DiskContent): string {
  const hash = createHash('sha256')
  for (const [path, octets] of [...content].sort()) hash.update(`${path}\0${octets.length}\0`).update(octets)
  return hash.digest('hex')
}

/** Every disk that a loss of power can leave: before the act, after each step of it, and at its end. */
async function disksOf({ before, act }: Operation, steps = (disk: PowerDisk) => disk.steps): Promise<DiskContent[]> {
  const disk = new PowerDisk()
  await before?.(filesOver(disk.steps))
  const left = new Map<string, DiskContent>()
  const look = () => {
    for (const content of disk.disksAfterLoss()) left.set(fingerprint(content), content)
  }
  await act(filesOver(watched(look, steps(disk))))
  look()
  return [...left.values()]
}

/** What the product finds on a disk that is as it was, or as it is after the act. */
async function settled({ before, act, found }: Operation): Promise<{ readonly old: string; readonly new: string }> {
  const files = filesOver(new PowerDisk().steps)
  await before?.(files)
  const old = text(await found(files))
  await act(files)
  return { old, new: text(await found(files)) }
}

async function judge(operation: Operation, disks: readonly DiskContent[]): Promise<Map<string, number>> {
  const wanted = await settled(operation)
  assert.is.not(wanted.old, wanted.new)
  const allowed = [wanted.old, wanted.new, ...(operation.between ?? []).map(text)]
  const seen = new Map<string, number>()
  for (const content of disks) {
    const files = filesOver(new PowerDisk(content).steps)
    const found = text(await operation.found(files).catch((error: unknown) => error))
    const there = [...content].map(([path, { length }]) => `${path}: ${length}`).join(', ')
    assert.ok(allowed.includes(found), `${there}: ${found.slice(0, 300)}`)
    seen.set(found, (seen.get(found) ?? 0) + 1)
    await (operation.again ?? operation.act)(files)
    assert.is(text(await operation.found(files)), wanted.new, 'done again')
  }
  for (const one of [wanted.old, wanted.new]) assert.ok(seen.has(one), 'both are met')
  return seen
}

let states = 0
for (const operation of OPERATIONS) {
  test(operation.name, async () => {
    const disks = await disksOf(operation)
    await judge(operation, disks)
    states += disks.length
  })
}

test('confirmed is confirmed: after the act, every disk has the new content', async () => {
  for (const operation of OPERATIONS) {
    const disk = new PowerDisk()
    await operation.before?.(filesOver(disk.steps))
    await operation.act(filesOver(disk.steps))
    const wanted = await settled(operation)
    for (const content of disk.disksAfterLoss()) {
      const found = text(await operation.found(filesOver(new PowerDisk(content).steps)))
      assert.is(found, wanted.new, operation.name)
    }
  }
})

test('the model has teeth: without a flush of the content, torn files are found', async () => {
  const lazy = (disk: PowerDisk) => ({
    ...disk.steps,
    openNew: async (path: string) => ({ ...(await disk.steps.openNew(path)), sync: async () => undefined }),
  })
  for (const name of ['card file: changed', 'account: changed', 'lab CA: a password']) {
    const operation = OPERATIONS.find((one) => one.name === name)
    assert.ok(operation)
    const disks = await disksOf(operation, lazy)
    const error = await judge(operation, disks).catch((failure: unknown) => failure)
    assert.instance(error, assert.Assertion, name)
    assert.match((error as Error).message, /cannot be used as/, name)
  }
})

test('how many', () => {
  done(states, 'disks')
  assert.ok(states > 250, `${states}`)
})

test.run()
