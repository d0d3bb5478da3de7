// The messages of pcsc-lite's client protocol, versions 4:3 to 4:6 (pcsc-lite, src/winscard_msg.h). A program sends a
// header {size, command} and a body; the answer is the body again with some fields changed. Octets are in the order of
// the machine.

/** Octets of the fields that are no 32-bit number. */
const WIDE = { reader: 128, attribute: 264 } as const

/** Fields of each body in their order. An empty body has no fields. */
const COMMANDS = {
  establishContext: { number: 0x01, fields: ['scope', 'context', 'rv'] },
  releaseContext: { number: 0x02, fields: ['context', 'rv'] },
  connect: { number: 0x04, fields: ['context', 'reader', 'shareMode', 'protocols', 'card', 'protocol', 'rv'] },
  reconnect: { number: 0x05, fields: ['card', 'shareMode', 'protocols', 'disposition', 'protocol', 'rv'] },
  disconnect: { number: 0x06, fields: ['card', 'disposition', 'rv'] },
  beginTransaction: { number: 0x07, fields: ['card', 'rv'] },
  endTransaction: { number: 0x08, fields: ['card', 'disposition', 'rv'] },
  transmit: {
    number: 0x09,
    fields: ['card', 'protocol', 'pciLength', 'sent', 'answerProtocol', 'answerPciLength', 'room', 'rv'],
  },
  control: { number: 0x0a, fields: ['card', 'code', 'sent', 'room', 'returned', 'rv'] },
  status: { number: 0x0b, fields: ['card', 'rv'] },
  cancel: { number: 0x0d, fields: ['context', 'rv'] },
  getAttribute: { number: 0x0f, fields: ['card', 'id', 'attribute', 'length', 'rv'] },
  setAttribute: { number: 0x10, fields: ['card', 'id', 'attribute', 'length', 'rv'] },
  version: { number: 0x11, fields: ['major', 'minor', 'rv'] },
  readerStates: { number: 0x12, fields: [] },
  /** Up to 4:3 they have a body; from 4:4 on they have none. */
  waitForChange: { number: 0x13, fields: ['timeOut', 'rv'], mayBeEmpty: true },
  stopWaiting: { number: 0x14, fields: ['timeOut', 'rv'], mayBeEmpty: true },
  /** From 4:5 on. */
  readerEvents: { number: 0x15, fields: [] },
  /** From 4:6 on. */
  tableSize: { number: 0x16, fields: [] },
  table: { number: 0x17, fields: [] },
} as const satisfies Record<
  string,
  { readonly number: number; readonly fields: readonly string[]; readonly mayBeEmpty?: true }
>

export type CommandName = keyof typeof COMMANDS
export type FieldOf<Name extends CommandName> = (typeof COMMANDS)[Name]['fields'][number]

interface Layout {
  readonly name: CommandName
  readonly size: number
  readonly mayBeEmpty: boolean
  readonly offsets: ReadonlyMap<string, number>
}

const layouts = new Map<number, Layout>()
const byName = new Map<CommandName, Layout>()
for (const [key, row] of Object.entries(COMMANDS)) {
  const name = key as CommandName
  const offsets = new Map<string, number>()
  let size = 0
  for (const field of row.fields) {
    offsets.set(field, size)
    size += field in WIDE ? WIDE[field as keyof typeof WIDE] : 4
  }
  const layout = { name, size, mayBeEmpty: 'mayBeEmpty' in row, offsets }
  layouts.set(row.number, layout)
  byName.set(name, layout)
}

export const HEADER = 8
/** pcsc-lite's MAX_BUFFER_SIZE_EXTENDED: the longest extended command with its lengths, and room for a status word. */
export const LONGEST_DATA = 4 + 3 + 65_536 + 3 + 2
export const LONGEST_MESSAGE = HEADER + 32 + LONGEST_DATA

const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** Not a message of this protocol: the connection cannot be used any more. */
export class MessageError extends Error {
  override name = 'MessageError'
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) => new DataView(buffer, byteOffset, byteLength)

