// The table of readers that programs are sent: READER_STATE of pcsc-lite, src/eventhandler.h, a row a reader.
import { writeNumber } from './messages.ts'

export interface ReaderRow {
  /** UTF-8, at most 127 octets. */
  readonly name: string
  /** How often a card came or went. */
  readonly events: number
  readonly state: number
  /** Programs that are connected; -1 where one has the card alone. */
  readonly sharing: number
  /** Empty where there is no card. */
  readonly atr: Uint8Array
  readonly protocol: number
}

export const LONGEST_NAME = 127
export const LONGEST_ATR = 33
const AT = { name: 0, events: 128, state: 132, sharing: 136, atr: 140, atrLength: 176, protocol: 180 } as const
export const ROW = 184
/** pcsc-lite's PCSCLITE_MAX_READERS_CONTEXTS, which programs up to 4:5 were compiled with. */
export const USUAL_ROWS = 16

/** Exactly `rows` rows; those of no reader are zero. */
export function encodeTable(readers: readonly ReaderRow[], rows: number): Uint8Array {
  const table = new Uint8Array(rows * ROW)
  for (const [index, reader] of readers.slice(0, rows).entries()) {
    const row = table.subarray(index * ROW, (index + 1) * ROW)
    row.set(Buffer.from(reader.name).subarray(0, LONGEST_NAME), AT.name)
    writeNumber(row, AT.events, reader.events)
    writeNumber(row, AT.state, reader.state)
    writeNumber(row, AT.sharing, reader.sharing)
    row.set(reader.atr.subarray(0, LONGEST_ATR), AT.atr)
    writeNumber(row, AT.atrLength, Math.min(reader.atr.length, LONGEST_ATR))
    writeNumber(row, AT.protocol, reader.protocol)
  }
  return table
}
