// takes: 15 s
// A card in a reader says the GUID of a card that another process serves. Nobody may be led to it: whoever is told a
// reader types the PIN into it.
import { isDeepStrictEqual } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex } from '../../../src/bytes.ts'
import { cardInfo, createCard, listCards, openCard } from '../../../src/cards/index.ts'
import { readerOfCard } from '../../../src/cards/reader-probe.ts'
import { Home } from '../../../src/home/home.ts'
import { ServedCards } from '../../../src/home/served.ts'
import { native } from '../../../src/native.ts'
import type { Card } from '../../../src/piv/host/card.ts'
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

/** What somebody does who is told a reader, or given a card. */
async function typePin(card: Card): Promise<void> {
  try {
    await card.verifyPin(PIN)
  } finally {
    await card.close()
  }
}
const typeInto = async (reader: string) => typePin(await openCard({ reader }))

const bringsPin = (apdu: Uint8Array): boolean => apdu[1] === 0x20 && apdu.length > 5

/** No PIN went to this card, and one that does is seen. */
async function wasToldNothing(other: Inserted, at: 0 | 1): Promise<void> {
  assert.not(other.commands.some(bringsPin), 'a PIN went there')
  await typeInto(pcscd.readers[at])
  assert.ok(other.commands.some(bringsPin), 'one is seen')
}

/**
 * Every way to a reader: whom the library, the listing, the message of the TPM that is in use, and signing in name. The PIN
 * is typed wherever one leads.
 */
async function named(): Promise<readonly unknown[]> {
  const busy = await openCard({ name: 'work', home }).catch((error: Error) => error)
  assert.ok(busy instanceof Error)
  const [message = ''] = /reader:[^,.]*/.exec(busy.message) ?? []
  const cards = await listCards({ home })
  const shown = cards.flatMap((card) => (card.kind === 'reader' && card.tpmCard === 'work' ? [card.reader] : []))
  const [own] = await tpmCards({ home })
  const opened = await own?.open().catch(() => undefined)
  if (opened !== undefined) await typePin(opened)
  for (const reader of pcscd.readers) if (message.includes(reader) || shown.includes(reader)) await typeInto(reader)
  return [message, shown, opened?.name]
}

const NOBODY = ['reader:TEXT', [], undefined]

test('the card that is served, alone: its reader is named', async () => {
  const served = await serve(1)
  const [, reader] = pcscd.readers
  const everywhere = [`reader:${reader}'`, [reader], `reader:${reader}`]
  // A reader is asked in passing, and one that takes long on a busy machine is not named: that is no fault here.
  let said = await named()
  for (let round = 1; round < 20 && !isDeepStrictEqual(said, everywhere); round += 1) said = await named()
  assert.equal(said, everywhere)
  await served.stop('SIGTERM')
  await seen(reader, false)
})

test('beside a card that says it is this one: neither is named', async () => {
  const other = await impostor(0)
  const served = await serve(1)
  assert.is(await readerOfCard(id), undefined)
  assert.equal(await named(), NOBODY)
  await wasToldNothing(other, 0)
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

test('the card is in its reader before the others are looked at, and after, or it is not named', async () => {
  const other = await impostor(0)
  const served = new ServedCards({ home: new Home(home), lockFile: (path) => native().lockFile(path) })
  const end = await served.begin('work', 'x')
  const show = served.showing('work')
  for (const [before, meanwhile, count] of [
    [true, true, 1],
    [false, true, 0],
    [true, false, 0],
    [false, false, 0],
  ] as const) {
    show(before)
    other.intercept = () => {
      show(meanwhile)
      return undefined
    }
    const shown = (await listCards({ home, waitMs: 60_000 })).filter((card) => 'tpmCard' in card)
    assert.is(shown.length, count, `${before}, then ${meanwhile}`)
    show(false)
  }
  other.intercept = undefined
  await end()
  await other.pull()
  await seen(pcscd.readers[0], false)
})

test('a card that says it is this one has taken its reader, and serving waits: not named', async () => {
  const other = await impostor(0)
  const served = await serve(0, false)
  await served.says('127.0.0.1')
  assert.equal(await named(), NOBODY)
  await wasToldNothing(other, 0)
  await served.stop('SIGTERM')
  await other.pull()
  await seen(pcscd.readers[0], false)
})

test.run()
