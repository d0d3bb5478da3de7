// The table of handshakes, for a card of any kind: each kind of key with each version of TLS and each way to sign.
import { once } from 'node:events'
import { get } from 'node:https'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Algorithm, Card } from '../../../src/index.ts'
import { cardAgent } from '../../../src/tls/index.ts'
import { PIN, type Subject, type SubjectName, startSubject } from '../../contract/subjects.ts'
import { enrolled } from './cards.ts'
import { type Authority, authority, startServer, type TestServer } from './world.ts'

type Version = 'TLSv1.2' | 'TLSv1.3'

/** What the server asks for, and how the client signs then; undefined: it cannot, and the handshake fails. */
interface Row {
  readonly algorithm: Algorithm
  readonly version: Version
  readonly sigalgs?: string
  readonly fails?: true
}

const SLOTS = { 'P-256': '9a', 'P-384': '82', 'RSA-2048': '83', 'RSA-3072': '84' } as const

const ROWS: readonly Row[] = [
  ...(['P-256', 'P-384', 'RSA-2048'] as const).flatMap((algorithm) =>
    (['TLSv1.2', 'TLSv1.3'] as const).map((version) => ({ algorithm, version })),
  ),
  { algorithm: 'P-256', version: 'TLSv1.2', sigalgs: 'ECDSA+SHA256' },
  // Before TLS 1.3 any hash goes with any curve: a digest that is longer than the curve, and a shorter one.
  { algorithm: 'P-256', version: 'TLSv1.2', sigalgs: 'ECDSA+SHA512:ecdsa_secp256r1_sha256' },
  { algorithm: 'P-384', version: 'TLSv1.2', sigalgs: 'ECDSA+SHA256' },
  { algorithm: 'P-256', version: 'TLSv1.3', sigalgs: 'ecdsa_secp256r1_sha256' },
  { algorithm: 'P-384', version: 'TLSv1.3', sigalgs: 'ecdsa_secp384r1_sha384:ecdsa_secp256r1_sha256' },
  ...['RSA+SHA256', 'RSA+SHA384', 'RSA+SHA512', 'rsa_pss_rsae_sha256', 'rsa_pss_rsae_sha512'].map((sigalgs) => ({
    algorithm: 'RSA-2048' as const,
    version: 'TLSv1.2' as const,
    sigalgs: `${sigalgs}:ecdsa_secp256r1_sha256`,
  })),
  ...['rsa_pss_rsae_sha256', 'rsa_pss_rsae_sha384', 'rsa_pss_rsae_sha512'].map((sigalgs) => ({
    algorithm: 'RSA-2048' as const,
    version: 'TLSv1.3' as const,
    sigalgs: `${sigalgs}:ecdsa_secp256r1_sha256`,
  })),
  { algorithm: 'RSA-2048', version: 'TLSv1.3', sigalgs: 'ecdsa_secp256r1_sha256', fails: true },
]

/** @param rows of the table; all of it where a card of that kind is quick */
export function handshakeTests(name: SubjectName, rows: (row: Row) => boolean = () => true): void {
  let subject: Subject
  let ca: Authority
  let card: Card
  const table = ROWS.filter(rows)

  test.before(async () => {
    subject = await startSubject(name)
    ca = authority(`ca-${name}`)
    const algorithms = [...new Set(table.map(({ algorithm }) => algorithm))]
    ;({ card } = await enrolled(
      subject,
      ca,
      algorithms.map((algorithm) => ({ slot: SLOTS[algorithm], algorithm })),
    ))
  })
  test.after(() => subject?.stop())

  async function withServer(options: Parameters<typeof startServer>[1], work: (server: TestServer) => Promise<void>) {
    const server = await startServer(ca, options)
    try {
      await work(server)
    } finally {
      await server.stop()
    }
  }

  for (const { algorithm, version, sigalgs, fails } of table) {
    const title = `${algorithm}, ${version}, ${sigalgs ?? 'whatever they agree on'}`
    test(fails ? `${title}: no handshake` : title, () =>
      withServer({ minVersion: version, maxVersion: version, ...(sigalgs && { sigalgs }) }, async ({ url }) => {
        const agent = await cardAgent(card, SLOTS[algorithm], { ca: ca.ca, onPin: PIN })
        try {
          const request = get(url, { agent })
          if (fails) return void (await failure(request))
          const [response] = await once(request, 'response')
          assert.is(await text(response), `Maria ${version}`)
        } finally {
          agent.destroy()
        }
      }),
    )
  }

  test('16 requests at once, each with a handshake of its own; the PIN is asked for once', () =>
    withServer({}, async (server) => {
      await card.lock()
      let asked = 0
      const onPin = () => {
        asked += 1
        return PIN
      }
      const agent = await cardAgent(card, SLOTS['P-256'], { ca: ca.ca, onPin })
      const answers = Array.from({ length: 16 }, async () => {
        const [response] = await once(get(server.url, { agent }), 'response')
        return text(response)
      })
      assert.equal(await Promise.all(answers), Array(16).fill('Maria TLSv1.3'))
      assert.is(server.handshakes, 16)
      assert.is(asked, 1)
      // And now over the connections that there are.
      const [response] = await once(get(server.url, { agent }), 'response')
      assert.is(await text(response), 'Maria TLSv1.3')
      assert.is(server.handshakes, 16)
      agent.destroy()
    }))

  test('two agents of one card at once', () =>
    withServer({}, async ({ url }) => {
      const agents = [
        await cardAgent(card, SLOTS['P-256'], { ca: ca.ca, onPin: PIN }),
        await cardAgent(card, SLOTS['P-256'], { ca: ca.ca, onPin: PIN }),
      ]
      const answers = agents.flatMap((agent) => [agent.fetch(url), agent.fetch(url)])
      for (const answer of await Promise.all(answers)) assert.is(await answer.text(), 'Maria TLSv1.3')
      for (const agent of agents) agent.destroy()
    }))
}

async function failure(request: ReturnType<typeof get>): Promise<Error> {
  const [error] = (await Promise.race([
    once(request, 'error').then(([error]) => [error]),
    once(request, 'response').then(() => [new Error('there was an answer')]),
  ])) as [Error]
  assert.is.not(error.message, 'there was an answer')
  return error
}
