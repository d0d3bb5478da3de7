// A dispatcher for Node's own fetch, and for undici: their pools and their HTTP, over connections of a card's agent.
import { CardError } from '../errors.ts'
import type { CardAgent } from './agent.ts'

/** The class `Agent` of undici, of any version: its pools make their connections by `connect`. */
export type DispatcherClass<Dispatcher> = new (options: { connect: ReturnType<CardAgent['connector']> }) => Dispatcher

/** What Node's own fetch takes as its option `dispatcher`. */
export type FetchDispatcher = NonNullable<RequestInit['dispatcher']>

/**
 * A dispatcher over the connections of a card's agent: for Node's own `fetch`, or with the class `Agent` of undici for that.
 * Unlike `agent.fetch`, these follow redirects to other servers, which get to see the certificate too; `redirect: 'error'`
 * refuses all of them. Close it before you destroy the agent.
 * @throws CardError ERR_NOT_SUPPORTED where Node's own class cannot be found
 * @example await fetch('https://intranet.example/', { dispatcher: cardDispatcher(await cardAgent(card, '9a')) })
 */
export function cardDispatcher(agent: CardAgent): FetchDispatcher
export function cardDispatcher<Dispatcher>(agent: CardAgent, Agent: DispatcherClass<Dispatcher>): Dispatcher
export function cardDispatcher(agent: CardAgent, Agent: DispatcherClass<unknown> = ownAgent()): unknown {
  return new Agent({ connect: agent.connector() })
}

/** From version 8 on undici keeps its default elsewhere: what is in the old place only translates. */
const DEFAULTS = { old: Symbol.for('undici.globalDispatcher.1'), new: Symbol.for('undici.globalDispatcher.2') } as const

/** The class of the dispatcher that Node's own fetch has by default. Node does not export it. */
function ownAgent(): DispatcherClass<unknown> {
  void globalThis.Response // makes Node load its undici
  const version = Number.parseInt(process.versions.undici ?? '', 10)
  const ours: unknown = Reflect.get(globalThis, version >= 8 ? DEFAULTS.new : DEFAULTS.old)
  const found = ours === null || ours === undefined ? undefined : ours.constructor
  if (found?.name === 'Agent') return found as DispatcherClass<unknown>
  throw new CardError(
    'ERR_NOT_SUPPORTED',
    "fetch has another dispatcher than Node's own here. Give the class Agent of undici, cardDispatcher(agent, Agent), and use undici's fetch; or use agent.fetch.",
  )
}
