// takes: 12 s
// A card in a reader that had the PIN before. Another one that shows the same GUID and certificates gets no PIN.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../../src/bytes.ts'
import { knownCards } from '../../../src/cards/known-cards.ts'
import { Home } from '../../../src/home/home.ts'
import { type Card, listCards, openCard } from '../../../src/index.ts'
import { cardOver } from '../../../src/piv/host/card.ts'
import { parseSlot } from '../../../src/piv/slots.ts'
import { certificateOf } from '../../../src/validate/card/certificate.ts'
import { ADMIN_KEY, memoryCard, PIN, seen } from '../../pcsc/cards.ts'
import { startPcscd } from '../../support/pcscd.ts'
import { type Inserted, insertCard } from '../../support/vpcd.ts'
import { codeOf } from '../support/outcome.ts'

type Made = ReturnType<typeof memoryCard>

const pcscd = await startPcscd()
test.after(() => pcscd.stop())
const [reader] = pcscd.readers
const [port] = pcscd.ports
const CARD_KEY = parseSlot('9e')
const MESSAGE = new Uint8Array(3)

const bringsSecret = (apdu: Uint8Array): boolean => [0x20, 0x24, 0x2c].includes(apdu[1] ?? 0) && apdu.length > 5
const asksToSign = (apdu: Uint8Array): boolean => apdu[1] === 0x87 && apdu[3] === 0x9e
const asksOfKey = (apdu: Uint8Array): boolean => apdu[1] === 0xf7 && apdu[3] === 0x9e

/** Keys and certificates in 9a and 9e. */
async function issued(): Promise<Made> {
  const made = memoryCard()
  const card = cardOver(made.channel)
  await card.verifyPin(PIN)
  for (const slot of ['9a', '9e']) {
    await card.putCertificate(slot, { certificate: certificateOf(await card.generateKey(slot)) })
  }
  return made
}

/** What a card shows to everybody, and keys of its own. */
async function copyOf({ card }: Made): Promise<Made> {
  const copy = await issued()
  copy.card.cardId = card.cardId
  for (const [tag, content] of card.objects) copy.card.objects.set(tag, content)
  return copy
}

async function inReader(made: Made, work: (inserted: Inserted) => Promise<void>): Promise<void> {
  const inserted = await insertCard(port, made.channel)
  await seen(reader, true)
  try {
    await work(inserted)
  } finally {
    await inserted.pull()
    await seen(reader, false)
  }
}

const withCard = (work: (card: Card) => Promise<unknown>): Promise<string> =>
  codeOf(async () => {
    const card = await openCard({ reader })
    try {
      await work(card)
    } finally {
      await card.close()
    }
  })

/** Every way in which a secret reaches a card. */
const WAYS: Readonly<Record<string, (card: Card) => Promise<unknown>>> = {
  verify: (card) => card.verifyPin(PIN),
  use: (card) => card.sign('9a', MESSAGE, { pin: PIN }),
  change: (card) => card.changePin({ pin: PIN, newPin: '246802' }),
  unblock: (card) => card.unblockPin({ puk: 'open ?me', newPin: PIN }),
  'change the PUK': (card) => card.changePuk({ puk: 'open ?me', newPuk: '24680246' }),
}

const pathOf = ({ card }: Made): string => knownCards(new Home()).path(hex(card.cardId))

const own = await issued()

test('a card signs before it gets the PIN again; a listing asks for no signature', async () => {
  await inReader(own, async ({ commands }) => {
    await listCards()
    assert.not(commands.some(asksToSign))
    assert.is(await withCard((card) => card.verifyPin('000000')), 'ERR_PIN_WRONG')
    assert.not(existsSync(pathOf(own)), 'who does not know the PIN stores no card')
    for (const { length } of [commands, commands]) {
      assert.is(await withCard((card) => card.sign('9a', MESSAGE, { pin: PIN })), 'done')
      const said = commands.slice(length)
      assert.is(said.filter(asksToSign).length, 1)
      assert.ok(said.findIndex(asksToSign) < said.findIndex(bringsSecret))
      assert.match(readFileSync(pathOf(own), 'latin1'), 'PUBLIC KEY')
    }
  })
})

