// takes: 10 s
// `tessera list` with readers, and which card a command is about where none is named.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex } from '../../src/bytes.ts'
import type { CardChannel } from '../../src/channel.ts'
import { cardInfo, createCard, openCard } from '../../src/index.ts'
import { ReaderChannel } from '../../src/pcsc/channel.ts'
import { NON_FEDERAL, writeChuid } from '../../src/piv/contents.ts'
import { serveCard } from '../../src/serve/serve-card.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { type Result, secretFile, tessera } from '../cli/cli.ts'
import { Checker } from '../cli/schema.ts'
import { beside } from '../library/beside.ts'
import { root } from '../runner/jobs.ts'
import { startServe } from '../serve/support/process.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { tempDir } from '../support/temp.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'
import { ADMIN_KEY, memoryCard, PIN, plainCard, seen } from './cards.ts'
import { Tray } from './tray.ts'

const checker = new Checker(JSON.parse(readFileSync(join(root, 'docs/cli.schema.json'), 'utf8')))
const pin = secretFile(join(tempDir('pin'), 'pin'), PIN)
let pcscd: Pcscd

test.before(async () => {
  pcscd = await startPcscd()
})
test.after(() => pcscd?.stop())

/** A home with a card of the embedded TPM, or with none. */
async function inHome(work: () => Promise<void>, ...names: string[]): Promise<void> {
  const home = tempDir('home')
  process.env.TESSERA_HOME = home
  for (const name of names) await (await createCard({ name, home, tcti: 'embedded:', pin: PIN })).close()
  await work()
}

/** What lies in the readers: each look of PC/SC takes 0.4 s, so cards are exchanged, and all taken out at once. */
const lying = new Map<0 | 1, { readonly tray: Tray; readonly inserted: Inserted }>()

async function put(at: 0 | 1, card: CardChannel): Promise<void> {
  const reader = pcscd.readers[at]
  let there = lying.get(at)
  if (there === undefined) {
    const tray = new Tray(reader)
    there = { tray, inserted: await insertCard(pcscd.ports[at], tray) }
    lying.set(at, there)
    await seen(reader, true)
  }
  await there.tray.exchange(card)
}

async function takeOut(): Promise<void> {
  const out = [...lying].map(async ([at, { inserted }]) => {
    await inserted.pull()
    await seen(pcscd.readers[at], false)
  })
  lying.clear()
  await Promise.all(out)
}

async function inReader(at: 0 | 1, card: CardChannel, work: () => Promise<void>): Promise<void> {
  await put(at, card)
  await work().finally(takeOut)
}

async function ran(code: number, ...argv: string[]): Promise<Result> {
  const result = await tessera(argv)
  assert.is(result.code, code, `${argv.join(' ')}: ${result.stdout}${result.stderr}`)
  return result
}

/** Whose PIN status a command without --card shows. */
const chosen = async (): Promise<string> => JSON.parse((await ran(0, 'pin', 'status', '--json')).stdout).card
const [first, second] = ['reader:Virtual PCD 00 00', 'reader:Virtual PCD 00 01']

async function listed() {
  const cards = JSON.parse((await ran(0, 'list', '--json')).stdout)
  assert.equal(checker.faults('list', cards), [])
  return cards.map((card: { name: string; state: string }) => [card.name, card.state])
}

test('no card at all, and one card in a reader', () =>
  inHome(async () => {
    const none = await ran(3, 'pin', 'status')
    assert.match(none.stderr, 'in a TPM or in a reader')
    const { card, channel } = memoryCard()
    await inReader(0, channel, async () => {
      assert.is(await chosen(), first)
      assert.equal(await listed(), [[first, 'ready']])
      assert.is((await ran(0, 'list', '--quiet')).stdout, `${first}\n`)
      await ran(0, 'pin', 'verify', '--pin-file', pin)
      await ran(0, 'pin', 'verify', '--pin-file', pin, '--card', (await ran(0, 'list', '--quiet')).stdout.trim())
      const open = await openCard({ reader: '' })
      await open.authenticateAdmin(ADMIN_KEY)
      const key = await open.generateKey('9a')
      await open.putCertificate('9a', { certificate: certificateOf(key, 'Mallory \u001b[2J\u202e of the bell\u0007') })
      await open.close()
      assert.equal(JSON.parse((await ran(0, 'key', 'list', '--json')).stdout)[0].slot, '9a')
      card.objects.set('5fc10a', new Uint8Array(3))
      const { stdout } = await ran(0, 'list')
      assert.equal(stdout.split('\n').slice(-4), [
        'CARD                      SLOT  CERTIFICATE                 VALID UNTIL',
        `${first}  9a    Mallory ?[2J? of the bell?  2049-12-31`,
        `${first}  9c    -                           not understood`,
        '',
      ])
      await listed()
    })
    await ran(3, 'pin', 'status')
  }))

