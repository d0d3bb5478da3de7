// The service: readers, and the programs that use them.
import type { Socket } from 'node:net'
import type { CardChannel } from '../../channel.ts'
import type { PcscError } from '../../errors.ts'
import { UsageError } from '../../errors.ts'
import { type LocalServer, listenLocally } from '../local-server.ts'
import { Client } from './client.ts'
import { leaveAll } from './connections.ts'
import { LONGEST_ATR, LONGEST_NAME, USUAL_ROWS } from './reader-table.ts'
import type { Requests } from './requests.ts'
import type { Session } from './session.ts'
import { Slot } from './slot.ts'

/** A reader with a card in it. */
export interface CardInReader {
  /** As programs show it: at most 127 octets. */
  readonly reader: string
  readonly channel: CardChannel
}

export interface PcscServiceOptions {
  /** Milliseconds after the last program has left until the card forgets what was verified, as pcscd powers it down. 5000 unless given. */
  readonly grace?: number
  /**
   * Rows of the table of readers that programs up to protocol 4:5 are sent: 16 unless given. It is compiled into
   * libpcsclite, and some distributions have another number.
   */
  readonly rows?: number
  /** How long a program may stop in the middle of a message, in milliseconds. 10 000 unless given. */
  readonly patience?: number
  /** A command was answered with 6F00, and why; without any part of the command. */
  readonly onTrouble?: (error: unknown) => void
  /** A program of another user was sent away. */
  readonly onRefused?: (error: PcscError) => void
}

const DEFAULTS = { grace: 5000, patience: 10_000 } as const
/** Each takes a descriptor. */
const MOST_CLIENTS = 512
const MOST_READERS = 64

export class PcscService {
  readonly #slots: Slot[] = []
  readonly #clients = new Set<Client>()
  readonly #leaving = new Set<Promise<void>>()
  readonly #options: PcscServiceOptions
  readonly #requests: Requests
  #server: LocalServer | undefined

  private constructor(cards: readonly CardInReader[], options: PcscServiceOptions) {
    this.#options = options
    checkReaders(cards)
    for (const { reader, channel } of cards) this.#slots.push(this.#slot(reader, channel))
    this.#requests = {
      slots: this.#slots,
      rows: options.rows ?? USUAL_ROWS,
      events: this.#slots.length,
      sessionWith: (context) => this.#sessions().find((session) => session.context === context),
      changed: () => {
        for (const session of this.#sessions()) session.signal()
      },
    }
  }

  /** @throws UsageError ERR_USAGE; FileError ERR_CARD_BUSY where another process listens there */
  static async open(
    path: string,
    cards: readonly CardInReader[],
    options: PcscServiceOptions = {},
  ): Promise<PcscService> {
    const service = new PcscService(cards, options)
    service.#server = await listenLocally(path, {
      admit: (socket) => service.#admit(socket),
      refuse: (error) => options.onRefused?.(error),
    })
    return service
  }

  /** Takes the card out of a reader: every program that uses it is told. @throws UsageError ERR_USAGE */
  takeOut(reader: string): void {
    this.#slotOf(reader).takeOut()
  }

  /** Puts a card into a reader, in place of the one that is there. @throws UsageError ERR_USAGE */
  putIn(reader: string, channel: CardChannel): void {
    checkAtr(reader, channel)
    this.#slotOf(reader).putIn(channel)
  }

  /** Ends every connection. What was verified is forgotten. */
  async close(): Promise<void> {
    await this.#server?.close()
    for (const client of this.#clients) {
      client.destroy()
      client.session.end()
    }
    await Promise.all([...this.#sessions().map((session) => leaveAll(session, this.#requests)), ...this.#leaving])
    await Promise.all(this.#slots.map((slot) => slot.close()))
  }

  #sessions(): Session[] {
    return [...this.#clients].map(({ session }) => session)
  }

  #admit(socket: Socket): void {
    if (this.#clients.size >= MOST_CLIENTS) {
      socket.destroy()
      return
    }
    const client = new Client(socket, {
      requests: this.#requests,
      patience: this.#options.patience ?? DEFAULTS.patience,
      ended: (gone) => {
        this.#clients.delete(gone)
        const leaving = leaveAll(gone.session, this.#requests).finally(() => this.#leaving.delete(leaving))
        this.#leaving.add(leaving)
      },
    })
    this.#clients.add(client)
  }

  #slot(reader: string, channel: CardChannel): Slot {
    return new Slot(reader, channel, {
      changed: () => this.#requests.changed(),
      trouble: (error) => this.#options.onTrouble?.(error),
      grace: this.#options.grace ?? DEFAULTS.grace,
    })
  }

  #slotOf(reader: string): Slot {
    const slot = this.#slots.find((one) => one.reader.name === reader)
    if (slot === undefined) throw new UsageError('ERR_USAGE', `There is no reader '${reader}' here.`)
    return slot
  }
}

function checkReaders(cards: readonly CardInReader[]): void {
  const names = cards.map(({ reader }) => reader)
  const wrong = names.find((name) => !/^[^\p{Cc}]+$/u.test(name) || Buffer.byteLength(name) > LONGEST_NAME)
  if (wrong !== undefined) {
    const message = `A reader cannot be called ${JSON.stringify(wrong.slice(0, 64))}. Use 1 to ${LONGEST_NAME} octets without control characters.`
    throw new UsageError('ERR_USAGE', message)
  }
  if (new Set(names).size < names.length) throw new UsageError('ERR_USAGE', 'Two readers have the same name.')
  if (cards.length > MOST_READERS) throw new UsageError('ERR_USAGE', `There can be ${MOST_READERS} readers at most.`)
  for (const { reader, channel } of cards) checkAtr(reader, channel)
}

function checkAtr(reader: string, { atr }: CardChannel): void {
  if (atr.length > 0 && atr.length <= LONGEST_ATR) return
  throw new UsageError('ERR_USAGE', `The card for '${reader}' has no valid ATR: 1 to ${LONGEST_ATR} octets.`)
}
