// What happens to the card while a signature of Node waits for it: it is blocked, its ticket ends, it is taken out.
// takes: 6 s
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, openCard, PcscError, PinError } from '../../src/index.ts'
import { cardKey } from '../../src/keys/index.ts'
import { PIN, startSubject } from '../contract/subjects.ts'
import { ADMIN_KEY, memoryCard, seen } from '../pcsc/cards.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { gate } from '../support/temp.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'
import { rejected, signAsync } from './support/node.ts'
import { staged } from './support/stage.ts'

const WRONG = '000001'
const GENERAL_AUTHENTICATE = 0x87
const on = staged()

for (const policy of ['once', 'always'] as const) {
  on('the PIN is blocked while it is asked for: the right one comes too late', policy, async (stage) => {
    const [asked, answer] = [gate(), gate()]
    const { privateKey } = await stage.key({
      async onPin() {
        asked.open()
        await answer.promise
        return PIN
      },
    })
    const signature = rejected(signAsync('sha256', privateKey))
    await asked.promise
    for (let i = 0; i < 5; i += 1) await rejected(stage.card.verifyPin(WRONG))
    answer.open()
    const { cause } = await signature
    assert.instance(cause, PinError)
    assert.is((cause as PinError).code, 'ERR_PIN_BLOCKED')
  })
}

test('the ticket of the card ends: the PIN is asked for again', async () => {
  const subject = await startSubject('embedded')
  const { card } = await subject.fresh({ unlockSeconds: 1 })
  let asked = 0
  await subject.manage(card)
  await card.generateKey('9a')
  const key = await cardKey(card, '9a', {
    onPin() {
      asked += 1
      return PIN
    },
  })
  await card.lock()
  await signAsync('sha256', key.privateKey)
  assert.is(asked, 1)
  while ((await card.pinStatus()).verified) await turn()
  await signAsync('sha256', key.privateKey)
  assert.is(asked, 2)
  key.close()
  await subject.stop()
})

test('a card is taken out of its reader: whatever waits is refused, and a key of it after it is back serves', async () => {
  const { channel } = memoryCard()
  const pcscd: Pcscd = await startPcscd()
  let inserted: Inserted | undefined
  const insert = async (): Promise<Card> => {
    inserted = await insertCard(pcscd.ports[0], channel)
    await seen(pcscd.readers[0], true)
    return openCard({ reader: pcscd.readers[0] })
  }
  const card = await insert()
  await card.authenticateAdmin(ADMIN_KEY)
  const publicKey = await card.generateKey('9a')
  const key = await cardKey(card, '9a', { onPin: PIN })
  await signAsync('sha256', key.privateKey)
  if (inserted) inserted.intercept = (apdu) => (apdu[1] === GENERAL_AUTHENTICATE ? 'pull' : undefined)
  const waiting = [1, 2].map(() => rejected(signAsync('sha256', key.privateKey)))
  for (const error of await Promise.all(waiting)) {
    assert.instance(error.cause, PcscError)
    assert.match(error.message, /ERR_(CARD_REMOVED|CARD_ABSENT)$/)
  }
  await seen(pcscd.readers[0], false)
  key.close()
  await card.close()
  const back = await insert()
  await back.nameKey('9a', publicKey)
  const again = await cardKey(back, '9a', { onPin: PIN })
  await signAsync('sha256', again.privateKey)
  again.close()
  await back.close()
  await inserted?.pull()
  await pcscd.stop()
})

test.run()
