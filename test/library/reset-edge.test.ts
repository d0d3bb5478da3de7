// takes: 6 s
// RESET by APDU on a card in a TPM: what the lock keeps, what is left in the TPM, and what a fault on the way leaves.
import { generateKeyPairSync } from 'node:crypto'
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { localChannel } from '../../src/cards/local-card.ts'
import type { CardChannel } from '../../src/channel.ts'
import { cardInfo, DEFAULT_PIN, listCards } from '../../src/index.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { openTpmCard } from '../../src/tpm/open.ts'
import { send } from '../support/channels.ts'
import { octets } from '../support/octets.ts'
import { RH } from '../support/templates.ts'
import { ascii, tpm2b } from '../support/wire.ts'
import { password } from '../support/witness.ts'
import { type Bench, KINDS, onBench, PIN } from './bench.ts'
import { refused } from './refusal.ts'
import { nvIndices } from './tpm-view.ts'

const helpDesk = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const RESET = octets('00FB0000')

const status = async (channel: CardChannel, apdu: string): Promise<string> =>
  hex((await send(channel, octets(apdu))).subarray(-2))

/** A card with three tries of each, keys of every policy, and PIN and PUK blocked; as a channel. */
async function blocked({ home, create }: Bench, first = async (): Promise<void> => undefined): Promise<CardChannel> {
  const made = await create({ pinTries: 3, pukTries: 2, unlockMinutes: 2, helpDeskPublicKey: helpDesk.publicKey })
  await made.verifyPin(PIN)
  for (const slot of ['9a', '9c', '9e']) await made.generateKey(slot)
  await made.attest('9a')
  await made.sign('9e', new Uint8Array(9))
  await made.close()
  await first()
  const channel = localChannel(await openTpmCard({ home }, 'work'))
  while ((await status(channel, `0020008008${'ff'.repeat(8)}`)) !== '6983');
  while ((await status(channel, `002c008010${'ff'.repeat(16)}`)) !== '6983');
  return channel
}

for (const kind of KINDS) {
  test(`${kind}: tries, help desk and unlock time stay; nothing of the old card is in the TPM`, () =>
    onBench(kind, async (bench) => {
      const { home } = bench
      const channel = await blocked(bench)
      const path = join(home, 'cards', 'work.card')
      copyFileSync(path, join(home, 'copy'))
      const before = await cardInfo('work', { home })
      const card = cardOver(channel)
      await card.unblockChallenge()
      assert.is(hex(await send(channel, RESET)), '9000')
      assert.equal(await bench.loaded(), { objects: 0, sessions: 0 })
      assert.is((await nvIndices(bench.transmit)).length, 2)
      const after = await cardInfo('work', { home })
      assert.is.not(after.cardId, before.cardId)
      assert.equal([after.pinTries, after.pukTries, after.helpDesk, after.tcti], [3, 2, true, before.tcti])
      assert.equal([after.mustChangePin, after.defaults, after.keys], [true, ['pin', 'puk', 'adminKey'], []])
      assert.match(readFileSync(path, 'utf8'), '"unlockSeconds": 120')
      assert.equal(
        readdirSync(join(home, 'cards')).filter((file) => file.endsWith('.journal')),
        [],
      )
      // The same object goes on, and all that is local with it.
      await card.verifyPin(DEFAULT_PIN)
      await card.generateKey('9a')
      assert.is(card.name, 'work')
      assert.equal(
        (await card.keys()).map(({ slot }) => slot),
        ['9a'],
      )
      assert.match(await card.unblockChallenge(), /^C-/)
      await card.close()
      assert.equal(await bench.loaded(), { objects: 0, sessions: 0 })
      copyFileSync(join(home, 'copy'), path)
      const old = await bench.open()
      await refused('ERR_CARD_DEAD', 3, () => old.verifyPin(PIN))
      await old.close()
    }))

  test(`${kind}: where the TPM has an owner with a password nothing is changed`, () =>
    onBench(kind, async (bench) => {
      const channel = await blocked(bench, async () => {
        const witness = await bench.witness()
        const params = tpm2b(ascii('the owner'))
        await witness.must('HierarchyChangeAuth', { handles: [RH.owner], params, auths: [password(new Uint8Array(0))] })
        await witness.close()
        bench.proxy?.clear()
      })
      // The TPM does not tell its counts then: that the PIN is blocked is what this machine remembers.
      assert.is(await status(channel, '00200080'), '6983')
      const path = join(bench.home, 'cards', 'work.card')
      const before = readFileSync(path)
      assert.is(hex(await send(channel, RESET)), '6985')
      assert.equal(readFileSync(path), before)
      assert.is((await nvIndices(bench.transmit)).length, 2)
      await channel.close()
    }))
}

test('the TPM is gone before anything is destroyed: the card lives on', () =>
  onBench('swtpm', async (bench) => {
    const { proxy } = bench
    const channel = await blocked(bench)
    if (proxy === undefined) throw new Error('no proxy')
    proxy.hooks = { onCommand: ({ name }) => (name === 'NV_UndefineSpace' ? 'drop' : undefined) }
    await refused('ERR_TPM_GONE', 9, () => send(channel, RESET))
    proxy.hooks = {}
    assert.is(await status(channel, '00200080'), '6983')
    assert.is(hex(await send(channel, RESET)), '9000', 'and is reset the next time')
    await channel.close()
  }))

test('the TPM is gone between the two halves: there is no card any more, and the channel says so', () =>
  onBench('swtpm', async (bench) => {
    const { proxy, home } = bench
    const channel = await blocked(bench)
    if (proxy === undefined) throw new Error('no proxy')
    proxy.hooks = { onCommand: ({ name }) => (name === 'NV_DefineSpace' ? 'drop' : undefined) }
    await refused('ERR_TPM_GONE', 9, () => send(channel, RESET))
    proxy.hooks = {}
    assert.equal(await listCards({ home }), [])
    await refused('ERR_CARD_DEAD', 3, () => send(channel, octets('00200080')))
    await refused('ERR_CARD_DEAD', 3, () => send(channel, RESET))
    await channel.close()
    await (await bench.create()).close()
    assert.is((await nvIndices(bench.transmit)).length, 2)
  }))

test.run()
