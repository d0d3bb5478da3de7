import { cardInfo } from '../../cards/index.ts'
import { PcscError, UsageError } from '../../errors.ts'
import { type ServeCardOptions, serveCard } from '../../serve/serve-card.ts'
import type { LinkState } from '../../serve/vpcd/link.ts'
import { DEFAULT_PLACE, parsePlace, type Served } from '../../serve/vpcd/serve.ts'
import { endsPcscd, mayReachVpcd, vpcdVersion } from '../../serve/vpcd/vpcd-setup.ts'
import { type Context, given, type Run } from '../context.ts'
import { warningsOf } from '../describe.ts'
import { TEXT } from '../messages.ts'
import { openPcscDoor } from '../pcsc-door.ts'
import { inShell } from '../plain.ts'

/** One card, and the way it goes into PC/SC. */
interface Row {
  readonly name: string
  readonly place: string
  readonly options: ServeCardOptions
}

export const run: Run = async (context, ...names) => {
  const { out, signal, options } = context
  const rows = rowsOf(context, names)
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  if (options.pcsc) return servePcscUntil(stopped, context, names)
  await refuseWithoutVpcd(context)
  await warnOfReversed(context)
  const served: Served[] = []
  try {
    for (const row of rows) {
      for (const warning of warningsOf(await cardInfo(row.name))) await out.warn(`${row.name}: ${warning}`)
      signal.throwIfAborted()
      served.push(await serveOne(context, row))
    }
    await Promise.race([Promise.all(served.map(({ ready }) => ready)), stopped])
    if (!signal.aborted) {
      const cards = rows.map(({ name, place }) => ({ card: name, vpcd: place }))
      await out.result({ serving: cards }, rows.map(({ name, place }) => TEXT.serve.ready(name, place)).join('\n'))
    }
    await stopped
  } finally {
    await Promise.all(served.map((one) => one.close()))
  }
}

/**
 * On a computer that has no vpcd, `serve` would wait for ever. A place that was given is waited for: its vpcd may start later.
 * @throws PcscError ERR_PCSC_UNAVAILABLE
 */
async function refuseWithoutVpcd({ options }: Context): Promise<void> {
  if (options.vpcd !== undefined || options.vpcdListen !== undefined) return
  if (await mayReachVpcd(parsePlace(DEFAULT_PLACE).port)) return
  throw new PcscError('ERR_PCSC_UNAVAILABLE', TEXT.error.noVpcd(DEFAULT_PLACE))
}

/** The cards in readers on a socket for programs of this user. */
async function servePcscUntil(stopped: Promise<void>, context: Context, names: readonly string[]): Promise<void> {
  const { readers, socket, env, close } = await openPcscDoor(context, names)
  try {
    const cards = names.map((card, at) => ({ card, reader: readers[at] ?? '' }))
    const lines = cards.map(({ card, reader }) => TEXT.serve.readyPcsc(card, reader))
    const found = [TEXT.serve.environment(socket), TEXT.serve.p11Kit(env.P11_KIT_SERVER_ADDRESS)]
    const words = context.options.shell ? forShell(env) : [...lines, ...found]
    await context.out.result({ serving: cards, socket, env }, words.join('\n'))
    await stopped
  } finally {
    await close()
  }
}

/** Lines for a shell to read. */
const forShell = (env: Readonly<Record<string, string>>): string[] =>
  Object.entries(env).map(([name, value]) => `export ${name}=${inShell(value)}`)

/** @throws UsageError ERR_USAGE */
function rowsOf({ options }: Context, names: readonly string[]): Row[] {
  const { vpcd, vpcdListen: listen, tcti, serveUnlockFor: unlockMinutes } = options
  if (new Set(names).size < names.length) throw new UsageError('ERR_USAGE', TEXT.error.servedTwice)
  if (options.shell && !options.pcsc) throw new UsageError('ERR_USAGE', TEXT.error.shellWithoutPcsc)
  if (options.pcsc && (vpcd ?? listen) !== undefined) throw new UsageError('ERR_USAGE', TEXT.error.pcscAndVpcd)
  if (vpcd !== undefined && listen !== undefined) throw new UsageError('ERR_USAGE', TEXT.error.bothWays)
  const common = given({ tcti, unlockMinutes })
  const { host, port } = listen === undefined ? parsePlace(vpcd ?? DEFAULT_PLACE) : { host: '127.0.0.1', port: listen }
  return names.map((name, index) => {
    const place = `${host}:${port + index}`
    // vpcd has two readers, and both need a client: docs/serve.md.
    const alone = index % 2 === 0 && index === names.length - 1
    const way = listen === undefined ? { vpcd: place } : { listen: port + index, bothPorts: alone }
    return { name, place, options: { ...common, ...way } }
  })
}

function serveOne({ out }: Context, { name, place, options }: Row): Promise<Served> {
  const say: { readonly [State in LinkState]: (why: string | undefined) => Promise<void> } = {
    waiting: (why) => out.note(TEXT.serve.waiting(name, place, why)),
    inserted: () => out.note(TEXT.serve.inserted(name)),
    refused: (why) => out.warn(`${name}: ${why}`),
  }
  return serveCard(name, {
    ...options,
    onState: (state, why) => void say[state](why?.message),
    onWarning: (text) => void out.warn(text),
    onTrouble: (error) => void out.error(error),
  })
}

async function warnOfReversed({ options, out }: Context): Promise<void> {
  if (options.vpcdListen === undefined) return
  const version = await vpcdVersion()
  if (endsPcscd(version)) await out.warn(TEXT.serve.reversed(version ?? '3.3'))
}
