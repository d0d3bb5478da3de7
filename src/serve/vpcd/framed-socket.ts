// Frames over a TCP connection. Frames carry PINs, so Node reads into one buffer of ours, which is overwritten when its
// content has been taken.
import { connect, type OnReadOpts, type Socket } from 'node:net'
import { space, wipe } from '../../bytes.ts'
import { adopt, descriptorOf } from '../../doors/socket-handle.ts'
import { native } from '../../native.ts'
import { encodeFrame, FrameError, FrameReader } from './framing.ts'

/**
 * How long a peer may take to send its next frame, and to read one of ours, in milliseconds. vpcd asks for the ATR every
 * 400 ms. If it stops, it waits for an answer that never comes: a program has sent an APDU of one octet, and vpcd
 * mistook it for a control code.
 */
const PATIENCE = 10_000
/** A chained PIV command has at most 261 octets; a longer one comes in several pieces. */
const PIECE = 4096

export class FramedSocket {
  readonly socket: Socket
  readonly #reader = new FrameReader(PIECE)
  readonly #patience: number
  #timer: NodeJS.Timeout | undefined
  #wake = () => {}
  /** Stops reading until the frame is taken. */
  #full = false
  #failure: Error | undefined

  private constructor(open: (onread: OnReadOpts) => Socket, patience = PATIENCE) {
    this.#patience = patience
    const buffer = space(PIECE)
    this.socket = open({
      buffer,
      callback: (count) => {
        const piece = buffer.subarray(0, count)
        this.#reader.push(piece)
        wipe(piece)
        return this.#arrived()
      },
    })
    this.socket.setNoDelay(true)
    this.socket.on('error', () => undefined).on('close', () => this.#wake())
  }

  static dial(port: number, host: string, patience?: number): FramedSocket {
    return new FramedSocket((onread) => connect({ port, host, onread }), patience)
  }

  /** Takes over a connection accepted with `pauseOnConnect`, from which nothing was read yet. */
  static adopt(accepted: Socket, patience?: number): FramedSocket {
    return new FramedSocket((onread) => adopt(accepted, onread), patience)
  }

  /** Resolves to whether the connection was made. */
  async connected(): Promise<boolean> {
    const { socket } = this
    if (!socket.connecting) return !socket.destroyed
    return new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('close', () => resolve(false))
    })
  }

  /**
   * The payload of each frame. It is overwritten when the next one is requested. Ends with the connection.
   * @throws FrameError for an invalid frame, or a peer that falls silent
   */
  async *frames(): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (;;) {
        if (this.socket.destroyed) break
        const { frame } = this.#reader
        if (frame !== undefined) {
          clearTimeout(this.#timer)
          yield frame
          this.#reader.drop()
          this.#timer = setTimeout(() => this.#fail('It has said nothing more for too long.'), this.#patience)
          if (this.#full && this.#reader.hasRoom) this.#readOn()
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      }
      if (this.#failure !== undefined) throw this.#failure
    } finally {
      this.#reader.clear()
      this.destroy()
    }
  }

  /** Writes one frame in one piece; resolves when it is written or the connection has ended. */
  async send(payload: Uint8Array): Promise<void> {
    const frame = encodeFrame(payload)
    const timer = setTimeout(() => this.#fail('It does not read what it has asked for.'), this.#patience)
    await new Promise<void>((resolve) => this.socket.write(frame, () => resolve()))
    clearTimeout(timer)
    wipe(frame)
  }

  destroy(): void {
    clearTimeout(this.#timer)
    this.socket.destroy()
  }

  /** Whether more is to be read. */
  #arrived(): boolean {
    this.#acknowledge()
    this.#wake()
    this.#full = !this.#reader.hasRoom
    return !this.#full
  }

  #readOn(): void {
    this.#full = false
    this.socket.resume()
  }

  /** vpcd writes length and payload separately, and the kernel sends the second only when the first is acknowledged. */
  #acknowledge(): void {
    const fd = descriptorOf(this.socket)
    if (fd !== undefined) native().setQuickAck(fd)
  }

  #fail(why: string): void {
    this.#failure = new FrameError(why)
    this.destroy()
  }
}
