// A Unix socket for p11-kit-client.so: each connection is one program.
import type { OnReadOpts, Socket } from 'node:net'
import type { PcscError } from '../../errors.ts'
import { type LocalServer, listenLocally } from '../local-server.ts'
import { adopt } from '../socket-handle.ts'
import { Connection } from './connection.ts'
import { Conversation } from './conversation.ts'
import { Program } from './program.ts'
import type { CardSource } from './token.ts'

export interface Pkcs11ServiceOptions {
  /** The fewest tries with which a PIN or PUK is still sent to a card. 2 unless given: the last one is kept. */
  readonly minTriesLeft?: number
  /** How long a program may stop in the middle of a call, in milliseconds. 10 000 unless given. */
  readonly patience?: number
  /** A call was answered with CKR_DEVICE_ERROR, and why; without any part of the call. */
  readonly onTrouble?: (error: unknown) => void
  /** A program of another user was sent away. */
  readonly onRefused?: (error: PcscError) => void
}

export const DEFAULTS = { minTriesLeft: 2, patience: 10_000 } as const
/** Each takes a descriptor. */
const MOST_PROGRAMS = 512

export class Pkcs11Service {
  readonly #cards: readonly CardSource[]
  readonly #options: Pkcs11ServiceOptions
  readonly #connections = new Set<Connection>()
  #server: LocalServer | undefined

  private constructor(cards: readonly CardSource[], options: Pkcs11ServiceOptions) {
    this.#cards = cards
    this.#options = options
  }

  /** @throws FileError ERR_CARD_BUSY where another process listens there */
  static async open(
    path: string,
    cards: readonly CardSource[],
    options: Pkcs11ServiceOptions = {},
  ): Promise<Pkcs11Service> {
    const service = new Pkcs11Service(cards, options)
    service.#server = await listenLocally(path, {
      admit: (socket) => service.#admit(socket),
      refuse: (error) => options.onRefused?.(error),
    })
    return service
  }

  /** Ends every connection. What was proved is forgotten. */
  async close(): Promise<void> {
    await this.#server?.close()
    const connections = [...this.#connections]
    for (const connection of connections) connection.destroy()
    await Promise.all(connections.map(({ ended }) => ended))
  }

  #admit(socket: Socket): void {
    if (this.#connections.size >= MOST_PROGRAMS) {
      socket.destroy()
      return
    }
    const { minTriesLeft = DEFAULTS.minTriesLeft, patience = DEFAULTS.patience, onTrouble } = this.#options
    const trouble = (error: unknown) => onTrouble?.(error)
    const conversation = new Conversation(new Program(this.#cards, minTriesLeft), trouble)
    const ends = { input: (onread: OnReadOpts) => adopt(socket, onread) }
    const connection = new Connection(ends, conversation, { patience, trouble })
    this.#connections.add(connection)
    void connection.ended.then(() => this.#connections.delete(connection))
  }
}
