// takes: 5 s
// What a caller or a disk gets wrong: refused by a typed error before anything is sent or changed.
import { createHash, verify } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { runInNewContext } from 'node:vm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { EXIT_CODES } from '../../src/cli/exit.ts'
import { cardInfo, createCard, destroyCard, type ErrorCode, listCards, openCard } from '../../src/index.ts'
import { serveCard } from '../../src/serve/index.ts'
import { tempDir } from '../support/temp.ts'
import { flipBit } from '../support/wire.ts'
import { KINDS, onBench, PIN, PUK } from './bench.ts'
import { beside } from './beside.ts'
import { refused } from './refusal.ts'

const NAMES = [
  '',
  '.',
  '..',
  '../work',
  'a/b',
  '/etc/passwd',
  'a\\b',
  'work.card/..',
  '.hidden',
  '-rf',
  'with space',
  'null\0octet',
  'line\nfeed',
  'ümlaut',
  'work:stream',
  'reader:Yubico',
  'x'.repeat(65),
]

test('card names: none with a path in it, whatever is asked', async () => {
  const home = join(tempDir('names'), 'home')
  for (const name of NAMES) {
    const calls = [
      () => createCard({ name, home, tcti: 'embedded:' }),
      () => openCard({ name, home }),
      () => destroyCard(name, { home }),
      () => cardInfo(name, { home }),
    ]
    for (const call of calls) await refused('ERR_CARD_NAME', 2, call)
  }
  assert.not(existsSync(home))
  assert.equal(await listCards({ home }), [])
})

test('a name that is not there, as an argument of a command line may not be: refused like any other', async () => {
  const [name] = process.argv.slice(99) as [string]
  const home = tempDir('nameless')
  const options = { name, home, tcti: 'embedded:' }
  for (const call of [() => openCard(name), () => serveCard(name, { home }), () => createCard(options)]) {
    assert.match((await refused('ERR_CARD_NAME', 2, call)).message, '"undefined" cannot name a card')
  }
})

test('options that make no sense: nothing is made', async () => {
  const home = join(tempDir('options'), 'home')
  const base = { name: 'work', home, tcti: 'embedded:' } as const
  const bad: ReadonlyArray<readonly [ErrorCode, number, object]> = [
    ['ERR_PIN_FORMAT', 4, { pin: '12345' }],
    ['ERR_PUK_FORMAT', 6, { puk: 'short' }],
    ['ERR_USAGE', 2, { pinTries: 0 }],
    ['ERR_USAGE', 2, { pinTries: 11 }],
    ['ERR_USAGE', 2, { pukTries: 2.5 }],
    ['ERR_USAGE', 2, { pukTries: Number.NaN }],
    ['ERR_USAGE', 2, { unlockMinutes: 0 }],
    ['ERR_USAGE', 2, { unlockMinutes: 61 }],
    ['ERR_USAGE', 2, { adminKey: new Uint8Array(15) }],
    ...['foo', 'constructor', '', null, 1].map((model) => ['ERR_USAGE', 2, { model }] as const),
  ]
  for (const [code, exit, options] of bad) await refused(code, exit, () => createCard({ ...base, ...options }))
  assert.not(existsSync(home))
})

test('what JavaScript hands in although no type allows it: said in words, and no try is spent', async () => {
  const card = await createCard({ name: 'words', home: tempDir('words'), tcti: 'embedded:', pin: '246810' })
  await card.verifyPin('246810')
  await card.generateKey('9a')
  const others = [undefined, null, 7, 'text', ['text'], { length: 3 }, Readable.from(['text'])] as unknown[]
  for (const value of others) {
    const error = await refused('ERR_USAGE', 2, () => card.sign('9a', value as Uint8Array))
    assert.is(error.message.includes('TextEncoder'), typeof value === 'string' || value instanceof Readable)
    await refused('ERR_USAGE', 2, () => card.signDigest('9a', value as Uint8Array))
    if (typeof value !== 'string') await refused('ERR_USAGE', 2, () => card.verifyPin(value as string))
  }
  await card.lock()
  assert.is((await card.pinStatus()).triesLeft, 5)
  // Octets of another context, as test runners have them, are octets.
  await card.verifyPin(runInNewContext(`new Uint8Array([50, 52, 54, 56, 49, 48])`) as Uint8Array)
  const message = runInNewContext(`new Uint8Array([1, 2, 3])`) as Uint8Array
  const { publicKey } = await card.keyInfo('9a')
  assert.ok(verify('sha256', Uint8Array.of(1, 2, 3), publicKey, await card.sign('9a', message)))
  assert.is((await card.signDigest('9a', runInNewContext('new Uint8Array(32)') as Uint8Array))[0], 0x30)
  await card.close()
})

