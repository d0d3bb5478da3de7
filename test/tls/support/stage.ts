// A card, a CA and servers for a test file; what every test makes is ended with it.
import { once } from 'node:events'
import { get } from 'node:https'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import type { Card } from '../../../src/index.ts'
import { type CardAgent, type CardAgentOptions, cardAgent } from '../../../src/tls/index.ts'
import type { NewCardOptions, Subject, SubjectName } from '../../contract/subjects.ts'
import { startSubject } from '../../contract/subjects.ts'
import { within } from '../../support/temp.ts'
import { enrolled, type KeyWanted } from './cards.ts'
import { type SlowCard, slowed } from './slow.ts'
import { type Authority, authority, startServer, type TestServer } from './world.ts'

export const LIMIT_MS = 120_000

export interface Stage {
  readonly ca: Authority
  readonly subject: Subject
  card(keys?: readonly KeyWanted[], options?: NewCardOptions): Promise<Card>
  /** Its signatures can be held up. */
  slowCard(): Promise<SlowCard>
  server(options?: Parameters<typeof startServer>[1]): Promise<TestServer>
  /** Done when the test has ended, however it did. */
  atEnd(work: () => unknown): void
  agent(card: Card, slot?: string, options?: CardAgentOptions): Promise<CardAgent>
}

/** Gives a test a stage. */
export type Staged = (title: string, work: (stage: Stage) => Promise<void>) => void

export function staged(name: SubjectName = 'embedded'): Staged {
  let subject: Subject
  let ca: Authority
  test.before(async () => {
    subject = await startSubject(name)
    ca = authority(`ca-${name}`)
  })
  test.after(() => subject?.stop())
  return (title, work) =>
    test(title, async () => {
      const ends: Array<() => unknown> = []
      try {
        await work({
          subject,
          ca,
          card: async (keys, options) => (await enrolled(subject, ca, keys, options)).card,
          slowCard: async () => slowed((await enrolled(subject, ca)).channel),
          async server(options) {
            const server = await startServer(ca, options)
            ends.push(() => server.stop())
            return server
          },
          atEnd: (end) => void ends.unshift(end),
          async agent(card, slot = '9a', options = {}) {
            const agent = await cardAgent(card, slot, { ca: ca.ca, ...options })
            ends.unshift(() => agent.destroy())
            return agent
          },
        })
      } finally {
        for (const end of ends) await end()
        await subject.clear()
      }
    })
}

/** What the server says to a GET. */
export async function ask(agent: CardAgent, url: string, options: object = {}): Promise<string> {
  const [response] = await within(
    once(get(url, { ...options, agent }), 'response'),
    LIMIT_MS,
    'the server does not answer',
  )
  return text(response)
}

/** What that fails with. */
export async function failed(
  work: Promise<unknown>,
): Promise<Error & { readonly code?: string; readonly cause?: unknown }> {
  try {
    await within(work, LIMIT_MS, 'neither an answer nor an error')
  } catch (error) {
    return error as Error
  }
  throw new Error('It did not fail.')
}
