// takes: 15 s
// A card in a reader says the GUID of a card that another process serves. Nobody may be led to it: whoever is told a
// reader types the PIN into it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex } from '../../../src/bytes.ts'
import { cardInfo, createCard, listCards, openCard } from '../../../src/cards/index.ts'
import { readerOfCard } from '../../../src/cards/reader-probe.ts'
import { tpmCards } from '../../../src/signin/available-cards.ts'
import { memoryCard, PIN, seen } from '../../pcsc/cards.ts'
import { endServes, type ServeProcess, startServe } from '../../serve/support/process.ts'
import { startPcscd } from '../../support/pcscd.ts'
import { gate, tempDir } from '../../support/temp.ts'
import { type Inserted, insertCard } from '../../support/vpcd.ts'

const pcscd = await startPcscd()
const home = tempDir('home')
await (await createCard({ name: 'work', home, tcti: 'embedded:', pin: PIN })).close()
const { cardId } = await cardInfo('work', { home })
const id = fromHex(cardId) ?? new Uint8Array(0)
test.after(() => pcscd.stop())
test.after.each(endServes)

async function impostor(at: 0 | 1): Promise<Inserted> {
  const { card, channel } = memoryCard()
  card.cardId = id
  const inserted = await insertCard(pcscd.ports[at], channel)
  await seen(pcscd.readers[at], true)
  return inserted
}

async function serve(at: 0 | 1, isIn = true): Promise<ServeProcess> {
  const process = await startServe(['serve', 'work', '--vpcd', `127.0.0.1:${pcscd.ports[at]}`], { TESSERA_HOME: home })
  if (!isIn) return process
  await process.line()
  await seen(pcscd.readers[at], true)
  return process
}

/** Every way to a reader: whom the library, the listing, the message of the TPM that is in use, and signing in name. */
async function named(): Promise<readonly unknown[]> {
  const busy = await openCard({ name: 'work', home }).catch((error: Error) => error)
  assert.ok(busy instanceof Error)
  const [message = ''] = /reader:[^,.]*/.exec(busy.message) ?? []
  const cards = await listCards({ home })
  const shown = cards.flatMap((card) => (card.kind === 'reader' && card.tpmCard === 'work' ? [card.reader] : []))
  const [own] = await tpmCards({ home })
  const opened = await own?.open().catch(() => undefined)
  await opened?.close()
  return [message, shown, opened?.name]
}

const NOBODY = ['reader:TEXT', [], undefined]

test('the card that is served, alone: its reader is named', async () => {
  const served = await serve(1)
  const [, reader] = pcscd.readers
  assert.equal(await named(), [`reader:${reader}'`, [reader], `reader:${reader}`])
  await served.stop('SIGTERM')
  await seen(reader, false)
})

test('beside a card that says it is this one: neither is named', async () => {
  const other = await impostor(0)
  const served = await serve(1)
  assert.is(await readerOfCard(id), undefined)
  assert.equal(await named(), NOBODY)
  assert.not.ok(
    other.commands.some((apdu) => apdu[1] === 0x20 && apdu.length > 5),
    'no PIN went there',
  )
  await served.stop('SIGTERM')
  await other.pull()
  for (const reader of pcscd.readers) await seen(reader, false)
})

test('a card that says it is this one, while this one does not answer: not named', async () => {
  const other = await impostor(0)
  const { channel } = memoryCard()
  const silent = await insertCard(pcscd.ports[1], channel)
  await seen(pcscd.readers[1], true)
  const stuck = gate()
  silent.intercept = async () => {
    await stuck.promise
    return undefined
  }
  assert.is(await readerOfCard(id), undefined)
  assert.equal(
    (await listCards({ home })).map((card) => 'tpmCard' in card),
    [false, false, false],
  )
  stuck.open()
  await Promise.all([other.pull(), silent.pull()])
  for (const reader of pcscd.readers) await seen(reader, false)
})

test('a card that says it is this one has taken its reader, and serving waits: not named', async () => {
  const other = await impostor(0)
  const served = await serve(0, false)
  await served.says('127.0.0.1')
  assert.equal(await named(), NOBODY)
  await served.stop('SIGTERM')
  await other.pull()
  await seen(pcscd.readers[0], false)
})

test.run()
