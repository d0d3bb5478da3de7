// A program that uses PC/SC, whose every octet a test decides.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  type CommandName,
  encode,
  type FieldOf,
  fieldsOf,
  lengthOf,
  Message,
  readNumber,
} from '../../../src/doors/pcsc/messages.ts'
import { within } from '../../support/temp.ts'

const LIMIT_MS = 120_000
export const TABLE = 16 * 184

type Fields<Name extends CommandName> = { readonly [Field in FieldOf<Name>]?: number | Uint8Array }

export class RawClient {
  readonly socket: Socket
  #octets = Buffer.alloc(0)
  #wake = () => {}
  #written = Promise.resolve()
  readonly #ended: Promise<unknown>

  private constructor(socket: Socket) {
    this.socket = socket
    this.#ended = new Promise((resolve) => socket.once('close', resolve))
    socket
      .on('error', () => undefined)
      .on('data', (piece: Buffer) => {
        this.#octets = Buffer.concat([this.#octets, piece])
        this.#wake()
      })
    void this.#ended.then(() => this.#wake())
  }

  static async open(path: string): Promise<RawClient> {
    const socket = connect(path)
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** With the version said and a context. */
  static async ready(path: string, minor = 4): Promise<RawClient & { context: number }> {
    const client = await RawClient.open(path)
    await client.ask('version', { major: 4, minor })
    const { context } = await client.ask('establishContext')
    return Object.assign(client, { context: context as number })
  }

  write(octets: Uint8Array): void {
    this.#written = new Promise((resolve) => this.socket.write(octets, () => resolve()))
  }

  /** Resolves when the kernel has what was written. */
  get written(): Promise<void> {
    return this.#written
  }

  tell<Name extends CommandName>(name: Name, fields: Fields<Name> = {}, data?: Uint8Array, empty = false): void {
    this.write(encode(name, fields, data, empty))
  }

  /** The next so many octets. */
  async heard(length: number): Promise<Buffer> {
    while (this.#octets.length < length) {
      if (this.socket.destroyed) throw new Error(`the connection has ended, with ${this.#octets.length} of ${length}`)
      await within(
        new Promise<void>((resolve) => {
          this.#wake = resolve
        }),
        LIMIT_MS,
        'an answer of the service',
      )
    }
    const taken = this.#octets.subarray(0, length)
    this.#octets = this.#octets.subarray(length)
    return taken
  }

  /** Nothing more has come than what was heard. */
  get isQuiet(): boolean {
    return this.#octets.length === 0
  }

  /** The numbers of the answer to what was told. */
  async answer<Name extends CommandName>(name: Name): Promise<{ readonly [Field in FieldOf<Name>]: number }> {
    const length = (lengthOf(encode(name)) ?? 0) - 8
    const message = new Message(name, await this.heard(length), new Uint8Array(0))
    const numbers = fieldsOf(name).map((field) => [field, message.get(field)])
    return Object.fromEntries(numbers) as { readonly [Field in FieldOf<Name>]: number }
  }

  async ask<Name extends CommandName>(
    name: Name,
    fields: Fields<Name> = {},
  ): Promise<{ readonly [Field in FieldOf<Name>]: number }> {
    this.tell(name, fields)
    return this.answer(name)
  }

  async rv<Name extends CommandName>(name: Name, fields: Fields<Name> = {}): Promise<number> {
    const answer = (await this.ask(name, fields)) as { readonly rv: number }
    return answer.rv
  }

  /** Connects; answers the whole answer. */
  connect(reader: string, fields: Fields<'connect'> = {}) {
    const context = (this as { context?: number }).context ?? 0
    const name = new Uint8Array(Buffer.from(reader))
    return this.ask('connect', { context, reader: name, shareMode: 2, protocols: 3, ...fields })
  }

  /** One APDU: the answer, or the return code. */
  async transmit(card: number, apdu: Uint8Array, fields: Fields<'transmit'> = {}): Promise<Uint8Array | number> {
    this.tell('transmit', { card, protocol: 2, sent: apdu.length, room: 65_548, ...fields }, apdu)
    const { rv, room } = await this.answer('transmit')
    return rv === 0 ? Uint8Array.from(await this.heard(room)) : rv
  }

  /** What a program that waits for a change is told. */
  async signal(): Promise<number> {
    return readNumber(await this.heard(8), 4)
  }

  /** Resolves when the service has closed the connection. */
  async ended(): Promise<void> {
    await within(this.#ended, LIMIT_MS, 'the end of the connection')
  }

  async close(): Promise<void> {
    this.socket.destroy()
    await this.ended()
  }
}
