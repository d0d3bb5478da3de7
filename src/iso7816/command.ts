// Command APDUs. ISO/IEC 7816-3:2006, 12.1.3 (the seven forms of a command), ISO/IEC 7816-4:2020, 5.1.
import { space } from '../bytes.ts'

export interface CommandApdu {
  readonly cla: number
  readonly ins: number
  readonly p1: number
  readonly p2: number
  /** At most 255 octets, or 65535 when extended. Parsed: a view of the input, not a copy. */
  readonly data: Uint8Array
  /** How many octets of answer are expected: 1 to 256, or 65536 when extended; undefined without Le. */
  readonly le: number | undefined
  /** Lengths are written in three octets (Lc) and two or three (Le). Without data and Le there is no difference. */
  readonly extended: boolean
}

const be16 = (octets: Uint8Array, at: number): number => ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)

/** Where the data and Le of a command are; undefined where its lengths contradict each other. */
function layout(octets: Uint8Array): { extended: boolean; start: number; end: number; le?: number } | undefined {
  const size = octets.length
  const third = octets[4]
  if (third === undefined) return { extended: false, start: 4, end: 4 }
  if (size === 5) return { extended: false, start: 5, end: 5, le: third || 0x100 }
  const extended = third === 0
  // Extended Lc and Le need their leading 00.
  if (extended && size < 7) return undefined
  if (extended && size === 7) return { extended, start: 7, end: 7, le: be16(octets, 5) || 0x10000 }
  const start = extended ? 7 : 5
  const length = extended ? be16(octets, 5) : third
  if (length === 0) return undefined
  const end = start + length
  if (size === end) return { extended, start, end }
  if (size !== end + (extended ? 2 : 1)) return undefined
  return { extended, start, end, le: extended ? be16(octets, end) || 0x10000 : octets[end] || 0x100 }
}

/** The command in `octets`; undefined for wrong lengths, which a card answers with 6700. */
export function parseCommand(octets: Uint8Array): CommandApdu | undefined {
  const [cla, ins, p1, p2] = [octets[0], octets[1], octets[2], octets[3]]
  if (cla === undefined || ins === undefined || p1 === undefined || p2 === undefined) return undefined
  const found = layout(octets)
  if (found === undefined) return undefined
  const { extended, start, end, le } = found
  return { cla, ins, p1, p2, data: octets.subarray(start, end), le, extended }
}

const isOctet = (number: number): boolean => (number & 0xff) === number

/**
 * The octets of a command. `le` of 256 (65536 when extended) is written as zero.
 * @throws RangeError for a command that does not fit: a mistake of the program; `splitChain` is for long data
 */
export function encodeCommand({ cla, ins, p1, p2, data, le, extended }: CommandApdu): Uint8Array {
  const [mostData, mostLe] = extended ? [0xffff, 0x10000] : [0xff, 0x100]
  if (!isOctet(cla) || !isOctet(ins) || !isOctet(p1) || !isOctet(p2)) {
    throw new RangeError('CLA, INS, P1 and P2 of a command are one octet each.')
  }
  if (data.length > mostData) throw new RangeError(`${data.length} octets of data do not fit into one command.`)
  if (le !== undefined && (!Number.isInteger(le) || le < 1 || le > mostLe)) {
    throw new RangeError(`Le is from 1 to ${mostLe}.`)
  }
  // Extended lengths are two octets, the first of them after a zero.
  const size = extended ? 2 : 1
  const lengths = (data.length > 0 ? size : 0) + (le === undefined ? 0 : size)
  const mark = extended && lengths > 0 ? 1 : 0
  const octets = space(4 + mark + lengths + data.length)
  octets[0] = cla
  octets[1] = ins
  octets[2] = p1
  octets[3] = p2
  let at = 4 + mark
  if (data.length > 0) {
    at = putLength(octets, at, data.length, size)
    octets.set(data, at)
    at += data.length
  }
  if (le !== undefined) putLength(octets, at, le, size)
  return octets
}

function putLength(octets: Uint8Array, at: number, length: number, size: number): number {
  if (size === 2) octets[at] = length >>> 8
  octets[at + size - 1] = length
  return at + size
}
