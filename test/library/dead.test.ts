// takes: 8 s
// A card that no TPM can destroy any more is removed all the same, is in nobody's way, and what lives is not removed.
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Home } from '../../src/home/home.ts'
import type { CardError, CreateCardOptions } from '../../src/index.ts'
import { createCard, destroyCard, listCards, removeDeadCard } from '../../src/index.ts'
import { native } from '../../src/native.ts'
import { whyDead } from '../../src/tpm/dead.ts'
import { fromNative } from '../../src/tpm/failure.ts'
import { Journal } from '../../src/tpm/store/journal.ts'
import { storedTcti } from '../../src/tpm/stored-tcti.ts'
import { changeFile, pathOf, readFile, resealFile } from '../attacks/support/card-file.ts'
import { tessera } from '../cli/cli.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'

const make = async (options: Omit<CreateCardOptions, 'name' | 'pin'> & { readonly name?: string }) =>
  (await createCard({ name: 'work', pin: '246810', ...options })).close()
const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: CardError) => error.code,
  )

const DEATHS: Readonly<Record<string, (home: string) => void>> = {
  'no-state': (home) => rmSync(join(home, 'tpm'), { recursive: true }),
  'damaged-file': (home) => writeFileSync(pathOf(home, 'work'), 'tessera-card 1 sha256:0\n{}\n'),
  'other-tpm': (home) =>
    void changeFile(home, 'work', ({ srk, ...card }) => ({
      ...card,
      srk: { ...srk, name: srk.name.map((octet) => octet ^ 1) },
    })),
}

for (const [why, die] of Object.entries(DEATHS)) {
  test(`${why}: destroying refuses, removing says why, and the name is free`, async () => {
    const home = tempDir('dead')
    await make({ home, tcti: 'embedded:' })
    die(home)
    assert.ok((await codeOf(destroyCard('work', { home }))) !== undefined)
    assert.ok(existsSync(pathOf(home, 'work')))
    assert.is(await removeDeadCard('work', { home }), why)
    assert.equal(await listCards({ home, filesOnly: true }), [])
    await make({ home, tcti: 'embedded:' })
    await destroyCard('work', { home })
  })

  test(`${why}: on the command line, with what is certain and what is not`, async () => {
    const home = tempDir('dead')
    await make({ home, tcti: 'embedded:' })
    die(home)
    process.env.TESSERA_HOME = home
    const { code, stdout, stderr } = await tessera(['destroy', 'work', '--yes'])
    assert.is(code, 0, stderr)
    assert.match(stdout, "The file of card 'work' was removed")
    assert.match(stderr, /Certain: .*Not certain: .*Revoke/)
    assert.not(existsSync(pathOf(home, 'work')))
  })
}

test('a card that lives, or that is looked for in another TPM, is not removed', async () => {
  const [own, other] = [await startSwtpm(), await startSwtpm()]
  const home = tempDir('alive')
  await make({ home, tcti: own.tcti })
  await make({ home: tempDir('other'), tcti: other.tcti })
  assert.is(await codeOf(removeDeadCard('work', { home })), 'ERR_USAGE')
  assert.is(await codeOf(removeDeadCard('work', { home, tcti: other.tcti })), 'ERR_USAGE')
  await own.stop()
  assert.is(await codeOf(removeDeadCard('work', { home })), 'ERR_TPM_ABSENT')
  assert.ok(existsSync(pathOf(home, 'work')))
  await other.stop()
})

test('a card that lives is not removed because it is looked for at an address where there is no TPM, or no state', async () => {
  const swtpm = await startSwtpm()
  const home = tempDir('alive')
  await make({ home, tcti: swtpm.tcti })
  for (const tcti of ['embedded:', 'devcie:/dev/tpm0', `swtpm:path=${home}/nothing`]) {
    assert.is(await codeOf(removeDeadCard('work', { home, tcti })), 'ERR_USAGE', tcti)
  }
  assert.ok(existsSync(pathOf(home, 'work')))
  await destroyCard('work', { home })
  await swtpm.stop()
})

for (const tcti of ['swtpm:host=192.0.2.1', 'cmd:false']) {
  test(`a card that says it is at ${tcti} may live there: its file goes only where that is asked for`, async () => {
    const home = tempDir('address')
    process.env.TESSERA_HOME = home
    await make({ home, tcti: 'embedded:' })
    changeFile(home, 'work', (card) => ({ ...card, tcti: storedTcti(tcti) }))
    assert.is(await codeOf(destroyCard('work', { home })), 'ERR_TCTI')
    assert.is(await codeOf(removeDeadCard('work', { home })), 'ERR_TCTI')
    const refused = await tessera(['destroy', 'work', '--yes'])
    assert.is.not(refused.code, 0)
    assert.match(refused.stderr, '--tcti')
    assert.ok(existsSync(pathOf(home, 'work')))
    const { code, stderr } = await tessera(['destroy', 'work', '--yes', '--file-only'])
    assert.is(code, 0, stderr)
    assert.match(stderr, /Certain: .*Not certain: .*may still exist.*Revoke/)
    assert.not(existsSync(pathOf(home, 'work')))
  })

  test(`a living card at ${tcti} is destroyed where --tcti says where it is`, async () => {
    const home = tempDir('address')
    await make({ home, tcti: 'embedded:' })
    await resealFile({ home, tcti: 'embedded:' }, 'work', (card) => ({ ...card, tcti: storedTcti(tcti) }))
    await destroyCard('work', { home, tcti: 'embedded:' })
    assert.not(existsSync(pathOf(home, 'work')))
  })
}

test('--file-only removes no card that lives where its file says', async () => {
  const home = tempDir('alive')
  await make({ home, tcti: 'embedded:' })
  assert.is(await codeOf(removeDeadCard('work', { home, fileOnly: true })), 'ERR_USAGE')
  assert.ok(existsSync(pathOf(home, 'work')))
})

test('a state of a newer version is no death: it passes', () => {
  const failure = (reason: string) => Object.assign(new Error('x'), { layer: 'state', rc: 0, reason })
  for (const [reason, why] of [
    ['corrupt', 'no-state'],
    ['newer', undefined],
    ['full', undefined],
    ['io', undefined],
  ] as const) {
    assert.is(whyDead(fromNative(failure(reason))), why, reason)
  }
})

test("what a crash left behind in a TPM that was cleared since is in nobody's way", async () => {
  const home = tempDir('journal')
  await make({ home, tcti: 'embedded:' })
  const { cardId, srk, pin, puk } = readFile(home, 'work')
  const place = (index: typeof pin) => ({
    handle: index.handle,
    names: [index.name, index.name] as [Uint8Array, Uint8Array],
  })
  const journal = new Journal({ home: new Home(home), lockFile: (path) => native().lockFile(path) })
  const entry = { kind: 'create', name: 'next', cardId, tcti: 'embedded:', pin: place(pin), puk: place(puk) } as const
  const left = await journal.begin({ ...entry, srkName: srk.name.map((octet) => octet ^ 1) })
  left.leave()
  await make({ home, tcti: 'embedded:', name: 'next' })
  assert.equal(
    (await listCards({ home })).map(({ name, state }) => [name, state]),
    [
      ['next', 'ready'],
      ['work', 'ready'],
    ],
  )
})

test.run()
