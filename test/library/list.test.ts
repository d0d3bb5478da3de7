// takes: 12 s
// Cards in TPMs side by side: what each is like, as its TPM says now. Nothing is spent, and nobody is disturbed.
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type CardSummary, createCard, listCards, openCard, type TpmCardSummary } from '../../src/index.ts'
import { certificateTag } from '../../src/piv/objects.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { type CardFile, decodeCardFile, encodeCardFile } from '../../src/tpm/store/card-file.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { RH } from '../support/templates.ts'
import { monotonic } from '../support/times.ts'
import { EMPTY } from '../support/wire.ts'
import { password } from '../support/witness.ts'
import { type Bench, KINDS, onBench, PIN, PUK, WRONG_PIN, WRONG_PUK } from './bench.ts'
import { beside } from './beside.ts'
import { refused } from './refusal.ts'
import { setOwner } from './set-owner.ts'
import { assertSigned } from './verify.ts'

type Listed = Exclude<TpmCardSummary, { readonly state: 'unreadable' }>
const data = new Uint8Array(100)

function asked(card: CardSummary | undefined): Listed {
  assert.ok(card?.kind === 'tpm' && card.state !== 'unreadable', card?.state)
  return card as Listed
}

async function listed(bench: Bench, name = 'work'): Promise<Listed> {
  return asked((await listCards({ home: bench.home })).find((card) => card.name === name))
}

const stateAndTries = ({ state, pin }: Listed) => [state, pin.triesLeft, pin.puk?.triesLeft, pin.advisory]

function changeFile(bench: Bench, change: (card: CardFile) => CardFile): void {
  const path = join(bench.home, 'cards', 'work.card')
  writeFileSync(path, encodeCardFile(change(decodeCardFile(readFileSync(path), path))))
}

async function spend(work: () => Promise<unknown>, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await work().catch(() => undefined)
}

for (const kind of KINDS) {
  test(`${kind}: how the PIN is, by the word of the TPM`, () =>
    onBench(kind, async (bench) => {
      const card = await bench.create({ pinTries: 3, pukTries: 2, mustChangePin: true })
      assert.equal(stateAndTries(await listed(bench)), ['must-change-pin', 3, 2, false])
      await card.changePin({ pin: PIN, newPin: '998877' })
      await spend(() => card.verifyPin(WRONG_PIN), 1)
      assert.equal(stateAndTries(await listed(bench)), ['ready', 2, 2, false])
      await spend(() => card.unblockPin({ puk: WRONG_PUK, newPin: PIN }), 2)
      assert.equal(stateAndTries(await listed(bench)), ['puk-blocked', 2, 0, false])
      await spend(() => card.verifyPin(WRONG_PIN), 2)
      await card.close()
      const blocked = await listed(bench)
      assert.equal(stateAndTries(blocked), ['pin-blocked', 0, 0, false])
      assert.equal([blocked.pin.blocked, blocked.pin.tries, blocked.pin.puk?.tries], [true, 3, 2])
    }))

  test(`${kind}: an open card is not disturbed: what was verified stays, also the one use of an always key`, () =>
    onBench(kind, async (bench) => {
      const card = await bench.create()
      await card.verifyPin(PIN)
      const key = await card.generateKey('9c')
      await card.generateKey('9a')
      await card.verifyPin(PIN)
      const before = await bench.loaded()
      const { commands } = await bench.spent(() => listed(bench))
      assert.equal(commands, { NV_Read: 2 })
      assert.equal(await bench.loaded(), before)
      assertSigned(key, data, await card.sign('9c', data))
      await card.sign('9a', data)
      await card.close()
    }))

  test(`${kind}: nobody has the TPM: one connection, nothing loaded, nothing left`, () =>
    onBench(kind, async (bench) => {
      for (const name of ['work', 'other', 'third']) await (await bench.create({ name })).close()
      bench.proxy?.clear()
      const cards = await listCards({ home: bench.home })
      assert.equal(
        cards.map(({ name, state }) => [name, state]),
        ['other', 'third', 'work'].map((name) => [name, 'ready']),
      )
      if (bench.proxy === undefined) return
      assert.is(new Set(bench.proxy.wire.map(({ client }) => client)).size, 1)
      const { ReadPublic, NV_Read, ...others } = bench.proxy.counts()
      assert.equal([ReadPublic, NV_Read], [1, 6])
      // What every connection begins with.
      assert.equal(Object.keys(others).sort(), ['GetCapability', 'Startup'])
    }))

  test(`${kind}: the owner's password hides the count: that of the file is shown, and marked`, () =>
    onBench(kind, async (bench) => {
      const card = await bench.create({ pinTries: 3 })
      await setOwner(bench, '', 'secret')
      assert.equal(stateAndTries(await listed(bench)), ['ready', undefined, undefined, true])
      await spend(() => card.verifyPin(WRONG_PIN), 1)
      assert.equal(stateAndTries(await listed(bench)), ['ready', 2, 5, true])
      await spend(() => card.verifyPin(WRONG_PIN), 2)
      assert.equal(stateAndTries(await listed(bench)), ['pin-blocked', 0, 5, true])
      await card.close()
      await setOwner(bench, 'secret', '')
    }))

  test(`${kind}: a card whose counter is gone is dead, and the others are not`, () =>
    onBench(kind, async (bench) => {
      await (await bench.create({ name: 'other' })).close()
      await (await bench.create()).close()
      const path = join(bench.home, 'cards', 'work.card')
      const { handle } = decodeCardFile(readFileSync(path), path).pin
      const witness = await bench.witness()
      await witness.must('NV_UndefineSpace', {
        handles: [RH.owner, handle],
        params: EMPTY.slice(2),
        auths: [password(new Uint8Array(0))],
      })
      await witness.close()
      const dead = await listed(bench)
      assert.equal([dead.state, dead.error?.code], ['dead', 'ERR_CARD_DEAD'])
      assert.is((await listed(bench, 'other')).state, 'ready')
    }))
}

