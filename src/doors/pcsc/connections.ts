// Programs come to a card and leave it.
import { randomInt } from 'node:crypto'
import { type Code, DISPOSITION, PROTOCOL, RV, SHARE } from './codes.ts'
import type { Message } from './messages.ts'
import type { Wish } from './reader.ts'
import type { Requests } from './requests.ts'
import type { Session } from './session.ts'
import type { Slot } from './slot.ts'

/** pcscd's own default. */
const MOST_CONNECTIONS = 200
const SPOKEN = PROTOCOL.t0 | PROTOCOL.t1 | PROTOCOL.raw | PROTOCOL.any
const MODES: readonly number[] = Object.values(SHARE)

function wishOf(message: Message<'connect'> | Message<'reconnect'>): Wish | Code {
  const [shareMode, protocols] = [message.get('shareMode'), message.get('protocols')]
  if (!MODES.includes(shareMode)) return RV.invalidValue
  if (shareMode !== SHARE.direct && (protocols & SPOKEN) === 0) return RV.protoMismatch
  return { shareMode, protocols }
}

const nameIn = (octets: Uint8Array): string => Buffer.from(octets).toString().split('\0')[0] ?? ''

/** Undefined where the program has gone meanwhile. */
export async function connect(
  message: Message<'connect'>,
  session: Session,
  requests: Requests,
): Promise<Code | undefined> {
  if (session.context === undefined) return RV.invalidHandle
  if (session.context !== message.get('context')) return RV.invalidValue
  const wish = wishOf(message)
  if (typeof wish === 'number') return wish
  const name = nameIn(message.wide('reader'))
  const slot = requests.slots.find(({ reader }) => reader.name === name)
  if (slot === undefined) return RV.unknownReader
  if (session.cards.size >= MOST_CONNECTIONS) return RV.noMemory
  const card = newHandle(requests)
  const attempt = () => {
    const code = slot.reader.connect(card, wish)
    if (code !== RV.success) return code
    session.cards.set(card, slot)
    slot.entered()
    return code
  }
  const refused = slot.reader.refusal(wish)
  if (refused !== undefined) return refused
  const code = slot.reader.isHeldFrom(card) ? await session.whenFree(slot, attempt) : attempt()
  if (code !== RV.success) return code
  message.set('card', card)
  message.set('protocol', slot.reader.protocol)
  requests.changed()
  return code
}

/** A program cannot guess the connection of another one. */
function newHandle({ slots }: Requests): number {
  for (;;) {
    const card = randomInt(1, 0x7fff_ffff)
    if (slots.every(({ reader }) => !reader.knows(card))) return card
  }
}

export async function reconnect(message: Message<'reconnect'>, slot: Slot, requests: Requests): Promise<Code> {
  const wish = wishOf(message)
  if (typeof wish === 'number') return wish
  const disposition = message.get('disposition')
  if (disposition > DISPOSITION.powerDown) return RV.invalidValue
  const card = message.get('card')
  const resets = disposition !== DISPOSITION.leave
  const { reader } = slot
  if (reader.isHeldFrom(card)) return RV.sharingViolation
  const reset = resets && reader.hasCard ? slot.reset() : undefined
  const code = reader.reconnect(card, wish, resets)
  message.set('protocol', reader.protocol)
  requests.changed()
  await reset
  return code
}

/** Undefined where the program has gone meanwhile. */
export async function disconnect(
  session: Session,
  slot: Slot,
  card: number,
  disposition: number,
  requests: Requests,
): Promise<Code | undefined> {
  if (disposition > DISPOSITION.eject) return RV.invalidValue
  const leaving = () => leave(session, slot, card, disposition !== DISPOSITION.leave, requests)
  const inTheWay = disposition !== DISPOSITION.leave && slot.reader.isHeldFrom(card)
  const left = inTheWay ? await session.whenFree(slot, leaving) : leaving()
  if (left === undefined) return undefined
  await left.reset
  return RV.success
}

/** A program has gone, or gives up its context. A transaction that it leaves open ends with a reset, as pcscd does it. */
export async function leaveAll(session: Session, requests: Requests): Promise<void> {
  const left = [...session.cards].map(([card, slot]) => {
    const { reader } = slot
    return leave(session, slot, card, reader.owns(card) && reader.missed(card) === RV.success, requests).reset
  })
  await Promise.all(left)
}

/** Leaves a card at once; `reset` settles when the card is reset, where it was asked for. */
function leave(
  session: Session,
  slot: Slot,
  card: number,
  resets: boolean,
  requests: Requests,
): { readonly reset: Promise<void> | undefined } {
  const { reader } = slot
  // Asked for before others may use the card.
  const reset = resets && reader.hasCard ? slot.reset() : undefined
  if (reset !== undefined) reader.wasReset()
  session.cards.delete(card)
  reader.disconnect(card)
  slot.left()
  requests.changed()
  return { reset }
}
