// Frames of vpcd (vsmartcard, virtualsmartcard/src/vpcd/vpcd.c): two octets of length, most significant first, then the
// payload. Frames carry PINs: what was read is overwritten as soon as it is no longer needed.
import { space } from '../../bytes.ts'

const HEADER = 2
export const LONGEST_FRAME = 0xffff

/** Not a frame: the connection cannot be used any more. */
export class FrameError extends Error {
  override name = 'FrameError'
}

/** Assembles frames from the pieces received. Holds at most one frame and one more piece. */
export class FrameReader {
  /** Longest piece that `push` takes while there is no complete frame. */
  readonly longestPiece: number
  readonly #octets: Uint8Array
  #filled = 0

  constructor(longestPiece: number) {
    this.longestPiece = longestPiece
    this.#octets = space(HEADER + LONGEST_FRAME + longestPiece)
  }

  /** Whether there is room for a piece of any length. */
  get hasRoom(): boolean {
    return this.#filled <= this.#octets.length - this.longestPiece
  }

  /** Payload of the first frame, not copied: valid until `drop`. @throws FrameError for an empty one */
  get frame(): Uint8Array | undefined {
    const end = this.#end
    if (end === HEADER) throw new FrameError('A frame of no octets.')
    return this.#filled < end ? undefined : this.#octets.subarray(HEADER, end)
  }

  /** Takes a copy of `piece`. @throws RangeError without room for it: a bug in the caller */
  push(piece: Uint8Array): void {
    this.#octets.set(piece, this.#filled)
    this.#filled += piece.length
  }

  /** Overwrites the first frame; the next one takes its place. */
  drop(): void {
    const end = Math.min(this.#end, this.#filled)
    this.#octets.copyWithin(0, end, this.#filled)
    this.#octets.fill(0, this.#filled - end, this.#filled)
    this.#filled -= end
  }

  /** Overwrites everything. */
  clear(): void {
    this.#octets.fill(0, 0, this.#filled)
    this.#filled = 0
  }

  /** End of the first frame; Infinity until its length is known. */
  get #end(): number {
    const [high = 0, low = 0] = this.#octets
    return this.#filled < HEADER ? Number.POSITIVE_INFINITY : HEADER + ((high << 8) | low)
  }
}

/** `payload` as a frame, to be written in one piece and wiped by the caller. @throws RangeError unless it has 1 to 65535 octets */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  const { length } = payload
  if (length < 1 || length > LONGEST_FRAME) throw new RangeError(`${length} octets do not fit into a frame.`)
  const frame = space(HEADER + length)
  frame.set([length >> 8, length & 0xff])
  frame.set(payload, HEADER)
  return frame
}