export const readNumber = (octets: Uint8Array, at: number): number => viewOf(octets).getUint32(at, LITTLE)
export const writeNumber = (octets: Uint8Array, at: number, value: number): void =>
  viewOf(octets).setUint32(at, value >>> 0, LITTLE)

/** One message. Its octets may hold a PIN, and are the caller's to overwrite. */
export class Message<Name extends CommandName = CommandName> {
  readonly name: Name
  readonly body: Uint8Array
  /** What follows the body: the command APDU of `transmit`, the data of `control`. */
  readonly data: Uint8Array

  constructor(name: Name, body: Uint8Array, data: Uint8Array) {
    this.name = name
    this.body = body
    this.data = data
  }

  get(field: FieldOf<Name>): number {
    return readNumber(this.body, offsetOf(this.name, field))
  }

  set(field: FieldOf<Name>, value: number): void {
    writeNumber(this.body, offsetOf(this.name, field), value)
  }

  /** The octets of a wide field, in place. */
  wide(field: FieldOf<Name> & keyof typeof WIDE): Uint8Array {
    const at = offsetOf(this.name, field)
    return this.body.subarray(at, at + WIDE[field])
  }
}

/** Fields of a message in their order. */
export const fieldsOf = <Name extends CommandName>(name: Name): readonly FieldOf<Name>[] => COMMANDS[name].fields

function offsetOf(name: CommandName, field: string): number {
  const at = byName.get(name)?.offsets.get(field)
  if (at === undefined) throw new RangeError(`${name} has no field ${field}`)
  return at
}

/**
 * Octets of the first message, as far as its beginning tells: more of it may tell more. Undefined where not even the
 * header is there.
 * @throws MessageError
 */
export function lengthOf(octets: Uint8Array): number | undefined {
  if (octets.length < HEADER) return undefined
  const { size, layout } = headerOf(octets)
  if (layout.name !== 'transmit' && layout.name !== 'control') return HEADER + size
  if (octets.length < HEADER + size) return HEADER + size
  const sent = readNumber(octets, HEADER + offsetOf(layout.name, 'sent'))
  if (sent > LONGEST_DATA) throw new MessageError('Longer than any command.')
  return HEADER + size + sent
}

/** The message in exactly these octets, which it copies. */
export function messageOf(octets: Uint8Array): Message {
  const { size, layout } = headerOf(octets)
  const own = new Uint8Array(new ArrayBuffer(octets.length - HEADER))
  own.set(octets.subarray(HEADER))
  return new Message(layout.name, own.subarray(0, size), own.subarray(size))
}

function headerOf(octets: Uint8Array): { readonly size: number; readonly layout: Layout } {
  const [size, number] = [readNumber(octets, 0), readNumber(octets, 4)]
  const layout = layouts.get(number)
  if (layout === undefined) throw new MessageError('A command that the protocol does not have.')
  if (size === layout.size || (layout.mayBeEmpty && size === 0)) return { size, layout }
  throw new MessageError('A body of another length than its command has.')
}

/** A message as a program sends it, for tests and measurements. Fields that are not given are zero. */
export function encode<Name extends CommandName>(
  name: Name,
  fields: { readonly [Field in FieldOf<Name>]?: number | Uint8Array } = {},
  data: Uint8Array = new Uint8Array(0),
  empty = false,
): Uint8Array {
  const layout = byName.get(name) as Layout
  const size = empty ? 0 : layout.size
  const octets = new Uint8Array(HEADER + size + data.length)
  writeNumber(octets, 0, size)
  writeNumber(octets, 4, COMMANDS[name].number)
  for (const [field, value] of Object.entries<number | Uint8Array | undefined>(fields)) {
    const at = HEADER + offsetOf(name, field)
    if (typeof value === 'number') writeNumber(octets, at, value)
    else if (value !== undefined) octets.set(value, at)
  }
  octets.set(data, HEADER + size)
  return octets
}
