// The worker thread: Node's own TLS, in which a signature may block. It has no card: the keys that it is given are those of
// the provider in OpenSSL, which asks the main thread for signatures.

import { connect, type TLSSocket } from 'node:tls'
import { parentPort } from 'node:worker_threads'
import { isError } from '../errors.ts'
import { native } from '../native.ts'
import { type ErrorParts, type Facts, type FromSockets, TELL_AT, type ToSockets, WINDOW } from './messages.ts'

// Node joins this thread when it is terminated or its parent ends, so it has to notice that while a card signs.
native().watchThreadTermination()

const lines = new Map<number, Line>()

function say(message: FromSockets, octets?: Uint8Array<ArrayBuffer>): void {
  parentPort?.postMessage(message, octets === undefined ? [] : [octets.buffer])
}

/** One connection. */
class Line {
  readonly #id: number
  readonly #socket: TLSSocket
  /** Octets sent to the main thread and not acknowledged. */
  #underWay = 0
  /** Octets that the socket took and that are not acknowledged to the main thread yet. */
  #taken = 0

  constructor({ line, options, identity }: ToSockets & { readonly do: 'connect' }) {
    this.#id = line
    this.#socket = connect({ ...options, ...identity })
    this.#socket
      .on('connect', () => say({ say: 'connected', line, addresses: addressesOf(this.#socket) }))
      .on('secureConnect', () => say({ say: 'secure', line, facts: factsOf(this.#socket) }))
      .on('data', (octets: Buffer) => this.#received(octets))
      .on('end', () => say({ say: 'end', line }))
      .on('error', (error) => say({ say: 'error', line, error: partsOf(error) }))
      .on('close', () => {
        lines.delete(line)
        say({ say: 'closed', line })
      })
  }

  handle(message: ToSockets): void {
    const socket = this.#socket
    switch (message.do) {
      case 'data':
        socket.write(message.octets, (error) => error == null && this.#wrote(message.octets.length))
        break
      case 'taken':
        this.#underWay -= message.count
        if (this.#underWay < WINDOW) socket.resume()
        break
      case 'end':
        socket.end(() => say({ say: 'finished', line: this.#id }))
        break
      case 'destroy':
        socket.destroy()
        break
      case 'keepAlive':
        socket.setKeepAlive(message.on, message.delay)
        break
      case 'noDelay':
        socket.setNoDelay(message.on)
        break
      case 'export':
        say({ say: 'exported', line: this.#id, call: message.call, octets: exported(socket, message) })
    }
  }

  #received(octets: Buffer): void {
    this.#underWay += octets.length
    if (this.#underWay >= WINDOW) this.#socket.pause()
    // Cloning a view of Node's pool would clone the whole pool.
    const copy = new Uint8Array(octets)
    say({ say: 'data', line: this.#id, octets: copy }, copy)
  }

  #wrote(count: number): void {
    this.#taken += count
    if (this.#taken < TELL_AT && this.#socket.writableLength > 0) return
    say({ say: 'taken', line: this.#id, count: this.#taken })
    this.#taken = 0
  }
}

const addressesOf = ({ remoteAddress, remotePort, remoteFamily, localAddress, localPort }: TLSSocket) => ({
  remoteAddress,
  remotePort,
  remoteFamily,
  localAddress,
  localPort,
})

function factsOf(socket: TLSSocket): Facts {
  const certificate = socket.getPeerCertificate(true)
  const error: unknown = socket.authorizationError
  return {
    authorized: socket.authorized,
    authorizationError: error == null ? undefined : String(isError(error) ? error.message : error),
    protocol: socket.getProtocol(),
    cipher: socket.getCipher(),
    alpnProtocol: socket.alpnProtocol,
    servername: (socket as { servername?: string | false }).servername ?? null,
    ephemeralKey: socket.getEphemeralKeyInfo(),
    certificate: certificate.raw === undefined ? undefined : certificate,
  }
}

function exported(socket: TLSSocket, { length, label, context }: ToSockets & { do: 'export' }): Uint8Array | undefined {
  try {
    // Before TLS 1.3 no context differs from an empty one; Node's types do not allow none.
    const given = [length, label, ...(context === undefined ? [] : [Buffer.from(context)])]
    return new Uint8Array(socket.exportKeyingMaterial(...(given as [number, string, Buffer])))
  } catch {
    return undefined
  }
}

const isPlain = (value: unknown): boolean =>
  ['string', 'number', 'boolean'].includes(typeof value) || (Array.isArray(value) && value.every(isPlain))

function partsOf(error: Error): ErrorParts {
  const fields = Object.fromEntries(Object.entries(error).filter(([, value]) => isPlain(value)))
  const parts = { message: error.message, fields: { ...codeOf(error), ...fields } }
  return isError(error) && 'errors' in error && Array.isArray(error.errors)
    ? { ...parts, errors: error.errors.map(partsOf) }
    : parts
}

/** Some errors inherit it from their class. */
const codeOf = (error: Error) => ('code' in error ? { code: error.code } : {})

parentPort?.on('message', (message: ToSockets) => {
  if (message.do !== 'connect') return void lines.get(message.line)?.handle(message)
  try {
    lines.set(message.line, new Line(message))
  } catch (error) {
    // Node refuses an option, or certificate and key do not match.
    say({ say: 'error', line: message.line, error: partsOf(error as Error) })
  }
})