test("certificates: whose, and until when; a damaged one is in nobody's way", () =>
  onBench('embedded', async (bench) => {
    const card = await bench.create()
    await card.verifyPin(PIN)
    const key = await card.generateKey('9a')
    await card.putCertificate('9a', { certificate: certificateOf(key, 'Alice') })
    await card.putCertificate('82', { certificate: certificateOf(key, 'Old Alice', 5000) })
    for (const slot of ['9c', '9d', '9e']) await card.putCertificate(slot, { certificate: certificateOf(key) })
    await card.close()
    const tag = (slot: string) => certificateTag(parseSlot(slot))
    changeFile(bench, ({ objects, ...file }) => {
      const whole = objects[tag('9d')] ?? EMPTY
      const nonsense = { [tag('9c')]: Uint8Array.of(1, 2, 3), [tag('9d')]: whole.slice(0, -9), [tag('9e')]: EMPTY }
      return { ...file, objects: { ...objects, ...nonsense } }
    })
    const { state, certificates, keys } = await listed(bench)
    assert.equal([state, keys.map(({ slot }) => slot)], ['ready', ['9a']])
    const notAfter = '2049-12-31T23:59:59.000Z'
    assert.equal(
      certificates.map((one) => ('error' in one ? [one.slot, one.error.code] : [one.slot, one.subject, one.notAfter])),
      [
        ['9a', 'Alice', notAfter],
        ['9c', 'ERR_DATA'],
        ['9d', 'ERR_DATA'],
        ['9e', 'ERR_DATA'],
        ['82', 'Old Alice', notAfter],
      ],
    )
  }))

