/**
 * A service that people sign in to with their cards: docs/relying-party.md. It needs nothing of Tessera's, and is for
 * trying things out.
 *
 *   npx tsx examples/relying-party/main.ts --directory DIR --ca ca.pem --users users.json \
 *     [--listen 127.0.0.1:8445] [--crl FILE|URL] [--names NAME,NAME]
 */
import { parseArgs } from 'node:util'
import { startService } from './service.ts'

const USAGE = `usage: main.ts --directory DIR --ca FILE --users FILE [--listen HOST:PORT] [--crl FILE|URL] [--names LIST]`

const TEXT = { type: 'string' } as const
const OPTIONS = { listen: TEXT, directory: TEXT, ca: TEXT, crl: TEXT, users: TEXT, names: TEXT } as const

function read() {
  try {
    return parseArgs({ options: OPTIONS }).values
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n${USAGE}`, { cause })
  }
}

function options() {
  const values = read()
  const [, inBrackets, plain, port] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(values.listen ?? '127.0.0.1:8445') ?? []
  const host = inBrackets ?? plain
  const { directory, ca, users, crl, names } = values
  if (host === undefined || directory === undefined || ca === undefined || users === undefined) throw new Error(USAGE)
  return { host, port: Number(port), directory, ca, users, crl, names: names?.split(',') ?? [] }
}

try {
  const service = await startService({ ...options(), log: (line) => console.error(line) })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void service.close())
  console.log(`The sample service runs at ${service.url} until it is stopped (Ctrl-C).`)
  console.log(`trust it by: ${service.certificateFile}${service.fresh ? ' (made now)' : ''}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 2
}
