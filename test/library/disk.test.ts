// takes: 5 s
// Disks that are full or may not be written, and TPMs that may not be opened: in words, with the card as it was.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { EXIT_CODES } from '../../src/cli/exit.ts'
import { filesOver } from '../../src/files/files.ts'
import { CardError, listCards } from '../../src/index.ts'
import { createTpmCard, openTpmCard } from '../../src/tpm/open.ts'
import { onSmallDisk, withoutPrivilege } from '../store/support/processes.ts'
import { failing, watched } from '../store/support/steps.ts'
import { tempDir } from '../support/temp.ts'
import { ascii } from '../support/wire.ts'
import { type Bench, onBench, PIN, PUK } from './bench.ts'
import { beside } from './beside.ts'
import { nvIndices } from './tpm-view.ts'

const READ_ONLY = 'ERR_CARD_READ_ONLY'
const FULL = 'ERR_DISK_FULL'

/** What child.ts says in the mode `day`, where changes of the card end with `changes` and a new card with `creation`. */
const day = (changes: string, creation = changes): string[] => [
  'list: 1',
  'info: work',
  'verify: ok',
  'sign: ok',
  'status: 5',
  'wrong PIN: ERR_PIN_WRONG',
  'verify again: ok',
  `generate: ${changes}`,
  `delete: ${changes}`,
  `sign again: ${changes === 'ok' ? 'ERR_KEY_ABSENT' : 'ok'}`,
  'change PIN: ok',
  'change it back: ok',
  `create: ${creation}`,
]

async function withKey(bench: Bench): Promise<void> {
  const card = await bench.create()
  await card.verifyPin(PIN)
  await card.generateKey('9a')
  await card.close()
}

async function readOnly(home: string, work: () => Promise<void>): Promise<void> {
  const folders = [join(home, 'cards'), home]
  for (const folder of folders) chmodSync(folder, 0o500)
  try {
    await work()
  } finally {
    for (const folder of folders.reverse()) chmodSync(folder, 0o700)
  }
}

test('a home that may not be written: the card can be used all day, and not be changed', () =>
  onBench('swtpm', async (bench) => {
    const { home, tcti } = bench
    await withKey(bench)
    const file = readFileSync(join(home, 'cards', 'work.card'))
    await readOnly(home, async () => {
      assert.equal(await beside(['day', home, tcti, PIN], withoutPrivilege).rest(), day(READ_ONLY))
      assert.equal(await beside(['destroy', home], withoutPrivilege).rest(), [`destroy: ${READ_ONLY}`])
    })
    assert.is(EXIT_CODES[READ_ONLY], 1)
    assert.equal(readFileSync(join(home, 'cards', 'work.card')), file)
    assert.is((await nvIndices(bench.transmit)).length, 2)
    assert.equal(await beside(['day', home, tcti, PIN]).rest(), day('ok'))
  }))

test('a TPM that may not be opened: says so, and no other is taken instead', () =>
  onBench('swtpm', async (bench) => {
    const { swtpm } = bench
    if (swtpm === undefined) throw new Error('no swtpm')
    const attempt = async (tcti: string, prefix: readonly string[] = withoutPrivilege) => {
      const fresh = join(tempDir('denied'), 'home')
      const said = await beside(['create', fresh, tcti, PIN], prefix).rest()
      assert.equal(await listCards({ home: fresh }), [])
      return said
    }
    chmodSync(swtpm.path, 0o000)
    assert.equal(await attempt(swtpm.tcti), ['create: ERR_TPM_PERMISSION'])
    // Not in memory, where device files may be of no use to anybody.
    const device = join(tempDir('device', '/var/tmp'), 'tpm')
    if (spawnSync('mknod', [device, 'c', '10', '224']).status === 0) {
      chmodSync(device, 0o000)
      assert.equal(await attempt(`device:${device}`), ['create: ERR_TPM_PERMISSION'])
    } else {
      console.log('# skipped: a TPM that may not be opened: no device files can be made here')
    }
    assert.is(EXIT_CODES.ERR_TPM_PERMISSION, 9)
  }))

test('an embedded TPM whose state may not be read, or not be written', () =>
  onBench('embedded', async (bench) => {
    const { home } = bench
    await withKey(bench)
    const folder = join(home, 'tpm')
    await bench.stop()
    const state = readFileSync(join(folder, 'state'))
    for (const mode of [0o500, 0o000]) {
      chmodSync(folder, mode)
      try {
        const said = await beside(['day', home, 'embedded:', PIN], withoutPrivilege).rest()
        assert.equal(said, ['list: 1', 'info: work', 'open: ERR_TPM_PERMISSION'])
      } finally {
        chmodSync(folder, 0o700)
      }
    }
    assert.equal(readFileSync(join(folder, 'state')), state)
    assert.equal(await beside(['day', home, 'embedded:', PIN]).rest(), day('ok'))
  }))

