// Handshakes with a server that asks for a certificate: the agent of a card, beside Node's own client with a key in a file.

import { at, certificate } from '../../test/enroll/support/openssl.ts'
import { startSwtpm } from '../../test/support/swtpm.ts'
import { nodeCase } from '../cases/command.ts'
import type { Many, Run } from '../cases/protocol.ts'
import type { TlsSetup } from '../cases/tls.ts'
import { CaseProcess } from '../measure/process.ts'
import { inTurns } from '../measure/rounds.ts'
import { type Options, wanted } from '../options.ts'
import type { SingleResult } from '../report/results.ts'
import { singleResult } from './singles.ts'

const AT_ONCE = 16
/** The time of 100 handshakes, or more, in every round. */
const LEAST_MS = 1000

interface Round {
  readonly one: Run
  readonly alone: Many
  readonly many: Many
}

/** The CA, and what a server and a client have of it, by the openssl program. */
function certificates(algorithm: TlsSetup['algorithm']): { readonly ca: string; readonly client: string } {
  const ca = `ca-${algorithm}`
  certificate(ca, { extensions: ['basicConstraints=critical,CA:TRUE'] })
  certificate('server', { by: ca, subject: '/CN=localhost', extensions: ['subjectAltName=IP:127.0.0.1'] })
  certificate(`client-${algorithm}`, { by: ca, kind: algorithm })
  return { ca: at(`${ca}.pem`), client: at(`client-${algorithm}.pem`) }
}

async function measureOne(algorithm: TlsSetup['algorithm'], options: Options): Promise<SingleResult[]> {
  const swtpm = await startSwtpm({ tcp: true })
  const { ca, client } = certificates(algorithm)
  const files = { ca, key: at('server.key'), cert: at('server.pem') }
  const server = await CaseProcess.start('server', nodeCase('tls-server.ts', files))
  const port = await server.ask<number>('port')
  const cases = new Map<string, CaseProcess>()
  try {
    for (const [name, tcti] of [
      ['key in a file', undefined],
      ['card, embedded', 'embedded:'],
      ['card, swtpm', swtpm.tcti],
    ] as const) {
      const setup: TlsSetup = { port, algorithm, tcti, ca, client }
      const one = await CaseProcess.start(name, nodeCase('tls.ts', setup))
      cases.set(name, one)
      await one.ask<Run>('run 500 0')
    }
    const ms = Math.max(LEAST_MS, options.slice)
    const answers = await inTurns([...cases.keys()], options.rounds, async (name): Promise<Round> => {
      const one = cases.get(name) as CaseProcess
      return {
        one: await one.ask(`run ${ms} 0`),
        alone: await one.ask(`many ${ms} 1`),
        many: await one.ask(`many ${ms} ${AT_ONCE}`),
      }
    })
    return [...answers].flatMap(([name, rounds]) => rows(`TLS 1.3 handshakes, ${algorithm}`, name, rounds))
  } finally {
    for (const one of cases.values()) await one.end()
    await server.end()
    await swtpm.stop()
  }
}

function rows(group: string, name: string, rounds: readonly Round[]): SingleResult[] {
  const rate = ({ us, ms }: Run | Many) => (us.length * 1000) / ms
  return [
    singleResult(
      group,
      `${name}: one handshake`,
      rounds.flatMap(({ one }) => [...one.us]).map((us) => us / 1000),
    ),
    singleResult(
      group,
      `${name}: one after the other`,
      rounds.map(({ one }) => rate(one)),
      '/s',
    ),
    singleResult(
      group,
      `${name}: ${AT_ONCE} at once`,
      rounds.map(({ many }) => rate(many)),
      '/s',
    ),
    singleResult(
      group,
      `${name}: delay of the event loop, p99`,
      rounds.map(({ alone }) => alone.delay),
    ),
    singleResult(
      group,
      `${name}: the same, ${AT_ONCE} at once`,
      rounds.map(({ many }) => many.delay),
    ),
  ]
}

export async function measureTls(options: Options, say: (text: string) => void): Promise<SingleResult[]> {
  if (!wanted(options, 'parts', 'tls')) return []
  const results: SingleResult[] = []
  for (const algorithm of ['P-256', 'RSA-2048'] as const) {
    if (!wanted(options, 'algorithms', algorithm)) continue
    say(`TLS, ${algorithm}`)
    results.push(...(await measureOne(algorithm, options)))
  }
  return results
}