test('another TPM, a cleared one, none at all, and a file that cannot be read', async () => {
  const [home, swtpm, other] = [tempDir('home'), await startSwtpm(), await startSwtpm()]
  const make = (name: string, tcti: string) =>
    createCard({ name, home, tcti, pin: PIN, puk: PUK }).then((card) => card.close())
  await make('one', swtpm.tcti)
  await make('two', other.tcti)
  await make('three', 'embedded:')
  writeFileSync(join(home, 'cards', 'broken.card'), 'nonsense')
  const states = async (tcti?: string) =>
    Object.fromEntries((await listCards({ home, ...(tcti && { tcti }) })).map(({ name, state }) => [name, state]))
  const broken = 'unreadable'
  assert.equal(await states(), { broken, one: 'ready', two: 'ready', three: 'ready' })
  assert.equal(await states(swtpm.tcti), { broken, one: 'ready', two: 'other-tpm', three: 'other-tpm' })
  await other.stop()
  assert.equal(await states(), { broken, one: 'ready', two: 'unusable', three: 'ready' })
  const two = asked((await listCards({ home })).find(({ name }) => name === 'two'))
  assert.equal([two.error?.code, two.pin.triesLeft, two.pin.advisory], ['ERR_TPM_ABSENT', undefined, true])
  assert.equal(new Set(Object.values(await states('nonsense:'))), new Set([broken, 'unusable']))
  await swtpm.stop()
})

test('a TPM that somebody else has: in use after a short wait, and never an error', async () => {
  const [home, swtpm] = [tempDir('home'), await startSwtpm()]
  for (const [name, tcti] of [
    ['one', swtpm.tcti],
    ['two', swtpm.tcti],
    ['work', 'embedded:'],
  ] as const) {
    await (await createCard({ name, home, tcti, pin: PIN })).close()
  }
  const socket = connect(swtpm.path)
  await once(socket, 'connect')
  const holder = beside(['hold', home])
  assert.is(await holder.line(), 'hold: ok')
  const started = monotonic()
  const cards = (await listCards({ home })).map(asked)
  const took = monotonic() - started
  assert.equal(
    cards.map(({ name, state, error, pin }) => [name, state, error, pin.triesLeft, pin.tries]),
    ['one', 'two', 'work'].map((name) => [name, 'in-use', undefined, undefined, 5]),
  )
  assert.ok(took > 250 && took < 9000, `${took} ms, and not the ten seconds of a card that is opened`)
  socket.destroy()
  await holder.rest()
  // The wait of a listing is not that of a card that is opened: here both are under way at once.
  const [again, card] = await Promise.all([listCards({ home }), openCard({ name: 'one', home })])
  assert.equal(new Set(again.map(({ state }) => state)), new Set(['ready']))
  await card.verifyPin(PIN)
  await card.close()
  await swtpm.stop()
})

test('a TPM that says nothing any more: bounded, and the other TPMs are heard', async () => {
  const [home, swtpm] = [tempDir('home'), await startSwtpm()]
  await (await createCard({ name: 'hung', home, tcti: swtpm.tcti, pin: PIN })).close()
  await (await createCard({ name: 'work', home, tcti: 'embedded:', pin: PIN })).close()
  process.kill(swtpm.pid, 'SIGSTOP')
  try {
    const started = monotonic()
    const cards = await listCards({ home, waitMs: 100 })
    assert.ok(monotonic() - started < 60_000)
    assert.equal(
      cards.map(({ name, state }) => [name, state]),
      [
        ['hung', 'in-use'],
        ['work', 'ready'],
      ],
    )
  } finally {
    process.kill(swtpm.pid, 'SIGCONT')
  }
  await swtpm.stop()
})

test('the files only: no TPM is asked', () =>
  onBench('swtpm', async (bench) => {
    await (await bench.create({ mustChangePin: true })).close()
    bench.proxy?.clear()
    const [only, ...others] = await listCards({ home: bench.home, filesOnly: true })
    assert.equal([asked(only).state, asked(only).pin.triesLeft, others], ['not-asked', undefined, []])
    assert.is(asked(only).pin.mustChange, true)
    assert.is(bench.proxy?.total(), 0)
    await refused('ERR_CARD_NOT_FOUND', 3, () => openCard({ name: 'none', home: bench.home }))
  }))

test.run()
