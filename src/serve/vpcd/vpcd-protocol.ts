// What vpcd and a card say to each other: vsmartcard, virtualsmartcard/src/vpcd/vpcd.h and ifd-vpcd.c. vpcd asks; the
// card answers the ATR and every command, and nothing else.
import { copyOf, wipe } from '../../bytes.ts'
import type { CardResponder } from '../../doors/card-responder.ts'
import type { FramedSocket } from './framed-socket.ts'
import { FrameError } from './framing.ts'

/** Frames of one octet. Any longer one is a command APDU, which has four octets at least. */
const CONTROL = { off: 0x00, on: 0x01, reset: 0x02, atr: 0x04 } as const
const POWER: readonly number[] = [CONTROL.off, CONTROL.on, CONTROL.reset]

export type Request = 'power' | 'atr' | 'command'

/** @throws FrameError for an octet that vpcd does not send */
export function requestOf(payload: Uint8Array): Request {
  const [code = 0] = payload
  if (payload.length > 1) return 'command'
  if (code === CONTROL.atr) return 'atr'
  if (POWER.includes(code)) return 'power'
  throw new FrameError('A control code that vpcd does not have.')
}

/**
 * Answers one connection until it ends. Awaits `admitted` before the first answer; calls `inserted` once, when the card is
 * in the reader. A first request for the ATR does not say so: vpcd only checks, even twice, whether there is a card. Then
 * pcscd powers the card and asks again or, if it never missed the card, checks again later.
 * @throws FrameError for a peer that is not vpcd; what `admitted` throws
 */
export async function playCard(
  peer: FramedSocket,
  card: CardResponder,
  admitted: () => Promise<void>,
  inserted: () => void,
): Promise<void> {
  const [admission, sight] = [once(admitted), once(inserted)]
  let [powered, looks] = [false, 0]
  const ended = new Promise<undefined>((resolve) => peer.socket.once('close', () => resolve(undefined)))
  try {
    for await (const payload of peer.frames()) {
      const request = requestOf(payload)
      await admission()
      if (request === 'power') {
        powered = true
        void card.reset()
      }
      if (request === 'command') await answer(peer, card.transmit(copyOf(payload)), ended)
      if (request === 'atr') {
        await peer.send(card.atr)
        looks += 1
      }
      if (request === 'command' || (request === 'atr' && (powered || looks > 2))) sight()
    }
  } finally {
    void card.reset()
  }
}

/** Ends at once when the peer goes away, while the card finishes its command. */
async function answer(peer: FramedSocket, pending: Promise<Uint8Array>, ended: Promise<undefined>): Promise<void> {
  const response = await Promise.race([pending, ended])
  if (response !== undefined) await peer.send(response)
  void pending.then(wipe)
}

function once<T>(work: () => T): () => T | undefined {
  let done = false
  return () => {
    if (done) return undefined
    done = true
    return work()
  }
}
