// What a proxy stands in front of: a TPM that takes one command at a time.
import { connect, type Socket } from 'node:net'

export interface Backend {
  transmit(command: Uint8Array): Promise<Uint8Array>
  /** Lets go of the TPM; the next command takes it again. */
  release?(): void
}

export const HEADER = 10
export const MAX_MESSAGE = 4096

/** Cuts a stream into TPM messages, which carry their length in octets 2 to 5. */
export class Frames {
  #pending: Buffer = Buffer.alloc(0)

  /** Adds octets; returns the whole messages so far. Throws where a length makes no sense. */
  push(bytes: Uint8Array): Uint8Array[] {
    this.#pending = Buffer.concat([this.#pending, bytes])
    const whole: Uint8Array[] = []
    while (this.#pending.length >= HEADER) {
      const size = this.#pending.readUInt32BE(2)
      if (size < HEADER || size > MAX_MESSAGE) throw new RangeError(`message of ${size} octets`)
      if (this.#pending.length < size) break
      whole.push(new Uint8Array(this.#pending.subarray(0, size)))
      this.#pending = this.#pending.subarray(size)
    }
    return whole
  }
}

interface Waiting {
  readonly resolve: (answer: Uint8Array) => void
  readonly reject: (error: Error) => void
}

/** The data socket of a swtpm: connected by the first command, and again after it broke. */
export class SocketBackend implements Backend {
  readonly #path: string
  #socket: Socket | undefined
  #waiting: Waiting | undefined

  constructor(path: string) {
    this.#path = path
  }

  transmit(command: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      const socket = this.#socket ?? this.#open()
      socket.ref()
      socket.write(command)
    })
  }

  release(): void {
    this.#socket?.destroy(new Error('released'))
  }

  #open(): Socket {
    const socket = connect(this.#path)
    const frames = new Frames()
    const settle = (how: (waiting: Waiting) => void): void => {
      if (this.#socket !== socket) return
      const waiting = this.#waiting
      this.#waiting = undefined
      socket.unref()
      if (waiting !== undefined) how(waiting)
    }
    const lost = (why: string): void => {
      settle((waiting) => waiting.reject(new Error(`the TPM behind the proxy is gone: ${why}`)))
      if (this.#socket === socket) this.#socket = undefined
    }
    socket.on('data', (bytes) => {
      for (const answer of frames.push(bytes)) settle((waiting) => waiting.resolve(answer))
    })
    socket.on('error', (error) => lost(error.message))
    socket.on('close', () => lost('closed'))
    this.#socket = socket
    return socket
  }
}
