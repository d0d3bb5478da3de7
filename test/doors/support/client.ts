// A program that uses PC/SC, whose every octet a test decides.
import {
  type CommandName,
  encode,
  type FieldOf,
  fieldsOf,
  lengthOf,
  Message,
  readNumber,
} from '../../../src/doors/pcsc/messages.ts'
import { connected, RawSocket } from './raw-socket.ts'

export const TABLE = 16 * 184

type Fields<Name extends CommandName> = { readonly [Field in FieldOf<Name>]?: number | Uint8Array }

export class RawClient extends RawSocket {
  #written = Promise.resolve()

  static async open(path: string): Promise<RawClient> {
    return new RawClient(await connected(path))
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
}
