/**
 * A trace as Wireshark reads it: pcapng (draft-ietf-opsawg-pcapng). TPM commands are in TCP to port 2321, where its dissector
 * of TPM 2.0 looks; APDUs in I-blocks of ISO/IEC 14443-4, which it takes for ISO 7816 when told to (docs/trace.md). Octets
 * that are not shown are zero.
 */
import { concat } from '../../bytes.ts'
import type { TraceEntry } from '../entry.ts'
import { octetsOf } from './names.ts'

/** Link types: tcpdump.org/linktypes.html. */
const LINKS = { apdu: 264, tpm: 101 } as const
const INTERFACES = { apdu: 0, tpm: 1 } as const
const TPM_PORT = 2321
const FIRST_CLIENT_PORT = 49_152
/** Events of LINKTYPE_ISO_14443: data without its CRC, from and to the reader. */
const EVENT = { toCard: 0xfa, toReader: 0xfb } as const
const I_BLOCK = 0x02
const LOOPBACK = [127, 0, 0, 1] as const
const ACK_AND_PUSH = 0x18

type Way = 'command' | 'answer'

/** Numbers of one octet order, one after the other. */
function numbers(order: 'big' | 'little', ...fields: ReadonlyArray<readonly [size: 1 | 2 | 4 | 8, value: number]>) {
  const octets = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0))
  const view = new DataView(octets.buffer)
  let at = 0
  for (const [size, value] of fields) {
    if (size === 1) view.setUint8(at, value)
    else if (size === 2) view.setUint16(at, value, order === 'little')
    else if (size === 4) view.setUint32(at, value, order === 'little')
    else view.setBigInt64(at, BigInt(value), order === 'little')
    at += size
  }
  return octets
}

/** A block of pcapng: padded to four octets, its length before and behind. */
function block(type: number, body: Uint8Array): Uint8Array {
  const padding = new Uint8Array((4 - (body.length % 4)) % 4)
  const size = body.length + padding.length + 12
  return concat(numbers('little', [4, type], [4, size]), body, padding, numbers('little', [4, size]))
}

export class Pcapng {
  /** Sequence numbers of each TPM's connection, and its port. */
  readonly #connections = new Map<string, { port: number; command: number; answer: number }>()
  #block = 0

  /** What the file begins with. */
  head(): Uint8Array {
    return concat(
      block(0x0a0d0d0a, numbers('little', [4, 0x1a2b3c4d], [2, 1], [2, 0], [8, -1])),
      block(1, numbers('little', [2, LINKS.apdu], [2, 0], [4, 0])),
      block(1, numbers('little', [2, LINKS.tpm], [2, 0], [4, 0])),
    )
  }

  /** The packets of one exchange. */
  packets(entry: TraceEntry): Uint8Array {
    const { kind, time, took, command, answer } = entry
    const packet =
      kind === 'apdu' ? this.#iBlock.bind(this) : (way: Way, octets: Uint8Array) => this.#tcp(way, octets, entry)
    const sent = enhancedPacket(kind, time, packet('command', octetsOf(command)))
    if (answer === undefined) return sent
    return concat(sent, enhancedPacket(kind, time + took, packet('answer', octetsOf(answer))))
  }

  #iBlock(way: Way, octets: Uint8Array): Uint8Array {
    const event = way === 'command' ? EVENT.toCard : EVENT.toReader
    const content = concat(Uint8Array.of(I_BLOCK | this.#block), octets)
    if (way === 'answer') this.#block ^= 1
    return concat(numbers('big', [1, 0], [1, event], [2, content.length]), content)
  }

  /** RFC 791 and RFC 9293, without checksums: on the loopback interface nobody makes them. */
  #tcp(way: Way, octets: Uint8Array, { to, process }: TraceEntry): Uint8Array {
    const key = `${process} ${to}`
    const connection = this.#connections.get(key) ?? {
      port: FIRST_CLIENT_PORT + (this.#connections.size % 16_384),
      command: 1,
      answer: 1,
    }
    this.#connections.set(key, connection)
    const { port } = connection
    const [source, destination] = way === 'command' ? [port, TPM_PORT] : [TPM_PORT, port]
    const other = way === 'command' ? 'answer' : 'command'
    const size = 40 + octets.length
    const address = LOOPBACK.map((octet) => [1, octet] as const)
    const packet = concat(
      numbers('big', [1, 0x45], [1, 0], [2, size], [4, 0], [1, 64], [1, 6], [2, 0], ...address, ...address),
      numbers('big', [2, source], [2, destination], [4, connection[way]], [4, connection[other]]),
      numbers('big', [1, 0x50], [1, ACK_AND_PUSH], [2, 0xffff], [4, 0]),
      octets,
    )
    connection[way] = (connection[way] + octets.length) >>> 0
    return packet
  }
}

function enhancedPacket(kind: TraceEntry['kind'], time: number, packet: Uint8Array): Uint8Array {
  const microseconds = BigInt(Math.round(time * 1000))
  const [high, low] = [Number(microseconds >> 32n), Number(microseconds & 0xffff_ffffn)]
  const { length } = packet
  return block(
    6,
    concat(numbers('little', [4, INTERFACES[kind]], [4, high], [4, low], [4, length], [4, length]), packet),
  )
}