test('TCTI strings: unknown, malformed, or of a TPM that is not there', async () => {
  const home = tempDir('tcti')
  const nowhere = join(home, 'nowhere')
  const strings: ReadonlyArray<readonly [string, ErrorCode, number]> = [
    ['nonsense:', 'ERR_TCTI', 2],
    ['nonsense', 'ERR_TCTI', 2],
    ['../../tmp/x:', 'ERR_TCTI', 2],
    ['embedded', 'ERR_TCTI', 2],
    ['embedded:path=x', 'ERR_TCTI', 2],
    ['swtpm:port=many', 'ERR_TCTI', 2],
    ['swtpm:host=,port=2321', 'ERR_TCTI', 2],
    ['swtpm:port=70000', 'ERR_TCTI', 2],
    ['swtpm:path=', 'ERR_TCTI', 2],
    ['swtpm:what=ever', 'ERR_TCTI', 2],
    [`swtpm:path=/${'x'.repeat(200)}`, 'ERR_TCTI', 2],
    ['device:', 'ERR_TCTI', 2],
    [`device:${process.execPath}`, 'ERR_TCTI', 2],
    ['', 'ERR_USAGE', 2],
    [`swtpm:path=${'x'.repeat(2000)}`, 'ERR_USAGE', 2],
    [`swtpm:path=${nowhere}`, 'ERR_TPM_ABSENT', 9],
    ['swtpm:host=127.0.0.1,port=1', 'ERR_TPM_ABSENT', 9],
    ['swtpm:host=no.such.host.invalid,port=2321', 'ERR_TPM_ABSENT', 9],
    [`device:${nowhere}`, 'ERR_TPM_ABSENT', 9],
  ]
  for (const [tcti, code, exit] of strings) {
    await refused(code, exit, () => createCard({ name: 'work', home, tcti, pin: PIN, puk: PUK })).catch((error) => {
      throw new Error(tcti.slice(0, 60), { cause: error })
    })
  }
  assert.equal(await listCards({ home }), [])
  assert.not(existsSync(join(home, 'tpm')), 'and no other TPM was made instead')
})

const seal = (body: Buffer, version: string): Buffer =>
  Buffer.concat([
    Buffer.from(`tessera-card ${version} sha256:${createHash('sha256').update(body).digest('hex')}\n`),
    body,
  ])

for (const kind of KINDS) {
  test(`${kind}: card files that are cut short, foreign or newer are refused and not touched`, () =>
    onBench(kind, async ({ home, create, open }) => {
      await (await create()).close()
      await (await create({ name: 'other' })).close()
      const at = (name: string) => join(home, 'cards', `${name}.card`)
      const whole = readFileSync(at('work'))
      const body = whole.subarray(whole.indexOf(0x0a) + 1)
      const contents: ReadonlyArray<readonly [string, ErrorCode, Buffer]> = [
        ['empty', 'ERR_CARD_FILE', Buffer.alloc(0)],
        ['half', 'ERR_CARD_FILE', whole.subarray(0, whole.length >> 1)],
        ['less one octet', 'ERR_CARD_FILE', whole.subarray(0, -1)],
        ['one octet more', 'ERR_CARD_FILE', Buffer.concat([whole, Buffer.from('\n')])],
        ['one bit turned', 'ERR_CARD_FILE', Buffer.from(flipBit(Uint8Array.from(whole), whole.length >> 1, 2))],
        ['a picture', 'ERR_CARD_FILE', Buffer.from('89504e470d0a1a0a', 'hex')],
        ['another program', 'ERR_CARD_FILE', Buffer.from('{"version":1,"cards":[]}\n')],
        ['the file of another card', 'ERR_CARD_FILE', readFileSync(at('other'))],
        ['whole, but no card', 'ERR_CARD_FILE', seal(Buffer.from('{}\n'), '2')],
        ['the seal taken for none', 'ERR_CARD_FILE', seal(body, '1')],
        ['too long', 'ERR_CARD_FILE', Buffer.concat([whole, Buffer.alloc(2_000_000, 0x20)])],
        ['newer', 'ERR_CARD_FILE_NEWER', seal(body, '3')],
        ['much newer', 'ERR_CARD_FILE_NEWER', Buffer.from('tessera-card 999 of another make\n')],
      ]
      for (const [what, code, content] of contents) {
        writeFileSync(at('work'), content)
        const calls = [open, () => destroyCard('work', { home }), () => cardInfo('work', { home })]
        for (const call of calls) {
          const error = await refused(code, 1, call)
          assert.match(error.message, at('work'), what)
        }
        await refused('ERR_CARD_EXISTS', 2, create)
        const listed = await listCards({ home })
        assert.equal(listed.map((card) => [card.name, 'error' in card && card.error.code]).sort(), [
          ['other', false],
          ['work', code],
        ])
        assert.equal(readFileSync(at('work')), content, what)
      }
      const other = await open('other')
      await other.verifyPin(PIN)
      await other.close()
      writeFileSync(at('work'), whole)
      const card = await open()
      await card.verifyPin(PIN)
      await card.close()
    }))
}

test('without the native part: words, and cards can still be listed', () =>
  onBench('embedded', async ({ home, tcti, create }) => {
    await (await create()).close()
    const preload = fileURLToPath(new URL('../runner/other-addon.cjs', import.meta.url))
    const without = ['env', `NODE_OPTIONS=--require ${preload}`, `TESSERA_ADDON=${join(home, 'nowhere.node')}`]
    const said = await beside(['day', home, tcti, PIN], without).rest()
    assert.equal(said, ['list: 1', 'info: work', 'open: ERR_TPM_LIBRARY'])
    assert.is(EXIT_CODES.ERR_TPM_LIBRARY, 9)
  }))

test('a card that is a folder or a link', () =>
  onBench('embedded', async ({ home, create, open }) => {
    await (await create()).close()
    const folder = join(home, 'cards')
    mkdirSync(join(folder, 'folder.card'))
    copyFileSync(join(folder, 'work.card'), join(home, 'elsewhere'))
    symlinkSync(join(home, 'elsewhere'), join(folder, 'link.card'))
    const before = readdirSync(folder).length
    for (const name of ['folder', 'link']) {
      await refused('ERR_IO', 1, () => open(name))
      await refused('ERR_IO', 1, () => destroyCard(name, { home }))
      await refused('ERR_CARD_EXISTS', 2, () => create({ name }))
    }
    assert.is(readdirSync(folder).length, before)
  }))

test.run()
