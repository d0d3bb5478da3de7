// takes: 10 s
// A card made anew: what is as on the first day, what stays, and what no fault may do.
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { caFile, enrolmentFile } from '../../src/home/enrolments.ts'
import { Home } from '../../src/home/home.ts'
import { cardInfo, DEFAULT_PIN, DEFAULT_PUK, destroyCard, listCards, resetCard } from '../../src/index.ts'
import { openTpmCard } from '../../src/tpm/open.ts'
import { PROGRAM } from '../cli/cli.ts'
import { beside, killAll } from '../store/support/processes.ts'
import { CC } from '../support/codes.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { within } from '../support/temp.ts'
import { answerCode, answerOutput, ascii, command, concat, passwordArea, Reader, tpm2b, u32 } from '../support/wire.ts'
import { KINDS, NEW_PIN, NEW_PUK, onBench, PIN, PUK } from './bench.ts'
import { refused } from './refusal.ts'
import { assertSigned } from './verify.ts'

test.after.each(killAll)

const data = new TextEncoder().encode('A message to sign.')
const adminKey = Uint8Array.from({ length: 32 }, (_, at) => at)
const helpDesk = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })

for (const kind of KINDS) {
  test(`${kind}: secrets, keys and objects as on the first day; tries, help desk and unlock time stay`, () =>
    onBench(kind, async ({ home, create, open }) => {
      const settings = { pinTries: 3, pukTries: 7, unlockMinutes: 2, helpDeskPublicKey: helpDesk.publicKey }
      const made = await create({ ...settings, adminKey })
      await made.verifyPin(PIN)
      for (const slot of ['9a', '9e']) await made.generateKey(slot)
      await made.putObject('5fff01', data)
      await made.close()
      const path = join(home, 'cards', 'work.card')
      copyFileSync(path, join(home, 'copy'))
      const before = await cardInfo('work', { home })
      assert.equal(before.defaults, [])

      const card = await resetCard('work', { home })
      const after = await cardInfo('work', { home })
      assert.is.not(after.cardId, before.cardId)
      assert.equal(
        [after.pinTries, after.pukTries, after.helpDesk, after.tcti, after.assurance],
        [3, 7, true, before.tcti, before.assurance],
      )
      assert.equal([after.mustChangePin, after.defaults, after.keys], [true, ['pin', 'puk', 'adminKey'], []])
      assert.match(readFileSync(path, 'utf8'), '"unlockSeconds": 120')
      assert.is(await card.getObject('5fff01'), undefined)
      await refused('ERR_PIN_WRONG', 4, () => card.verifyPin(PIN))
      await card.verifyPin(DEFAULT_PIN)
      await card.generateKey('9a')
      await refused('ERR_PIN_CHANGE_REQUIRED', 7, () => card.sign('9a', data))
      await card.changePin({ pin: DEFAULT_PIN, newPin: NEW_PIN })
      assertSigned((await card.keyInfo('9a')).publicKey, data, await card.sign('9a', data))
      await card.changePuk({ puk: DEFAULT_PUK, newPuk: NEW_PUK })
      assert.match(await card.unblockChallenge(), /^C-/)
      await card.close()

      // The old card is destroyed: a copy of its file is worth nothing.
      copyFileSync(join(home, 'copy'), path)
      const old = await open()
      await refused('ERR_CARD_DEAD', 3, () => old.verifyPin(PIN))
      await old.close()
    }))

  test(`${kind}: a card without PUK and admin key stays without a PUK; a blocked one is usable again`, () =>
    onBench(kind, async ({ home, create }) => {
      const made = await create({ noPuk: true, adminKey: 'random', pinTries: 1 })
      await refused('ERR_PIN_WRONG', 4, () => made.verifyPin(NEW_PIN))
      await refused('ERR_PIN_BLOCKED', 5, () => made.verifyPin(PIN))
      await made.close()
      assert.is((await cardInfo('work', { home })).adminKey, false)
      const card = await resetCard('work', { home })
      const { adminKey: has, pukTries, defaults } = await cardInfo('work', { home })
      assert.equal([has, pukTries, defaults], [true, undefined, ['pin', 'adminKey']])
      await card.changePin({ pin: DEFAULT_PIN, newPin: NEW_PIN })
      await refused('ERR_PUK_ABSENT', 8, () => card.unblockPin({ puk: PUK, newPin: PIN }))
      await card.close()
    }))

  test(`${kind}: refused before anything is destroyed, the card lives on`, () =>
    onBench(kind, async ({ home, create, open }) => {
      const made = await create()
      await made.verifyPin(PIN)
      await made.generateKey('9a')
      await made.close()
      await refused('ERR_CARD_NOT_FOUND', 3, () => resetCard('nobody', { home }))
      await refused('ERR_CARD_NAME', 2, () => resetCard('../work', { home }))
      const child = beside('holdJournal', home)
      assert.is(await child.line(), 'ready')
      const busy = await refused('ERR_CARD_BUSY', 1, () => resetCard('work', { home }))
      assert.match(busy.message, `(${child.process.pid})`)
      await child.kill()
      const another = await startSwtpm()
      await refused('ERR_CARD_OTHER_TPM', 9, () => resetCard('work', { home, tcti: another.tcti }))
      await another.stop()
      const card = await open()
      await card.verifyPin(PIN)
      assertSigned((await card.keyInfo('9a')).publicKey, data, await card.sign('9a', data))
      await card.close()
    }))
}

