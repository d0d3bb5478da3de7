// takes: 8 s
// The embedded TPM and its state: one for each home, one in each process, never made anew under cards that need it.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cardInfo, createCard, destroyCard, listCards, openCard } from '../../src/index.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { openTpmCard } from '../../src/tpm/open.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir, within } from '../support/temp.ts'
import { ascii, flipBit } from '../support/wire.ts'
import { onBench, PIN, WRONG_PIN } from './bench.ts'
import { beside } from './beside.ts'
import { refused } from './refusal.ts'

const data = new Uint8Array(100)

test('its state is gone: refused, and not made anew, while a card needs it', () =>
  onBench('embedded', async ({ home, create, open }) => {
    await (await create()).close()
    const state = join(home, 'tpm', 'state')
    const kept = readFileSync(state)
    rmSync(state)
    for (const call of [open, () => create({ name: 'other' }), () => destroyCard('work', { home })]) {
      const error = await refused('ERR_TPM_STATE_ABSENT', 9, call)
      assert.match(error.message, state)
    }
    assert.not(existsSync(state))
    rmSync(dirname(state), { recursive: true })
    await refused('ERR_TPM_STATE_ABSENT', 9, open)
    assert.not(existsSync(dirname(state)))
    assert.is((await listCards({ home })).length, 1)
    // A damaged card file may be of a card in it.
    const file = join(home, 'cards', 'work.card')
    const card = readFileSync(file)
    writeFileSync(file, 'nonsense')
    await refused('ERR_TPM_STATE_ABSENT', 9, () => create({ name: 'other' }))
    writeFileSync(file, card)
    mkdirSync(dirname(state))
    writeFileSync(state, kept)
    const again = await open()
    await again.verifyPin(PIN)
    await again.close()
    rmSync(file)
    rmSync(state)
    await (await create({ name: 'other' })).close()
  }))

test('its state is damaged, foreign or newer: refused and left as it is', () =>
  onBench('embedded', async ({ home, create, open }) => {
    await (await create()).close()
    const state = join(home, 'tpm', 'state')
    const whole = Uint8Array.from(readFileSync(state))
    const newer = whole.slice()
    newer[11] = 2 // version, after eight octets of magic
    const contents = [
      new Uint8Array(0),
      whole.slice(0, 100),
      whole.slice(0, -1),
      flipBit(whole, whole.length >> 1),
      ascii('not a state of a TPM, but long enough for the header of one, and then some more of it'),
      newer,
    ]
    for (const content of contents) {
      writeFileSync(state, content)
      for (const call of [open, () => create({ name: 'other' })]) {
        const error = await refused('ERR_TPM_STATE', 9, call)
        assert.match(error.message, content === newer ? 'newer' : 'damaged')
      }
      assert.equal(Uint8Array.from(readFileSync(state)), content)
    }
    writeFileSync(state, whole)
    await (await open()).close()
  }))

test('a second home in one process', () =>
  onBench('embedded', async ({ home, create }) => {
    const first = await create()
    const second = tempDir('second')
    const error = await refused('ERR_TPM_BUSY', 9, () => createCard({ name: 'work', home: second, tcti: 'embedded:' }))
    assert.match(error.message, join(home, 'tpm', 'state'))
    assert.equal(await listCards({ home: second }), [])
    await first.verifyPin(PIN)
    await first.close()
    await (await createCard({ name: 'work', home: second, tcti: 'embedded:', pin: PIN })).close()
    await refused('ERR_CARD_NOT_FOUND', 3, () => openCard({ name: 'other', home: second }))
  }))

test('another process holds it: a bounded wait, and list and info answer', () =>
  onBench('embedded', async (bench) => {
    const { home } = bench
    const card = await bench.create()
    await card.verifyPin(PIN)
    await card.generateKey('9e')
    await card.close()
    await bench.stop()
    const holder = beside(['hold', home])
    assert.is(await holder.line(), 'hold: ok')
    const place = { home, tcti: 'embedded:', waitMs: 200 }
    const began = performance.now()
    const error = await refused('ERR_TPM_BUSY', 9, () => openTpmCard(place, 'work'))
    assert.match(error.message, `(${holder.pid})`)
    assert.ok(performance.now() - began < 9000, 'not the ten seconds of others')
    assert.is((await listCards({ home })).length, 1)
    assert.equal(
      (await cardInfo('work', { home })).keys.map((key) => key.slot),
      ['9e'],
    )

    const waits = openTpmCard({ ...place, waitMs: 20_000 }, 'work')
    assert.equal(await holder.rest(), ['let go: ok'])
    const vault = await within(waits, 120_000, 'the next in turn')
    assert.is((await vault.keys.signDigest(parseSlot('9e'), data.slice(0, 32))).length, 64)
    await vault.close()
  }))

test('a home with cards of another TPM: its first embedded card makes the embedded TPM', async () => {
  const home = tempDir('both')
  const swtpm = await startSwtpm()
  const cards = [
    await createCard({ name: 'one', home, tcti: swtpm.tcti, pin: PIN }),
    await createCard({ name: 'two', home, tcti: 'embedded:', pin: PIN }),
  ]
  for (const card of cards) {
    await card.verifyPin(PIN)
    await card.generateKey('9a')
  }
  for (const card of cards) await card.sign('9a', data)
  for (const card of cards) await card.close()
  assert.equal(
    (await listCards({ home })).map((card) => 'tcti' in card && card.tcti),
    [swtpm.tcti, 'embedded:'],
  )
  await swtpm.stop()
})

// Last: what could not be written stays in this process, which has no other embedded TPM until it can be.
test('its state goes while a card is open: nothing is made in its place', () =>
  onBench('embedded', async ({ home, create, open }) => {
    const card = await create()
    await card.verifyPin(PIN)
    await card.generateKey('9a')
    const folder = join(home, 'tpm')
    rmSync(folder, { recursive: true })
    await refused('ERR_TPM_STATE_ABSENT', 9, () => card.verifyPin(WRONG_PIN))
    mkdirSync(folder)
    for (const call of [() => card.verifyPin(PIN), () => card.pinStatus(), open]) {
      await refused('ERR_TPM_STATE_ABSENT', 9, call)
    }
    assert.not(existsSync(join(folder, 'state')))
    await card.close()
  }))

test.run()
