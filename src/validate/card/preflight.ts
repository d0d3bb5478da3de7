// Before anything is tried on a card: whether it is the one that is meant, and whether the secrets are its own. A wrong
// secret costs one try here, instead of one in each assertion.
import { hex } from '../../bytes.ts'
import type { CardChannel } from '../../channel.ts'
import { CardError, PinError, UsageError } from '../../errors.ts'
import { find } from '../../iso7816/tlv.ts'
import type { Class } from '../result.ts'
import { getData, RESET_RETRY_COUNTER, STATUS, VERIFY } from './assertions/assertion.ts'
import { Edge, SELECT, type Secrets } from './assertions/edge.ts'
import { readTlvs, unwrap } from './assertions/read.ts'

/** What may be done to a card, and what its owner has said for it. */
export interface CardTest {
  readonly classes: readonly Class[]
  /** Wanted for all classes but N. */
  readonly secrets: OwnerSecrets | undefined
  /** The GUID of the card that is meant: wanted for R and W. */
  readonly guid: string | undefined
  /** Tries of the PUK in all, where they are not as many as those of the PIN. */
  readonly pukTries: number | undefined
}

export interface OwnerSecrets {
  readonly pin: string
  /** For R and W. */
  readonly puk: string
  /** For W. */
  readonly adminKey: Uint8Array | undefined
}

const NEW_PINS = ['71650842', '24681357'] as const

/** GUID in the CHUID, in hex; `no-guid` for a card that has none. */
export async function guidOf(channel: CardChannel): Promise<string> {
  const edge = new Edge(channel, undefined)
  return edge.transaction(async () => {
    await select(edge)
    const { data, sw } = await edge.send(getData('5FC102'))
    if (sw !== 0x9000) return 'no-guid'
    try {
      const guid = find(readTlvs(unwrap(data, 0x53)), 0x34)
      return guid === undefined || guid.length === 0 ? 'no-guid' : hex(guid)
    } catch {
      return 'no-guid'
    }
  })
}

/**
 * R and W want the card named: nobody's card loses a try or a key because it was in the wrong reader.
 * @throws UsageError ERR_USAGE
 */
export function assertMeant({ classes, guid: said }: CardTest, guid: string): void {
  const hard = classes.filter((one) => one === 'R' || one === 'W')
  if (hard.length === 0 || said === guid) return
  const what = hard.includes('W')
    ? 'keys and certificates in 9a, 9c, 9d, 9e, 82 and 94 are overwritten, objects too, keys are made in 95 if it is empty, and the PIN is blocked and unblocked'
    : 'tries of PIN and PUK are used and given back'
  const head = said === undefined ? 'This is the card' : 'Another card was named. This one is'
  throw new UsageError('ERR_USAGE', `${head} ${guid}. On it ${what}. If it is the one that is meant: --guid ${guid}`)
}

/** A card that was put in meanwhile is another one, and nobody has allowed anything on it. @throws CardError ERR_CARD_IDENTITY */
export async function assertSame(channel: CardChannel, guid: string): Promise<void> {
  const now = await guidOf(channel)
  if (now !== guid)
    throw new CardError('ERR_CARD_IDENTITY', `Another card is in the reader now: ${now}. It was left alone.`)
}

/**
 * What the assertions have to know; undefined for class N, for which nothing is proved.
 * @throws PinError ERR_PIN_BLOCKED, ERR_PIN_LAST_TRY, ERR_PIN_WRONG, ERR_PUK_WRONG, ERR_ADMIN_WRONG; CardError ERR_NOT_SUPPORTED
 */
export async function prove(
  channel: CardChannel,
  { classes, secrets, pukTries }: CardTest,
): Promise<Secrets | undefined> {
  if (secrets === undefined) return undefined
  const { pin, puk, adminKey } = secrets
  const newPin = NEW_PINS.find((one) => one !== pin) ?? ''
  const known = (tries: number): Secrets => ({
    ...{ pin, newPin, puk, tries: { pin: tries, puk: pukTries ?? tries } },
    ...(adminKey && { adminKey }),
  })
  const edge = new Edge(channel, known(0))
  return edge.transaction(async () => {
    await select(edge)
    const before = (await edge.send(STATUS)).sw
    if (before === 0x6983 || before === 0x63c0)
      throw new PinError('ERR_PIN_BLOCKED', 'The PIN is blocked. Unblock it first.', { triesLeft: 0 })
    if (before === 0x63c1)
      throw new PinError('ERR_PIN_LAST_TRY', 'A single try of the PIN is left, and none is spent here.')
    const verified = (await edge.send(VERIFY)).sw
    if (verified !== 0x9000)
      throw new PinError('ERR_PIN_WRONG', `The PIN is refused (${hexOf(verified)}). No more was tried.`)
    if (classes.includes('R') || classes.includes('W')) {
      const { sw } = await edge.send(RESET_RETRY_COUNTER)
      if (sw !== 0x9000) throw new PinError('ERR_PUK_WRONG', `The PUK is refused (${hexOf(sw)}). No more was tried.`)
    }
    if (classes.includes('W')) {
      await edge.authenticateAdmin().catch((error: Error) => {
        throw new PinError('ERR_ADMIN_WRONG', `The admin key is refused (${error.message}). No more was tried.`)
      })
    }
    // The right PIN has given all tries back: what is left now is what there are.
    await select(edge)
    const { sw } = await edge.send(STATUS)
    if (sw >> 4 !== 0x63c)
      throw new CardError(
        'ERR_NOT_SUPPORTED',
        `After a reset the card does not say how many tries there are (${hexOf(sw)}).`,
      )
    // Two wrong PINs in a row are the most that class R tries.
    if (!classes.every((one) => one === 'N' || one === 'P') && (sw & 0x0f) < 3) {
      throw new CardError(
        'ERR_NOT_SUPPORTED',
        'The PIN has fewer than three tries in all: classes R and W could block it half way.',
      )
    }
    return known(sw & 0x0f)
  })
}

async function select(edge: Edge): Promise<void> {
  await edge.reset()
  const { sw } = await edge.send(SELECT)
  if (sw !== 0x9000)
    throw new CardError('ERR_NOT_SUPPORTED', `There is no PIV application on this card (SELECT answers ${hexOf(sw)}).`)
}

const hexOf = (sw: number): string => sw.toString(16).toUpperCase().padStart(4, '0')
