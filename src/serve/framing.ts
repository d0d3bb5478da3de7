// Frames of vpcd (vsmartcard, virtualsmartcard/src/vpcd/vpcd.c): two octets of length, most significant first, then so
// many octets. Pure. Frames carry PINs: whatever was read is overwritten as soon as it is done with.
import { space } from '../bytes.ts'

const HEADER = 2
export const LONGEST_FRAME = 0xffff

/** Octets that are no frame: the connection they came from is good for nothing more. */
export class FrameError extends Error {
  override name = 'FrameError'
}

/** Puts frames together from pieces as they come. Holds one frame at most, and one piece beyond it. */
export class FrameReader {
  /** Longest piece that `push` takes while no frame is there. */
  readonly longestPiece: number
  readonly #octets: Uint8Array
  #filled = 0

  constructor(longestPiece: number) {
    this.longestPiece = longestPiece
    this.#octets = space(HEADER + LONGEST_FRAME + longestPiece)
  }

  /** Whether a piece of any length may come. */
  get hasRoom(): boolean {
    return this.#filled <= this.#octets.length - this.longestPiece
  }

  /** What the first frame holds, where it lies: good until `drop`. @throws FrameError for one that holds nothing */
  get frame(): Uint8Array | undefined {
    const end = this.#end
    if (end === HEADER) throw new FrameError('A frame of no octets.')
    return this.#filled < end ? undefined : this.#octets.subarray(HEADER, end)
  }

  /** Takes a copy of `piece`. @throws RangeError where there is no room for it: a mistake of the program */
  push(piece: Uint8Array): void {
    this.#octets.set(piece, this.#filled)
    this.#filled += piece.length
  }

  /** Overwrites the first frame; what came after it is the first now. */
  drop(): void {
    const end = Math.min(this.#end, this.#filled)
    this.#octets.copyWithin(0, end, this.#filled)
    this.#octets.fill(0, this.#filled - end, this.#filled)
    this.#filled -= end
  }

  /** Overwrites all there is. */
  clear(): void {
    this.#octets.fill(0, 0, this.#filled)
    this.#filled = 0
  }

  /** Where the first frame ends; infinitely far while its length is not there. */
  get #end(): number {
    const [high = 0, low = 0] = this.#octets
    return this.#filled < HEADER ? Number.POSITIVE_INFINITY : HEADER + ((high << 8) | low)
  }
}

/** `payload` as a frame, to be written in one piece; the caller's to wipe. @throws RangeError unless it has 1 to 65535 octets */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  const { length } = payload
  if (length < 1 || length > LONGEST_FRAME) throw new RangeError(`${length} octets do not fit into a frame.`)
  const frame = space(HEADER + length)
  frame.set([length >> 8, length & 0xff])
  frame.set(payload, HEADER)
  return frame
}
