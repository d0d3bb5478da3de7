// A card in a virtual reader: any channel, connected to a vpcd that listens.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { CardChannel } from '../../src/channel.ts'
import { within } from './temp.ts'

export interface Inserted {
  /** How often the card was powered down, up or reset. */
  readonly resets: number
  /** Every command APDU so far. */
  readonly commands: readonly Uint8Array[]
  /** Called before each command; what it answers is answered instead, `pull` pulls the card out. */
  intercept:
    | ((apdu: Uint8Array) => Uint8Array | 'pull' | undefined | Promise<Uint8Array | 'pull' | undefined>)
    | undefined
  /** Takes the card out. */
  pull(): Promise<void>
}

export interface InsertOptions {
  /** Instead of the channel's. */
  readonly atr?: Uint8Array
}

const LIMIT_MS = 15_000

/** Puts a card into the reader at `port`. PC/SC sees it within its poll of 0.4 s. */
export async function insertCard(port: number, card: CardChannel, options: InsertOptions = {}): Promise<Inserted> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await within(once(socket, 'connect'), LIMIT_MS, 'vpcd does not listen')
  const commands: Uint8Array[] = []
  const state = { resets: 0 }
  const inserted: Inserted = {
    get resets() {
      return state.resets
    },
    commands,
    intercept: undefined,
    pull: () => gone(socket),
  }

  async function answer(message: Uint8Array): Promise<Uint8Array | undefined> {
    if (message.length === 1) {
      if (message[0] === 0x04) return options.atr ?? card.atr
      state.resets += 1
      await card.transaction(() => card.reset())
      return undefined
    }
    commands.push(message)
    const instead = await inserted.intercept?.(message)
    if (instead === 'pull') {
      socket.destroy()
      return undefined
    }
    return instead ?? card.transaction(() => card.transmit(message))
  }

  let held: Buffer = Buffer.alloc(0)
  let work = Promise.resolve()
  socket.on('data', (piece) => {
    held = Buffer.concat([held, piece])
    while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
      const end = 2 + held.readUInt16BE(0)
      const message = Uint8Array.from(held.subarray(2, end))
      held = held.subarray(end)
      work = work.then(async () => {
        const octets = await answer(message)
        if (octets === undefined || socket.destroyed) return
        const frame = Buffer.alloc(2 + octets.length)
        frame.writeUInt16BE(octets.length)
        frame.set(octets, 2)
        socket.write(frame)
      })
    }
  })
  socket.on('error', () => undefined)
  return inserted
}

async function gone(socket: Socket): Promise<void> {
  if (socket.closed) return
  const closed = once(socket, 'close')
  socket.destroy()
  await closed
}
