// takes: 5 s
// Somebody who can write files forges the journal of an interrupted creation or destruction, to have the TPM's indices of
// another card removed when the next card is opened.
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createCard, openCard } from '../../../src/cards/index.ts'
import { Home } from '../../../src/home/home.ts'
import { native } from '../../../src/native.ts'
import { type CardFile, encodeCardFile } from '../../../src/tpm/store/card-file.ts'
import { Journal, type JournalEntry } from '../../../src/tpm/store/journal.ts'
import { placesOf } from '../../../src/tpm/stores.ts'
import { startSwtpm } from '../../support/swtpm.ts'
import { tempDir } from '../../support/temp.ts'
import { changeFile, pathOf, readFile } from '../support/card-file.ts'
import { PIN, PUK } from '../support/owner.ts'

const home = tempDir('home')
const swtpm = await startSwtpm()
test.after(() => swtpm.stop())
const journal = new Journal({ lockFile: (path) => native().lockFile(path), home: new Home(home) })
const journalPath = (name: string): string => new Home(home).of(name, 'journal')

async function make(name: string): Promise<CardFile> {
  const card = await createCard({ name, home, tcti: swtpm.tcti, pin: PIN, puk: PUK })
  await card.verifyPin(PIN)
  await card.generateKey('9a')
  await card.close()
  return readFile(home, name)
}

const own = await make('own')
const victim = await make('victim')
await make('bystander')

/** A journal about `name` that has the indices of the victim. */
async function forge(kind: JournalEntry['kind'], name: string, cardId: Uint8Array): Promise<void> {
  const entry = { kind, name, cardId, tcti: swtpm.tcti, srkName: victim.srk.name, ...placesOf(victim) }
  ;(await journal.begin(entry)).leave()
}

async function signs(name: string): Promise<void> {
  const card = await openCard({ name, home })
  await card.unblockPin({ puk: PUK, newPin: PIN })
  assert.is((await card.sign('9a', new Uint8Array(3), { pin: PIN })).length > 0, true)
  await card.close()
}

const FORGERIES: Readonly<Record<string, () => Promise<void>>> = {
  'a destruction of a card that is not there': () => forge('destroy', 'ghost', new Uint8Array(16)),
  'a destruction of a card that is there, with other indices': () => forge('destroy', 'own', own.cardId),
  'a destruction of another card of a name': () => forge('destroy', 'own', victim.cardId),
  'a creation': () => forge('create', 'ghost', new Uint8Array(16)),
}

for (const [what, act] of Object.entries(FORGERIES)) {
  test(`${what}: no index is removed, and the journal is`, async () => {
    await act()
    await signs('bystander')
    for (const name of ['own', 'ghost']) assert.not(existsSync(journalPath(name)))
    await signs('victim')
    await signs('own')
  })
}

test('a destruction of a card whose file has the same indices and no seal that fits: nothing is removed', async () => {
  changeFile(home, 'own', (card) => ({ ...card, pin: victim.pin, puk: victim.puk }))
  await forge('destroy', 'own', own.cardId)
  await signs('bystander')
  await signs('victim')
  assert.ok(existsSync(pathOf(home, 'own')))
  writeFileSync(pathOf(home, 'own'), encodeCardFile(own))
  await journal.discard('own')
  await signs('own')
})

test('a destruction that was begun is completed', async () => {
  const { name, cardId, srk } = own
  const entry = { kind: 'destroy' as const, name, cardId, tcti: swtpm.tcti, srkName: srk.name, ...placesOf(own) }
  ;(await journal.begin(entry)).leave()
  await signs('bystander')
  for (const path of [journalPath('own'), pathOf(home, 'own')]) assert.not(existsSync(path))
})

test.run()