test('a card of the TPM and one in a reader: it is to be said which; a card that is no PIV card does not count', () =>
  inHome(async () => {
    assert.is(await chosen(), 'work')
    await inReader(0, memoryCard().channel, async () => {
      const { stderr } = await ran(2, 'pin', 'status')
      assert.match(stderr, `Choose one with --card: work, ${first}.`)
      const holder = await ReaderChannel.open(pcscd.readers[0])
      await holder.transaction(async () => {
        // Not known to be one of PIV now; who names none must not get another card for it.
        await ran(2, 'pin', 'status')
        assert.equal(await listed(), [
          ['work', 'ready'],
          [first, 'busy'],
        ])
      })
      await holder.close()
      await put(1, memoryCard().channel)
      const { stderr: more } = await ran(2, 'pin', 'status')
      assert.match(more, `work, ${first}, ${second}.`)
    })
    await inReader(
      1,
      plainCard(() => [0x6a, 0x82]),
      async () => {
        assert.is(await chosen(), 'work')
        assert.equal(await listed(), [
          ['work', 'ready'],
          [second, 'no-piv'],
        ])
        assert.is((await ran(0, 'list', '--quiet')).stdout, 'work\n')
      },
    )
  }, 'work'))

test('a card that stands in a reader is one card: by its name, or in the reader while another process has the TPM', () =>
  inHome(async () => {
    const vpcd = `127.0.0.1:${pcscd.ports[0]}`
    const served = await serveCard('work', { vpcd })
    await served.ready
    await seen(pcscd.readers[0], true)
    assert.is(await chosen(), 'work')
    await served.close()
    await seen(pcscd.readers[0], false)

    const serve = await startServe(['serve', 'work', '--vpcd', vpcd])
    try {
      await serve.line()
      await seen(pcscd.readers[0], true)
      assert.is(await chosen(), first)
      const { stdout, stderr } = await ran(0, 'pin', 'verify', '--pin-file', pin)
      assert.match(stderr, `serves the card in the reader 'Virtual PCD 00 00'`)
      assert.match(stdout, 'The PIN is right')
      assert.equal(await listed(), [
        ['work', 'in-use'],
        [first, 'ready'],
      ])
      assert.match((await ran(0, 'list')).stdout, /^work +in use by another process +unknown +- +software +embedded:$/m)
      assert.match(
        (await ran(0, 'list')).stdout,
        /^reader:Virtual PCD 00 00 +ready +5 of 5 +- +- +card 'work' of this machine$/m,
      )
      // What only the file says is the card's of the TPM.
      assert.match((await ran(0, 'info')).stdout, 'work')
      await put(1, memoryCard().channel)
      assert.match((await ran(2, 'pin', 'status')).stderr, `work, ${second}.`)
      await put(1, await impostor())
      assert.match((await ran(2, 'pin', 'status')).stderr, `work, ${first}, ${second}.`)
    } finally {
      const [code] = await Promise.all([serve.stop('SIGTERM'), takeOut()])
      assert.is(code, 0, serve.stderr())
    }
    await seen(pcscd.readers[0], false)
    assert.is(await chosen(), 'work')
  }, 'work'))

/** Somebody else's card that says it is `work`. */
async function impostor(): Promise<CardChannel> {
  const { card, channel } = memoryCard()
  const guid = fromHex((await cardInfo('work')).cardId) ?? new Uint8Array(0)
  card.objects.set('5fc102', writeChuid({ fascN: NON_FEDERAL, guid, expiry: '20491231' }))
  return channel
}

test('a card that only says it is ours gets no PIN, also while our TPM is in use', () =>
  inHome(async () => {
    const own = await openCard('work')
    await own.verifyPin(PIN)
    await own.generateKey('9a')
    await own.close()
    const holder = beside(['hold', process.env.TESSERA_HOME ?? ''])
    await holder.line()
    await inReader(0, await impostor(), async () => {
      assert.equal(await listed(), [
        ['work', 'in-use'],
        [first, 'ready'],
      ])
      // From the card file: the impostor has no keys.
      assert.is(JSON.parse((await ran(0, 'key', 'list', '--json')).stdout).length, 1)
    })
    await holder.rest()
  }, 'work'))

test.run()
