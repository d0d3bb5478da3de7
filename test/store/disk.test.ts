// Real disks: full, too small, read-only, and folders that may not be written. The card stays as it was and stays readable.
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Home } from '../../src/home/home.ts'
import { native } from '../../src/native.ts'
import { encodeCardFile } from '../../src/tpm/store/card-file.ts'
import { CardStore } from '../../src/tpm/store/store.ts'
import { tempDir } from '../support/temp.ts'
import { sampleCard } from './support/cards.ts'
import { beside, killAll, onSmallDisk, withoutPrivilege, withoutRoom } from './support/processes.ts'

test.after.each(killAll)

async function cardIn(folder: string): Promise<Home> {
  const home = new Home(folder)
  const store = new CardStore({ home, lockFile: native().lockFile })
  await store.create(sampleCard())
  // Leaves the lock files of another name behind, as daily life does.
  await store.create(sampleCard('other'))
  await store.remove('other', sampleCard().cardId)
  return home
}

/** What child.ts says in the mode `denied` where update, remove, create and journal end with these codes. */
const denied = (update: string, remove: string, create: string, journal: string) => [
  'read 900',
  update,
  remove,
  create,
  journal,
  'read 900',
]

test('files may not grow: disk full, in words, and the card as it was', async () => {
  const home = await cardIn(tempDir('store'))
  const said = await beside('full', home.path, '', withoutRoom).rest()
  assert.equal(said, ['read 900', 'ERR_DISK_FULL', 'ERR_DISK_FULL', 'ERR_DISK_FULL', 'read 900'])
  assert.equal(readFileSync(home.of('work', 'card')), Buffer.from(encodeCardFile(sampleCard())))
  assert.equal(
    readdirSync(home.cards).filter((name) => name.endsWith('-tmp')),
    [],
  )
})

test('a folder that may not be written: the card can be read, and a change is refused', async () => {
  const home = await cardIn(tempDir('store'))
  chmodSync(home.cards, 0o500)
  try {
    const said = await beside('denied', home.path, '', withoutPrivilege).rest()
    const code = 'ERR_CARD_READ_ONLY'
    assert.equal(said, denied(code, code, code, code))
  } finally {
    chmodSync(home.cards, 0o700)
  }
  assert.equal(readFileSync(home.of('work', 'card')), Buffer.from(encodeCardFile(sampleCard())))
})

const disk = tempDir('disk')
mkdirSync(disk, { recursive: true })
const small = onSmallDisk(disk)
if (small === undefined) console.error('disk.test.ts: mounting is not allowed here; the real small disk is left out')
else {
  test('a small disk of its own: full, with room again, read-only', async () => {
    const said = await beside('small', disk, '', small).rest()
    const full = ['read 900', 'ERR_DISK_FULL', 'ERR_DISK_FULL', 'ERR_DISK_FULL', 'read 900']
    const code = 'ERR_CARD_READ_ONLY'
    assert.equal(said, [...full, 'ok', 'remount 0', ...denied(code, code, code, code)])
  })
}

test.run()
