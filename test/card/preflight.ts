// Before anything is tried on a card: whether it is the one that is meant, and whether the secrets are its own. A wrong
// secret costs one try here, instead of one in each assertion.
import { hex } from '../../src/bytes.ts'
import type { CardChannel } from '../../src/channel.ts'
import { find } from '../../src/iso7816/tlv.ts'
import { getData, RESET_RETRY_COUNTER, STATUS, VERIFY } from '../contract/assertions/assertion.ts'
import { Edge, SELECT, type Secrets } from '../contract/assertions/edge.ts'
import { readTlvs, unwrap } from '../contract/assertions/read.ts'
import { type CardTest, UsageError } from './options.ts'

/** The card is left alone: its PIN or its tries are at stake. */
export class Stop extends Error {}

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

/** R and W want the card named: nobody's card loses a try or a key because it was in the wrong reader. */
export function assertMeant({ classes, yes }: CardTest, guid: string): void {
  const hard = classes.filter((one) => one === 'R' || one === 'W')
  if (hard.length === 0 || yes === guid) return
  const what = hard.includes('W')
    ? 'keys and certificates in 9a, 9c, 9d, 9e and 82 are overwritten, objects too, and the PIN is blocked and unblocked'
    : 'tries of PIN and PUK are used and given back'
  const said = yes === undefined ? 'This is the card' : `--yes names another card. This one is`
  throw new UsageError(`${said} ${guid}. On it ${what}. If it is the one that is meant: --yes ${guid}`)
}

/** A card that was put in meanwhile is another one, and nobody has allowed anything on it. @throws Stop */
export async function assertSame(channel: CardChannel, guid: string): Promise<void> {
  const now = await guidOf(channel)
  if (now !== guid) throw new Stop(`Another card is in the reader now: ${now}. It was left alone.`)
}

/** What the assertions have to know; undefined for class N, for which nothing is proved. @throws Stop */
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
    if (before === 0x6983 || before === 0x63c0) throw new Stop('The PIN is blocked. Unblock it first.')
    if (before === 0x63c1) throw new Stop('A single try of the PIN is left, and none is spent here.')
    const verified = (await edge.send(VERIFY)).sw
    if (verified !== 0x9000) throw new Stop(`The PIN is refused (${hexOf(verified)}). No more was tried.`)
    if (classes.includes('R') || classes.includes('W')) {
      const { sw } = await edge.send(RESET_RETRY_COUNTER)
      if (sw !== 0x9000) throw new Stop(`The PUK is refused (${hexOf(sw)}). No more was tried.`)
    }
    if (classes.includes('W')) {
      await edge.authenticateAdmin().catch((error: Error) => {
        throw new Stop(`The admin key is refused (${error.message}). No more was tried.`)
      })
    }
    // The right PIN has given all tries back: what is left now is what there are.
    await select(edge)
    const { sw } = await edge.send(STATUS)
    if (sw >> 4 !== 0x63c)
      throw new Stop(`After a reset the card does not say how many tries there are (${hexOf(sw)}).`)
    // Two wrong PINs in a row are the most that class R tries.
    if (!classes.every((one) => one === 'N' || one === 'P') && (sw & 0x0f) < 3) {
      throw new Stop('The PIN has fewer than three tries in all: classes R and W could block it half way.')
    }
    return known(sw & 0x0f)
  })
}

async function select(edge: Edge): Promise<void> {
  await edge.reset()
  const { sw } = await edge.send(SELECT)
  if (sw !== 0x9000) throw new Stop(`There is no PIV application on this card (SELECT answers ${hexOf(sw)}).`)
}

const hexOf = (sw: number): string => sw.toString(16).toUpperCase().padStart(4, '0')
