// takes: 8 s
// What there is, and what comes and goes: against a pcscd and a vpcd of our own.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PcscError } from '../../src/errors.ts'
import { listReaders, type ReaderEvent, watchReaders } from '../../src/pcsc/readers.ts'
import { NEUTRAL_ATR } from '../../src/piv/atr.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { within } from '../support/temp.ts'
import { insertCard } from '../support/vpcd.ts'
import { plainCard } from './cards.ts'

let pcscd: Pcscd

const LIMIT_MS = 120_000

/** The next events, by name: `card-inserted Virtual PCD 00 00`. */
async function next(events: AsyncIterator<ReaderEvent>, count = 1): Promise<string[]> {
  const seen: string[] = []
  while (seen.length < count) {
    const { value } = await within(events.next(), LIMIT_MS, 'no event')
    seen.push(value.type === 'error' ? `error ${value.error.code}` : `${value.type} ${value.reader.name}`)
  }
  return seen
}

test.before(async () => {
  pcscd = await startPcscd()
})
test.after(() => pcscd?.stop())

test('readers are listed, empty, and with a card by its ATR', async () => {
  assert.equal(
    (await listReaders()).map(({ name, card, atr }) => [name, card, atr]),
    pcscd.readers.map((name) => [name, false, undefined]),
  )
})

test('what is there, then what comes and goes', async () => {
  const [first, second] = pcscd.readers
  const watch = watchReaders()
  const events = watch[Symbol.asyncIterator]()
  try {
    assert.equal(await next(events, 2), [`reader-attached ${first}`, `reader-attached ${second}`])
    const card = await insertCard(pcscd.ports[0], plainCard())
    assert.equal(await next(events), [`card-inserted ${first}`])
    assert.equal(
      (await listReaders()).map(({ atr }) => atr),
      [NEUTRAL_ATR, undefined],
    )
    await card.pull()
    assert.equal(await next(events), [`card-removed ${first}`])
    await pcscd.stop()
    assert.equal(await next(events), ['error ERR_PCSC_UNAVAILABLE'])
    assert.equal(await next(events, 2), [`reader-detached ${first}`, `reader-detached ${second}`])
    const refused = await listReaders().catch((error: unknown) => error)
    assert.ok(refused instanceof PcscError && refused.code === 'ERR_PCSC_UNAVAILABLE')
    assert.match(refused.message, /systemctl start pcscd/)
    await pcscd.start()
    assert.equal(await next(events, 2), [`reader-attached ${first}`, `reader-attached ${second}`])
  } finally {
    watch.close()
  }
  assert.is((await events.next()).done, true)
})

test('a watch for which nobody listens is no exception, and close ends it', async () => {
  const watch = watchReaders()
  const attached = new Promise((resolve) => watch.once('reader-attached', resolve))
  await within(attached, LIMIT_MS, 'no reader')
  watch.close()
  watch.close()
})

test.run()
