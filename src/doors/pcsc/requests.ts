// What the service does for each message of a program: one row a command.
import { randomInt } from 'node:crypto'
import { concat, wipe } from '../../bytes.ts'
import { attributeOf } from './attributes.ts'
import { type Code, GET_FEATURES, RV } from './codes.ts'
import { connect, disconnect, leaveAll, reconnect } from './connections.ts'
import { type CommandName, type Message, MessageError, writeNumber } from './messages.ts'
import { encodeTable, USUAL_ROWS } from './reader-table.ts'
import type { Session } from './session.ts'
import { encodeSignal } from './signal.ts'
import type { Slot } from './slot.ts'

/** What the requests of one program need of the others. */
export interface Requests {
  readonly slots: readonly Slot[]
  /** Rows of the table for programs up to 4:5. */
  readonly rows: number
  /** How often readers came or went. */
  readonly events: number
  sessionWith(context: number): Session | undefined
  /** Tells every program that waits. */
  changed(): void
}

/** The octets to answer with; undefined where nothing is answered. */
export type Answer = Uint8Array | undefined
type Handler<Name extends CommandName> = (
  message: Message<Name>,
  session: Session,
  requests: Requests,
) => Answer | Promise<Answer>

const MAJOR = 4
const MINOR = { first: 3, last: 6 } as const
/** Programs of this minor version ask for the table after they have asked to be told of changes. */
const ASKS_FOR_TABLE = 6

/** @throws MessageError for a connection that this program does not have */
function slotOf(session: Session, card: number): Slot {
  const slot = session.cards.get(card)
  if (slot === undefined) throw new MessageError('A connection that this program does not have.')
  return slot
}

function answered<Name extends CommandName>(message: Message<Name>, rv: Code): Uint8Array {
  writeNumber(message.body, message.body.length - 4, rv)
  return message.body
}

const table = ({ slots }: Requests, rows: number): Uint8Array =>
  encodeTable(
    slots.map(({ reader }) => reader.row),
    rows,
  )
const allRows = ({ slots }: Requests): number => Math.max(slots.length, USUAL_ROWS)