for (const [what, change] of Object.entries<(made: Made, inserted: Inserted) => void>({
  'without the key': ({ card }) => card.keys.delete(CARD_KEY),
  'with a key of its own': () => undefined,
  'with a key of its own, and the public key of the other': ({ card }) => {
    const [mine, theirs] = [card.keys.get(CARD_KEY), own.card.keys.get(CARD_KEY)]
    if (mine !== undefined && theirs !== undefined) card.keys.set(CARD_KEY, { ...mine, spki: theirs.spki })
  },
  'that wants a PIN for the key': (_, inserted) => {
    inserted.intercept = (apdu) => (asksToSign(apdu) ? Uint8Array.of(0x69, 0x82) : undefined)
  },
  'that says its key wants a touch': (_, inserted) => {
    inserted.intercept = (apdu) =>
      asksOfKey(apdu) ? Uint8Array.of(0x01, 0x01, 0x11, 0x02, 0x02, 0x01, 0x02, 0x90, 0x00) : undefined
  },
  'without metadata': (_, inserted) => {
    inserted.intercept = (apdu) => (apdu[1] === 0xfd ? Uint8Array.of(0x6d, 0x00) : undefined)
  },
})) {
  test(`a copy of its GUID and certificates, ${what}: no PIN and no PUK`, async () => {
    const copy = await copyOf(own)
    await inReader(copy, async (inserted) => {
      change(copy, inserted)
      for (const [way, tell] of Object.entries(WAYS)) assert.is(await withCard(tell), 'ERR_CARD_IDENTITY', way)
      assert.not(inserted.commands.some(bringsSecret), 'a secret went there')
      writeFileSync(pathOf(own), '')
      assert.is(await withCard((card) => card.verifyPin(PIN)), 'ERR_CARD_FILE')
      assert.not(inserted.commands.some(bringsSecret), 'a damaged file opens nothing')
    })
    await inReader(own, async ({ commands }) => {
      const key = own.card.keys.get(CARD_KEY)
      if (key === undefined) throw new Error('a key')
      writeFileSync(
        pathOf(own),
        `-----BEGIN PUBLIC KEY-----\n${Buffer.from(key.spki).toString('base64')}\n-----END PUBLIC KEY-----\n`,
      )
      assert.is(await withCard((card) => card.verifyPin(PIN)), 'done')
      assert.ok(commands.some(bringsSecret), 'one that goes there is seen')
    })
  })
}

test('an old signature of the card does not help its copy', async () => {
  let answer: Uint8Array | undefined
  await inReader(own, async (inserted) => {
    const card = await openCard({ reader })
    const recorded = await card.sign('9e', MESSAGE)
    await card.close()
    answer = Uint8Array.of(0x7c, recorded.length + 2, 0x82, recorded.length, ...recorded, 0x90, 0x00)
    assert.ok(inserted.commands.some(asksToSign))
  })
  await inReader(await copyOf(own), async (inserted) => {
    inserted.intercept = (apdu) => (asksToSign(apdu) ? answer : undefined)
    assert.is(await withCard((card) => card.verifyPin(PIN)), 'ERR_CARD_IDENTITY')
    assert.not(inserted.commands.some(bringsSecret))
  })
})

test('the key is replaced through Tessera: by the card that has it, which then counts with its new key', async () => {
  const replace = (card: Card) => card.generateKey('9e')
  const admin = async (card: Card) => {
    await card.authenticateAdmin({ algorithm: 'AES-192', key: ADMIN_KEY })
    await replace(card)
  }
  await inReader(await copyOf(own), async () => {
    assert.is(await withCard(admin), 'ERR_CARD_IDENTITY')
  })
  await inReader(own, async () => {
    assert.is(await withCard(admin), 'done')
    assert.not(existsSync(pathOf(own)))
    assert.is(await withCard((card) => card.verifyPin(PIN)), 'done')
    assert.ok(existsSync(pathOf(own)))
    assert.is(await withCard((card) => card.verifyPin(PIN)), 'done')
  })
})

test('a card without such a key, or whose key wants a touch, is told apart by what it shows', async () => {
  const plain = await issued()
  plain.card.keys.delete(CARD_KEY)
  await inReader(plain, async ({ commands }) => {
    assert.is(await withCard((card) => card.verifyPin(PIN)), 'done')
    assert.not(commands.some(asksToSign))
  })
  const touched = await issued()
  await inReader(touched, async (inserted) => {
    inserted.intercept = (apdu) =>
      asksOfKey(apdu) ? Uint8Array.of(0x01, 0x01, 0x11, 0x02, 0x02, 0x01, 0x02, 0x90, 0x00) : undefined
    assert.is(await withCard((card) => card.verifyPin(PIN)), 'done')
    assert.not(inserted.commands.some(asksToSign), 'nobody is asked to touch it')
  })
  for (const made of [plain, touched]) assert.not(existsSync(pathOf(made)))
})

test.run()
