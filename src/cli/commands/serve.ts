import { cardInfo } from '../../cards.ts'
import { UsageError } from '../../errors.ts'
import type { LinkState } from '../../serve/link.ts'
import { DEFAULT_PLACE, parsePlace, type Served } from '../../serve/serve.ts'
import { serveCard } from '../../serving.ts'
import { type Context, given, type Run } from '../context.ts'
import { warningsOf } from '../describe.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async (context, ...names) => {
  const { options, out, signal } = context
  if (new Set(names).size < names.length) throw new UsageError('ERR_USAGE', TEXT.error.servedTwice)
  const { host, port } = parsePlace(options.vpcd ?? DEFAULT_PLACE)
  const served: Served[] = []
  try {
    const cards = []
    for (const [index, name] of names.entries()) {
      const vpcd = `${host}:${port + index}`
      cards.push({ card: name, vpcd })
      for (const warning of warningsOf(await cardInfo(name))) await out.warn(`${name}: ${warning}`)
      signal.throwIfAborted()
      served.push(await serveOne(context, name, vpcd))
    }
    await Promise.race([Promise.all(served.map(({ ready }) => ready)), stopped(signal)])
    if (!signal.aborted) await out.result({ serving: cards }, cards.map(TEXT.serve.ready).join('\n'))
    await stopped(signal)
  } finally {
    await Promise.all(served.map((one) => one.close()))
  }
  return undefined
}

function serveOne({ options, out }: Context, name: string, vpcd: string): Promise<Served> {
  const say: { readonly [State in LinkState]: (why: Error | undefined) => Promise<void> } = {
    waiting: () => out.note(TEXT.serve.waiting(name, vpcd)),
    inserted: () => out.note(TEXT.serve.inserted(name)),
    refused: (why) => out.warn(`${name}: ${why?.message}`),
  }
  return serveCard(name, {
    ...given({ tcti: options.tcti, unlockMinutes: options.unlockFor }),
    vpcd,
    onState: (state, why) => void say[state](why),
    onWarning: (text) => void out.warn(text),
    onTrouble: (error) => void out.error(error),
  })
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
