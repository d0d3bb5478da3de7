// The enrolment agent of --agent: a card whose certificate signs requests for other people (web enrolment), or logs in to
// hand them in (EST).
import type { Agent } from 'node:https'
import { openCard } from '../cards/index.ts'
import { enrollmentAgent, type OnBehalfOf } from '../enroll/agent.ts'
import { UsageError } from '../errors.ts'
import { accessOf, type Card } from '../piv/host/card.ts'
import type { PinUse } from '../piv/host/pin-request.ts'
import { parseSlot } from '../piv/slots.ts'
import { cardAgent } from '../tls/agent.ts'
import { caUrl } from './ca.ts'
import { type Context, given } from './context.ts'
import { TEXT } from './messages.ts'
import type { Options } from './options.ts'
import { standing } from './secrets.ts'
import { named } from './select.ts'

/** What an enrolment gets of its agent; nothing without one. */
export interface AgentWishes {
  readonly onBehalfOf?: OnBehalfOf
  /** Logs in by TLS. */
  readonly agent?: Agent
  /** The options, with the names that follow from --on-behalf-of. */
  readonly options: Options
}

/** Runs `work` while the agent's card is open. @throws UsageError ERR_USAGE; as `openCard` */
export async function withAgent<Result>(
  context: Context,
  options: Options,
  work: (wishes: AgentWishes) => Promise<Result>,
): Promise<Result> {
  const { onBehalfOf: user, agent: said, est, agentSlot = '9a' } = options
  const { enrollment } = TEXT
  if ((user === undefined) !== (said === undefined)) throw new UsageError('ERR_USAGE', enrollment.agentFor)
  if (user === undefined || said === undefined) return work({ options })
  caUrl(options)
  const slot = parseSlot(agentSlot)
  const upn = options.upn ?? user
  if (est !== undefined && !upn.includes('@')) throw new UsageError('ERR_USAGE', enrollment.onBehalfOfUpn)
  const choice = named(said)
  const card = await openCard('reader' in choice ? choice : { ...choice, ...given({ tcti: options.tcti }) })
  try {
    const use = pinOfAgent(context, card)
    if (est === undefined) return await work({ options, onBehalfOf: { user, agent: enrollmentAgent(card, slot, use) } })
    const agent = await cardAgent(card, slot, { onPin: use.pin, ...given({ minTriesLeft: use.minTriesLeft }) })
    try {
      return await work({ options: { ...options, upn }, agent })
    } finally {
      agent.destroy()
    }
  } finally {
    await card.close()
  }
}

function pinOfAgent({ options, secrets }: Context, card: Card) {
  const option = '--agent-pin-file'
  const pin = standing(secrets, async () => {
    const { triesLeft } = await card.pinStatus()
    const question = {
      ...{ what: TEXT.what.agentPin, prompt: TEXT.prompt.pin(card.name, triesLeft), option },
      check: (octets: Uint8Array) => accessOf(card).secrets.bytes(octets, 'PIN'),
    }
    return options.agentPinFile === undefined
      ? secrets.prompt(question)
      : secrets.fromFile(options.agentPinFile, option, question.what)
  })
  return { pin, minTriesLeft: options.lastTry ? 0 : 2 } satisfies PinUse
}

/** The options as whose login is remembered: the agent does not renew for the holder. */
export function ofHolder(options: Options): Options {
  const { onBehalfOf, est, negotiate } = options
  if (onBehalfOf === undefined) return options
  const { user: _, negotiate: __, agent: ___, ...others } = options
  if (est !== undefined) return { ...others, byCertificate: true }
  return negotiate ? { ...others, negotiate } : { ...others, user: onBehalfOf }
}
