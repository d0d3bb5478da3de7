// takes: 5 s
// Cards that answer nonsense: every call ends, and with a typed error where it does not succeed.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Card, CardError } from '../../src/index.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { refused } from '../contract/clauses/clause.ts'
import { plainCard } from '../pcsc/cards.ts'
import { within } from '../support/temp.ts'
import { CALLS } from './calls.ts'
import { shownCard } from './shown.ts'

test('every call of Card is in the table', () => {
  const elsewhere = ['constructor', 'name', 'assurance', 'close']
  const calls = new Set(Object.keys(CALLS).map((call) => call.split(',')[0]))
  const methods = Object.getOwnPropertyNames(Card.prototype).filter((name) => !elsewhere.includes(name))
  assert.equal(
    methods.filter((name) => !calls.has(name)),
    [],
  )
})

/** What each of them answers to a command, as octets. */
const CARDS: Readonly<Record<string, (apdu: Uint8Array) => number[]>> = {
  '9000 to everything': () => [0x90, 0x00],
  'three octets and 9000 to everything': () => [0x05, 0x04, 0x03, 0x90, 0x00],
  '6D00 to everything': () => [0x6d, 0x00],
  '6982 to everything': () => [0x69, 0x82],
  '63C0 to everything': () => [0x63, 0xc0],
  '6C00 to everything': () => [0x6c, 0x00],
  'always more, and nothing of it': () => [0x61, 0x00],
  'always more': () => [0x01, 0x61, 0x01],
  'no status word': () => [0x90],
  nothing: () => [],
  'what it was sent': (apdu) => [...apdu, 0x90, 0x00],
  'an object that says it is endless': () => [0x53, 0x82, 0xff, 0xff, 0x90, 0x00],
  'noughts by the thousand': () => [...new Uint8Array(65_536), 0x90, 0x00],
  'more noughts than any answer has': () => [...new Uint8Array(70_000), 0x90, 0x00],
  'PIV is selected, and nothing else': ([, ins]) => (ins === 0xa4 ? [0x90, 0x00] : [0x6d, 0x00]),
}

for (const [name, answer] of Object.entries(CARDS)) {
  for (const shared of [false, true]) {
    test(`${name}${shared ? ', where other programs reach it' : ''}`, async () => {
      for (const [what, call] of Object.entries(CALLS)) {
        const card = cardOver({ ...plainCard(answer), ...(shared && { generation: 0, reader: 'test' }) })
        const ending = await within(call(card), 120_000, what).catch((error: unknown) => error)
        if (ending instanceof Error) {
          assert.ok(ending instanceof CardError, `${what}: ${ending.stack}`)
          assert.ok(ending.message.length > 20, what)
        }
      }
    })
  }
}

test('a card that knows no command has no PIV application', async () => {
  const card = cardOver({ ...plainCard(() => [0x6d, 0x00]), generation: 0, reader: 'test' })
  await refused('ERR_CARD_NOT_FOUND', () => card.pinStatus())
})

test('a card whose answers break off in the middle of a call says so, whichever it is', async () => {
  for (const [what, call] of Object.entries(CALLS)) {
    for (let at = 0; at < 8; at += 1) {
      const shown = shownCard()
      let left = at
      shown.instead = () => {
        left -= 1
        return left < 0 ? '' : undefined
      }
      const ending = await within(call(shown.card), 120_000, what).catch((error: unknown) => error)
      if (left >= 0 || ending === undefined) continue
      const well = !(ending instanceof Error) || ending instanceof CardError
      assert.ok(well, `${what}, answer ${at}: ${ending instanceof Error ? ending.stack : ''}`)
    }
  }
})

test.run()
