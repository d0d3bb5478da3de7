// p11-kit's framing: an octet of version each way, then frames of 12 octets (number of the call, length of the options,
// length of the message), options and message.
import { copyOf } from '../../bytes.ts'
import { ReceivedOctets } from '../received-octets.ts'

/** What comes is no frame: nothing can be read after it. */
export class FrameError extends Error {
  override name = 'FrameError'
}

const HEADER = 12
/** The name of a module, which is the same in every frame. */
const LONGEST_OPTIONS = 4096
/** Programs sign long messages in parts. */
export const LONGEST_MESSAGE = 1024 * 1024
/** The protocol as it was before PKCS #11 3.0: newer programs speak it too. */
export const VERSION = 0
/** Most frames fit into it. */
const USUAL = 2048

export interface Frame {
  /** Programs with several threads tell their calls apart by it. */
  readonly code: number
  /** A copy, to be wiped. */
  readonly message: Uint8Array
}

export class FrameReader {
  readonly #received = new ReceivedOctets(USUAL)

  /** Whether a frame has begun that is not complete. */
  get inside(): boolean {
    return this.#received.length > 0
  }

  /** Whether there is room for another piece before the first frame is taken. */
  get hasRoom(): boolean {
    return this.#received.length <= HEADER + LONGEST_OPTIONS + LONGEST_MESSAGE
  }

  push(piece: Uint8Array): void {
    this.#received.push(piece)
  }

  /** The version that the program can speak; undefined while it is not there. */
  takeVersion(): number | undefined {
    const [version] = this.#received.there
    if (version !== undefined) this.#received.drop(1)
    return version
  }

  /** Takes the first frame out; undefined while it is not complete. @throws FrameError */
  take(): Frame | undefined {
    const { there } = this.#received
    if (there.length < HEADER) return undefined
    const view = new DataView(there.buffer, there.byteOffset, there.byteLength)
    const [code, options, length] = [view.getUint32(0), view.getUint32(4), view.getUint32(8)]
    if (options > LONGEST_OPTIONS || length > LONGEST_MESSAGE) throw new FrameError('A frame is too long.')
    const start = HEADER + options
    if (there.length < start + length) return undefined
    const message = copyOf(there.subarray(start, start + length))
    this.#received.drop(start + length)
    return { code, message }
  }

  clear(): void {
    this.#received.clear()
  }
}

/** The frame that answers a call: its header. */
export function frameHeader(code: number, length: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(HEADER))
  header.setUint32(0, code)
  header.setUint32(8, length)
  return new Uint8Array(header.buffer)
}