const disk = tempDir('disk')
mkdirSync(join(disk, 'home'))
const small = onSmallDisk(join(disk, 'home'))
if (small === undefined) console.log('# skipped: a disk that is full: mounting is not allowed here')
else {
  test('a disk that is full: the card can be used all day, and not be changed until there is room', () =>
    onBench('swtpm', async ({ tcti }) => {
      const said = await beside(['full', join(disk, 'home'), tcti, PIN], small).rest()
      assert.equal(said, [...day(FULL), ...day('ok')])
      assert.is(EXIT_CODES[FULL], 1)
    }))

  test('a disk that is full under the embedded TPM: nothing works, nothing is lost, and it goes on with room', () =>
    onBench('embedded', async () => {
      const said = await beside(['full', join(disk, 'home'), 'embedded:', PIN], small).rest()
      assert.equal(said.slice(0, 3), ['list: 1', 'info: work', 'open: ERR_TPM_STATE'])
      assert.equal(said.slice(3), day('ok'))
    }))
}

const request = {
  ...{ name: 'work', pin: ascii(PIN), puk: ascii(PUK), pinTries: 5, pukTries: 5, adminKey: undefined },
  ...{ unlockSeconds: 60, mustChangePin: true, defaults: [], ownerPassword: new Uint8Array(0) },
}

for (const [errno, code] of [
  ['ENOSPC', FULL],
  ['EIO', 'ERR_IO'],
] as const) {
  test(`${errno} at every step of writing a new card: nothing is left in the TPM or on the disk`, () =>
    onBench('swtpm', async (bench) => {
      const { tcti } = bench
      for (let at = 0; ; at += 1) {
        const home = tempDir('fault')
        const fault = failing(at, errno, false)
        const place = { home, tcti, files: filesOver(watched(fault.watch)) }
        const made = await createTpmCard(place, request).catch((error: unknown) => error)
        if (!(made instanceof Error)) {
          await (made as Awaited<ReturnType<typeof createTpmCard>>).close()
          assert.is((await listCards({ home })).length, 1)
          if (!fault.reached()) break
          continue // a step that may fail: flushing a folder of a disk that cannot, for example
        }
        assert.ok(made instanceof CardError && made.code === code, `step ${at}: ${made}`)
        // A step of clearing up may be the one that failed: what it left behind goes when the next card is made.
        await (await createTpmCard({ home, tcti }, { ...request, name: 'next' })).close()
        const { length } = await listCards({ home })
        assert.ok(length === 1 || (length === 2 && errno === 'EIO'), `step ${at}: ${length} cards`)
        assert.equal(
          readdirSync(join(home, 'cards')).filter((name) => /journal$|-tmp$/.test(name)),
          [],
          `step ${at}`,
        )
      }
    }))
}

test('ENOSPC at every step of a change: the card is as it was, also in memory', () =>
  onBench('swtpm', async (bench) => {
    const { home, tcti } = bench
    await withKey(bench)
    for (let at = 0; ; at += 1) {
      const fault = failing(at, 'ENOSPC', false)
      const vault = await openTpmCard({ home, tcti }, 'work')
      await vault.pins.verifyPin(ascii(PIN))
      await vault.close()
      const faulty = await openTpmCard({ home, tcti, files: filesOver(watched(fault.watch)) }, 'work').catch(
        (error: unknown) => error,
      )
      if (faulty instanceof Error) {
        assert.ok(faulty instanceof CardError, `step ${at}: ${faulty}`)
        continue
      }
      const opened = faulty as Awaited<ReturnType<typeof openTpmCard>>
      const before = readFileSync(join(home, 'cards', 'work.card'))
      const outcome = await opened.objects.put('5fff10', Uint8Array.of(at)).catch((error: unknown) => error)
      if (outcome instanceof Error) {
        assert.ok(outcome instanceof CardError && outcome.code === FULL, `step ${at}: ${outcome}`)
        const after = readFileSync(join(home, 'cards', 'work.card'))
        // Where only the flush of the folder failed the new card is there, and the error says so.
        if (!/was replaced/.test(outcome.message)) assert.equal(after, before, `step ${at}`)
      }
      await opened.close()
      if (!fault.reached()) break
    }
    const card = await bench.open()
    await card.verifyPin(PIN)
    await card.sign('9a', new Uint8Array(3))
    await card.close()
  }))

test.run()
