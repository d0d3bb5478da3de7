// What the other direction needs besides the card: vpcd 3.3, which distributions have, ends pcscd by an assertion
// (FD_SET of -1) as soon as one of its two connections, to PORT and to PORT + 1, is not there. So there is somebody at
// both, from the start to the end of serving.
import type { CardChannel } from '../channel.ts'
import { CardResponder } from './card-responder.ts'
import type { Link, LinkEvents } from './link.ts'
import { VpcdListener } from './vpcd-listener.ts'

/**
 * No card can be played to vpcd 3.3 in no way: who does not answer holds up all of PC/SC, and who says that there is no
 * card ends it. This is the nearest to none: a card that PC/SC can get no ATR of, since it is longer than any can be.
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
  neighbour: boolean,
  events: LinkEvents,
): Promise<Link> {
  const link = await VpcdListener.open(card, port, events)
  if (!neighbour) return link
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