for (const kind of KINDS) {
  test(`${kind}: a TPM with an owner password wants it, and the wrong one destroys nothing`, () =>
    onBench(kind, async ({ home, create, open, transmit }) => {
      await (await create()).close()
      await setOwnerPassword(transmit, 'the owner')
      for (const wrong of [{}, { ownerPassword: 'a guess' }]) {
        await refused('ERR_TPM_OWNER_AUTH', 9, () => resetCard('work', { home, ...wrong }))
        const card = await open()
        await card.verifyPin(PIN)
        await card.close()
      }
      await (await resetCard('work', { home, ownerPassword: 'the owner' })).close()
      assert.is((await cardInfo('work', { home })).mustChangePin, true)
    }))
}

for (const name of ['NV_UndefineSpace', 'NV_DefineSpace', 'Create']) {
  test(`killed at ${name}: a whole card or none, nothing left over in the TPM, and the name is free`, () =>
    onBench('swtpm', async ({ home, create, open, proxy, transmit }) => {
      if (proxy === undefined) throw new Error('no proxy')
      await (await create()).close()
      const [node, ...words] = PROGRAM
      const env = { ...process.env, TESSERA_HOME: home }
      const child = spawn(node, [...words, 'reset', 'work', '--yes'], { env, stdio: 'ignore' })
      const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('close', (_, signal) => resolve(signal)))
      proxy.hooks = { onCommand: (exchange) => void (exchange.name === name && child.kill('SIGKILL')) }
      assert.is(await within(ended, 120_000, 'tessera reset'), 'SIGKILL')
      proxy.hooks = {}
      // The next start of any card cleans up.
      const other = await create({ name: 'other' })
      await other.close()
      const left = (await listCards({ home })).map((card) => card.name)
      assert.ok(['other', 'other,work'].includes(left.join()), left.join())
      if (left.includes('work')) await (await open()).verifyPin(PIN)
      else await (await create()).close()
      assert.equal(await nvIndices(transmit), 4)
      assert.equal(
        readdirSync(join(home, 'cards')).filter((file) => file.endsWith('.journal')),
        [],
      )
    }))
}

test('where the second half fails there is no card, and a new one can be made', () =>
  onBench('swtpm', async ({ home, create, proxy, transmit }) => {
    if (proxy === undefined) throw new Error('no proxy')
    await (await create()).close()
    proxy.hooks = { onCommand: (exchange) => (exchange.name === 'NV_DefineSpace' ? 'drop' : undefined) }
    await refused('ERR_TPM_GONE', 9, () => resetCard('work', { home }))
    proxy.hooks = {}
    assert.equal(await listCards({ home }), [])
    await (await create()).close()
    assert.equal(await nvIndices(transmit), 2)
  }))

/** TPM2_HierarchyChangeAuth by the owner, whose password is empty: TPM 2.0 Library, part 3. */
async function setOwnerPassword(transmit: (octets: Uint8Array) => Promise<Uint8Array>, text: string): Promise<void> {
  const params = tpm2b(ascii(text))
  const answer = await transmit(command(CC.HierarchyChangeAuth, [0x40000001], params, [passwordArea()]))
  assert.is(answerCode(answer), 0)
}

async function nvIndices(transmit: (octets: Uint8Array) => Promise<Uint8Array>): Promise<number> {
  const params = concat(u32(1), u32(0x01000000), u32(64))
  const answer = new Reader(answerOutput(CC.GetCapability, await transmit(command(CC.GetCapability, [], params))))
  answer.take(5)
  return answer.u32()
}

const ENDINGS: Readonly<Record<string, (home: string) => Promise<unknown>>> = {
  resetCard: async (home) => (await resetCard('work', { home })).close(),
  'RESET at the card edge': async (home) => {
    const vault = await openTpmCard({ home }, 'work')
    await vault.reset()
    await vault.close()
  },
  destroyCard: (home) => destroyCard('work', { home }),
}

for (const [what, end] of Object.entries(ENDINGS)) {
  test(`${what}: the enrolments of the card that is no more are forgotten, and no others`, () =>
    onBench('embedded', async ({ home, create }) => {
      await (await create()).close()
      const { cardId } = await cardInfo('work', { home })
      const folder = new Home(home).enrolments
      mkdirSync(folder, { recursive: true })
      const other = enrolmentFile('0'.repeat(32), '9a')
      for (const name of [enrolmentFile(cardId, '9a'), caFile(cardId, '9c'), other])
        writeFileSync(join(folder, name), '')
      await end(home)
      assert.equal(readdirSync(folder), [other])
    }))
}

test.run()
