// Attributes of a reader and its card: PC/SC part 3, 3.1.1, as far as programs ask for them.
import { utf8 } from '../../bytes.ts'
import { writeNumber } from './messages.ts'
import type { Reader } from './reader.ts'

const number = (value: number): Uint8Array => {
  const octets = new Uint8Array(4)
  writeNumber(octets, 0, value)
  return octets
}
const text = (value: string): Uint8Array => Uint8Array.of(...utf8(value), 0)

/** By their number in PCSC/reader.h. */
const ATTRIBUTES: ReadonlyMap<number, (reader: Reader) => Uint8Array> = new Map<number, (reader: Reader) => Uint8Array>(
  [
    [0x0001_0100, () => text('Tessera')], // VENDOR_NAME
    [0x0008_0201, ({ protocol }) => number(protocol)], // CURRENT_PROTOCOL_TYPE
    [0x0009_0300, ({ hasCard }) => Uint8Array.of(hasCard ? 2 : 0)], // ICC_PRESENCE: 2 is inserted
    [0x0009_0301, ({ hasCard }) => Uint8Array.of(hasCard ? 1 : 0)], // ICC_INTERFACE_STATUS
    [0x0009_0303, ({ atr }) => atr], // ATR_STRING
    [0x0007_a007, () => number(0x1_0000 + 12)], // MAXINPUT: an extended command
    [0x7fff_0003, ({ name }) => text(name)], // DEVICE_FRIENDLY_NAME_A
    [0x7fff_0004, ({ name }) => text(name)], // DEVICE_SYSTEM_NAME_A
  ],
)

/** Undefined where the reader does not have it. */
export const attributeOf = (reader: Reader, id: number): Uint8Array | undefined => ATTRIBUTES.get(id)?.(reader)
