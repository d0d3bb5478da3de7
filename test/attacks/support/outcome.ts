// What became of something that was tried with a card: `done`, or the code of the error.
import { type Card, CardError, openCard } from '../../../src/index.ts'

export async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work()
    return 'done'
  } catch (error) {
    if (error instanceof CardError) return error.code
    throw error
  }
}

/** As `codeOf`, with the card as its file is now: a card that cannot be opened is an outcome too. */
export const withCard = (home: string, name: string, work: (card: Card) => Promise<unknown>): Promise<string> =>
  codeOf(async () => {
    const card = await openCard({ name, home })
    try {
      await work(card)
    } finally {
      await card.close()
    }
  })
