// A card in memory with a key in one slot, and Node's key of it.
import { test } from 'uvu'
import type { Card, PinPolicy } from '../../../src/index.ts'
import { type CardKey, type CardKeyOptions, cardKey } from '../../../src/keys/index.ts'
import { type Subject, startSubject } from '../../contract/subjects.ts'

export interface Stage {
  readonly card: Card
  readonly slot: string
  key(options?: CardKeyOptions): Promise<CardKey>
}

const SLOTS: Readonly<Record<PinPolicy, string>> = { once: '9a', always: '9c', never: '9e' }

/** Tests of this file, each with a card of its own; locked. */
export function staged(): (title: string, pinPolicy: PinPolicy, work: (stage: Stage) => Promise<void>) => void {
  let subject: Subject
  test.before(async () => {
    subject = await startSubject('memory')
  })
  test.after(() => subject?.stop())
  return (title, pinPolicy, work) =>
    test(`${pinPolicy}: ${title}`, async () => {
      const { card } = await subject.fresh()
      const slot = SLOTS[pinPolicy]
      await subject.manage(card)
      await card.generateKey(slot, { pinPolicy })
      await card.lock()
      const keys: CardKey[] = []
      try {
        await work({
          card,
          slot,
          async key(options = {}) {
            const key = await cardKey(card, slot, options)
            keys.push(key)
            return key
          },
        })
      } finally {
        for (const key of keys) key.close()
        await subject.clear()
      }
    })
}