export const HANDLERS: { readonly [Name in CommandName]: Handler<Name> } = {
  version(message, session) {
    const [major, minor] = [message.get('major'), message.get('minor')]
    const spoken = major === MAJOR && minor >= MINOR.first && minor <= MINOR.last
    if (spoken) session.minor = minor
    message.set('major', MAJOR)
    if (!spoken) message.set('minor', MINOR.last)
    return answered(message, spoken ? RV.success : RV.serviceStopped)
  },

  establishContext(message, session, requests) {
    // pcsc-lite asks again where it has a context of this number already.
    if (session.cards.size > 0) return answered(message, RV.invalidValue)
    do session.context = randomInt(1, 0x7fff_ffff)
    while (requests.sessionWith(session.context) !== session)
    message.set('context', session.context)
    return answered(message, RV.success)
  },

  async releaseContext(message, session, requests) {
    if (session.context === undefined) return answered(message, RV.invalidHandle)
    if (session.context !== message.get('context')) return answered(message, RV.invalidValue)
    await leaveAll(session, requests)
    session.context = undefined
    return answered(message, RV.success)
  },

  async connect(message, session, requests) {
    const code = await connect(message, session, requests)
    return code === undefined ? undefined : answered(message, code)
  },

  reconnect: async (message, session, requests) =>
    answered(message, await reconnect(message, slotOf(session, message.get('card')), requests)),

  async disconnect(message, session, requests) {
    const card = message.get('card')
    const code = await disconnect(session, slotOf(session, card), card, message.get('disposition'), requests)
    return code === undefined ? undefined : answered(message, code)
  },

  async beginTransaction(message, session) {
    const card = message.get('card')
    const slot = slotOf(session, card)
    const { reader } = slot
    const missed = reader.missed(card)
    if (missed !== RV.success) return answered(message, missed)
    const begin = () => reader.begin(card)
    const code = reader.isHeldFrom(card) ? await session.whenFree(slot, begin) : begin()
    return code === undefined ? undefined : answered(message, code)
  },

  async endTransaction(message, session) {
    const card = message.get('card')
    const slot = slotOf(session, card)
    const { reader } = slot
    const disposition = message.get('disposition')
    if (disposition > 3) return answered(message, RV.invalidValue)
    const refused = reader.missed(card) || (reader.isHeldFrom(card) ? RV.sharingViolation : RV.success)
    if (refused !== RV.success) return answered(message, refused)
    if (disposition === 0) return answered(message, reader.end(card))
    // Asked for before the transaction ends: whoever is next finds a card that was reset.
    reader.wasReset()
    const reset = slot.reset()
    const code = reader.end(card)
    await reset
    return answered(message, code)
  },

  async transmit(message, session) {
    const card = message.get('card')
    const slot = slotOf(session, card)
    const refused = transmitRefusal(message, slot, card)
    if (refused !== undefined) return answered(message, refused)
    const answer = await slot.transmit(message.data)
    if (answer !== undefined) return withData(message, answer)
    message.set('room', 0)
    return answered(message, RV.removedCard)
  },

  control(message, session) {
    const { reader } = slotOf(session, message.get('card'))
    message.set('returned', 0)
    if (reader.isHeldFrom(message.get('card'))) return answered(message, RV.sharingViolation)
    // No feature of PC/SC part 10: no PIN pad, no display.
    return answered(message, message.get('code') === GET_FEATURES ? RV.success : RV.unsupportedFeature)
  },

  status: (message, session) => {
    const card = message.get('card')
    return answered(message, slotOf(session, card).reader.check(card))
  },

  cancel(message, _, requests) {
    const target = requests.sessionWith(message.get('context'))
    target?.signal(RV.cancelled)
    return answered(message, target === undefined ? RV.invalidHandle : RV.success)
  },

  getAttribute(message, session) {
    const card = message.get('card')
    const { reader } = slotOf(session, card)
    const room = message.get('length')
    const field = message.wide('attribute')
    if (room > field.length) throw new MessageError('More room than the message has.')
    const refused = reader.check(card)
    if (refused !== RV.success) return answered(message, refused)
    const value = attributeOf(reader, message.get('id'))
    if (value === undefined) return answered(message, RV.unsupportedFeature)
    message.set('length', value.length)
    if (value.length > room) return answered(message, RV.insufficientBuffer)
    field.set(value)
    return answered(message, RV.success)
  },

  setAttribute(message, session) {
    const card = message.get('card')
    const refused = slotOf(session, card).reader.check(card)
    return answered(message, refused === RV.success ? RV.unsupportedFeature : refused)
  },

  readerStates: (_, __, requests) => table(requests, requests.rows),

  waitForChange(message, session, requests) {
    const { minor } = session
    if (minor >= ASKS_FOR_TABLE) {
      session.wait('registered')
      return undefined
    }
    session.wait('yes')
    // Up to 4:3 the message has a body, and the table was asked for before.
    return message.body.length > 0 ? undefined : table(requests, requests.rows)
  },

  stopWaiting(_, session) {
    // Where it has been told already, that was its answer.
    if (!session.waits) return undefined
    session.stopWaiting()
    return encodeSignal(RV.success)
  },

  readerEvents(_, __, { events }) {
    const octets = new Uint8Array(8)
    writeNumber(octets, 0, events)
    return octets
  },

  tableSize(_, __, requests) {
    const octets = new Uint8Array(4)
    writeNumber(octets, 0, allRows(requests))
    return octets
  },

  table: (_, __, requests) => table(requests, allRows(requests)),
}

/** Protocol that fits every card: SCARD_PROTOCOL_ANY_OLD, RAW. */
const FITS = [0x1000, 4]

function transmitRefusal(message: Message<'transmit'>, { reader }: Slot, card: number): Code | undefined {
  const refused = reader.check(card)
  if (refused !== RV.success) return refused
  if (!reader.hasCard) return RV.noSmartcard
  const protocol = message.get('protocol')
  if (!FITS.includes(protocol) && protocol !== reader.protocol) return RV.protoMismatch
  return message.data.length === 0 ? RV.invalidParameter : undefined
}

/** The body and the card's answer, where the program has room for it. Overwrites the answer. */
function withData(message: Message<'transmit'>, answer: Uint8Array): Uint8Array {
  const room = message.get('room')
  message.set('room', answer.length)
  const code = answer.length > room ? RV.insufficientBuffer : RV.success
  const body = answered(message, code)
  const whole = code === RV.success ? concat(body, answer) : body
  wipe(answer)
  return whole
}
