// Another name for a card: what stays, what follows, and what is refused. Crashes: test/store/rename.test.ts.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cardInfo, destroyCard, listCards, renameCard, resetCard } from '../../src/index.ts'
import { decodeCardFile, encodeCardFile } from '../../src/tpm/store/card-file.ts'
import { beside, killAll } from '../store/support/processes.ts'
import { fixture, work } from '../store/support/store.ts'
import { KINDS, onBench, PIN } from './bench.ts'
import { refused } from './refusal.ts'
import { assertSigned } from './verify.ts'

test.after.each(killAll)

const data = new TextEncoder().encode('A message to sign.')
const names = async (home: string) => (await listCards({ home })).map((card) => card.name)

for (const kind of KINDS) {
  test(`${kind}: the keys, the PIN and the id stay; the printed information follows`, () =>
    onBench(kind, async ({ home, create, open, spent }) => {
      const made = await create()
      await made.verifyPin(PIN)
      await made.generateKey('9a')
      await made.putObject('5fff01', data)
      const printed = await made.getObject('printed-information')
      assert.ok(Buffer.from(printed ?? []).includes('work'))
      await made.close()
      const before = await cardInfo('work', { home })

      const { commands } = await spent(() => renameCard('work', 'desk', { home }))
      assert.equal(commands, {}, 'no TPM is needed')
      assert.equal(await names(home), ['desk'])
      const after = await cardInfo('desk', { home })
      const same = ({ keys, path: _, name: __, ...rest }: typeof after) => ({
        ...rest,
        keys: keys.map((key) => key.slot),
      })
      assert.equal(same(after), same(before))

      const card = await open('desk')
      assert.is(card.name, 'desk')
      await card.verifyPin(PIN)
      assertSigned((await card.keyInfo('9a')).publicKey, data, await card.sign('9a', data))
      assert.equal(await card.getObject('5fff01'), data)
      const text = Buffer.from((await card.getObject('printed-information')) ?? [])
      assert.ok(text.includes('desk') && !text.includes('work'))
      await card.close()
      await destroyCard('desk', { home })
    }))

  test(`${kind}: names that are taken, unknown or none`, () =>
    onBench(kind, async ({ home, create }) => {
      for (const name of ['work', 'other']) await (await create({ name })).close()
      const files = () => ['work', 'other'].map((name) => readFileSync(join(home, 'cards', `${name}.card`), 'utf8'))
      const before = files()
      const taken = await refused('ERR_CARD_EXISTS', 2, () => renameCard('work', 'other', { home }))
      assert.match(taken.message, 'other.card')
      await refused('ERR_CARD_NOT_FOUND', 3, () => renameCard('nobody', 'third', { home }))
      await refused('ERR_CARD_NAME', 2, () => renameCard('work', '../third', { home }))
      await refused('ERR_CARD_NAME', 2, () => renameCard('work', 'reader:x', { home }))
      writeFileSync(join(home, 'cards', 'third.card'), 'damaged')
      await refused('ERR_CARD_EXISTS', 2, () => renameCard('work', 'third', { home }))
      await renameCard('work', 'work', { home })
      assert.equal(files(), before)
      assert.equal((await names(home)).sort(), ['other', 'third', 'work'])
      assert.not(existsSync(join(home, 'cards', 'nobody.lock')), 'what is not there leaves no trace')
    }))

  test(`${kind}: a card that is open goes on signing, and cannot be changed under its old name`, () =>
    onBench(kind, async ({ home, create }) => {
      const card = await create()
      await card.verifyPin(PIN)
      await card.generateKey('9a')
      await renameCard('work', 'desk', { home })
      assertSigned((await card.keyInfo('9a')).publicKey, data, await card.sign('9a', data))
      await refused('ERR_CARD_NOT_FOUND', 3, () => card.generateKey('9c'))
      await card.close()
    }))

  test(`${kind}: an interrupted renaming is finished, not destroyed by halves`, () =>
    onBench(kind, async ({ home, create, open }) => {
      const card = await create()
      await card.verifyPin(PIN)
      await card.generateKey('9a')
      await card.close()
      // What a crash between the two steps leaves.
      const path = (name: string) => join(home, 'cards', `${name}.card`)
      const stored = decodeCardFile(readFileSync(path('work')), 'work')
      writeFileSync(path('desk'), encodeCardFile({ ...stored, name: 'desk' }), { mode: 0o600 })
      for (const name of ['work', 'desk']) {
        const half = await refused('ERR_CARD_EXISTS', 2, () => destroyCard(name, { home }))
        assert.match(half.message, 'tessera rename')
        await refused('ERR_CARD_EXISTS', 2, () => resetCard(name, { home }))
      }
      await renameCard('work', 'desk', { home })
      assert.equal(await names(home), ['desk'])
      const again = await open('desk')
      await again.verifyPin(PIN)
      await again.sign('9a', data)
      await again.close()

      writeFileSync(path('work'), encodeCardFile({ ...stored, unlockSeconds: 60 }), { mode: 0o600 })
      const differ = await refused('ERR_CARD_EXISTS', 2, () => renameCard('work', 'desk', { home }))
      assert.match(differ.message, 'come to differ')
      assert.equal((await names(home)).sort(), ['desk', 'work'])
    }))
}

test('another process creates or destroys the card: busy, and nothing is changed', async () => {
  const { store, home } = fixture()
  await store.create({ ...work, keys: {} })
  const child = beside('holdJournal', home.path)
  assert.is(await child.line(), 'ready')
  const busy = await refused('ERR_CARD_BUSY', 1, () => renameCard('work', 'desk', { home: home.path }))
  assert.match(busy.message, `(${child.process.pid})`)
  await child.kill()
  // What it left has to be cleaned up in the TPM first, and that goes by the name.
  const left = await refused('ERR_CARD_BUSY', 1, () => renameCard('work', 'desk', { home: home.path }))
  assert.match(left.message, 'tessera pin status')
  assert.equal(await names(home.path), ['work'])
  rmSync(home.of('work', 'journal'))
  await renameCard('work', 'desk', { home: home.path })
  assert.equal(await names(home.path), ['desk'])
})

test.run()
