// Listening for vpcd on both of its ports. vpcd 3.3, which distributions have, crashes pcscd (FD_SET of -1) as soon as one
// of its two connections, to PORT and to PORT + 1, is missing. So both ports answer for as long as the card is served.
import type { CardChannel } from '../../channel.ts'
import { CardResponder } from '../../doors/card-responder.ts'
import type { Link, LinkEvents } from './link.ts'
import { VpcdListener } from './vpcd-listener.ts'

/**
 * An ATR longer than any can be, which leaves the second reader with an unusable card. vpcd 3.3 cannot be told that there
 * is no card: no answer blocks PC/SC, and the answer "no card" crashes it.
 */
const mute: CardChannel = {
  atr: new Uint8Array(40),
  transaction: (work) => work(async () => Uint8Array.of(0x6f, 0x00)),
  reset: async () => undefined,
  close: async () => undefined,
}

const silent: LinkEvents = { onState: () => undefined, onWarning: () => undefined }

/** @throws UsageError ERR_SERVE_PORT */
export async function listenForVpcd(
  card: CardResponder,
  port: number,
  bothPorts: boolean,
  events: LinkEvents,
): Promise<Link> {
  const link = await VpcdListener.open(card, port, events)
  if (!bothPorts) return link
  try {
    const other = await VpcdListener.open(new CardResponder(mute, () => undefined), port + 1, silent)
    return {
      close: async () => {
        await Promise.all([link.close(), other.close()])
      },
    }
  } catch (error) {
    await link.close()
    throw error
  }
}
