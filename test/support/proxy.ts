// A TPM shared by several clients, one command at a time, with a test in the middle: it sees, counts, forges, stalls
// and drops. The product connects to `path`, an attacker to `attackerPath`, and both speak to the same TPM.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { type Backend, Frames, SocketBackend } from './backend.ts'
import { commandName } from './codes.ts'
import { atExit, tempDir } from './temp.ts'
import { contains } from './wire.ts'

export type Side = 'product' | 'attacker'

export interface Exchange {
  readonly side: Side
  /** Number of the connection, 1 for the first. */
  readonly client: number
  /** Number of the command on its side since the start or `clear`, 1 for the first. */
  readonly index: number
  readonly code: number
  /** Name of the command, or its code in hex. */
  readonly name: string
  /** As the client sent it. */
  readonly command: Uint8Array
  /** As the client got it; undefined until then, and where it got none. */
  answer: Uint8Array | undefined
}

type Verdict = Uint8Array | 'drop' | undefined

/**
 * Called for the product's commands only, and while the TPM is free: a hook may wait (stall the client), or let an
 * attacker act between two commands. 'drop' closes the connection: before the TPM has seen the command (`onCommand`)
 * or after it has done it (`onAnswer`). Octets replace the command or the answer, unchecked.
 */
export interface Hooks {
  onCommand?: (exchange: Exchange) => Verdict | Promise<Verdict>
  onAnswer?: (exchange: Exchange, answer: Uint8Array) => Verdict | Promise<Verdict>
}

export interface TpmProxy {
  /** Unix socket for the product; `tcti` says it as a TCTI string. */
  readonly path: string
  readonly tcti: string
  /** Unix socket past hooks and counts. */
  readonly attackerPath: string
  /** Everything that was said, oldest first. Both sides. */
  readonly wire: readonly Exchange[]
  /** Set and unset at any time. */
  hooks: Hooks
  /** The product's commands by name since the start or `clear`. */
  counts(): Record<string, number>
  /** Names of the product's commands, in order. */
  names(): string[]
  /** Number of the product's commands. */
  total(): number
  /** Forgets `wire` and counts. */
  clear(): void
  /** The exchanges, of both sides, in whose command or answer these octets stand. */
  seen(bytes: Uint8Array): Exchange[]
  /** Sends one command to the TPM as the attacker does. */
  transmit(command: Uint8Array): Promise<Uint8Array>
  /** Closes every connection of the product. */
  disconnect(): void
  /** Lets go of the TPM until the next command, so that another client can have it. */
  release(): void
  stop(): Promise<void>
}

/** `backend`: the data socket of a swtpm (its only client is then this proxy), or any object that transmits. */
export async function startProxy(backend: string | Backend, hooks: Hooks = {}): Promise<TpmProxy> {
  const tpm: Backend = typeof backend === 'string' ? new SocketBackend(backend) : backend
  const dir = tempDir('proxy')
  const wire: Exchange[] = []
  const counters = { product: 0, attacker: 0, clients: 0 }
  const open = new Map<Socket, Side>()
  let last: Promise<unknown> = Promise.resolve()

  // one command in the TPM at a time, in order of arrival
  function alone(command: Uint8Array): Promise<Uint8Array> {
    const mine = last.then(() => tpm.transmit(command))
    last = mine.catch(() => {})
    return mine
  }

  function record(side: Side, client: number, command: Uint8Array): Exchange {
    counters[side] += 1
    const code = command.length >= 10 ? new DataView(command.buffer, command.byteOffset).getUint32(6) : 0
    const name = commandName(code)
    const exchange: Exchange = { side, client, index: counters[side], code, name, command, answer: undefined }
    wire.push(exchange)
    return exchange
  }

  /** The answer for the client, or undefined where its connection is to be closed. */
  async function exchange(side: Side, client: number, command: Uint8Array): Promise<Uint8Array | undefined> {
    const info = record(side, client, command)
    const hooked = side === 'product'
    const before = hooked ? await proxy.hooks.onCommand?.(info) : undefined
    if (before === 'drop') return undefined
    const answer = await alone(before ?? command)
    const after = hooked ? await proxy.hooks.onAnswer?.(info, answer) : undefined
    if (after === 'drop') return undefined
    info.answer = after ?? answer
    return info.answer
  }

  async function serve(side: Side, socket: Socket): Promise<void> {
    counters.clients += 1
    const client = counters.clients
    const frames = new Frames()
    open.set(socket, side)
    socket.unref()
    socket.on('error', () => {})
    socket.once('close', () => open.delete(socket))
    try {
      for await (const bytes of socket) {
        for (const command of frames.push(bytes)) {
          const answer = await exchange(side, client, command)
          if (answer === undefined) return
          if (!socket.destroyed) socket.write(answer)
        }
      }
    } catch {
      // the client or the TPM is gone, or the client sent no command: closing says so
    } finally {
      socket.destroy()
    }
  }

  const path = join(dir, 'tpm.sock')
  const attackerPath = join(dir, 'attacker.sock')
  const servers: Server[] = []
  for (const [side, at] of [['product', path] as const, ['attacker', attackerPath] as const]) {
    const server = createServer((socket) => void serve(side, socket))
    server.listen(at)
    await once(server, 'listening')
    server.unref()
    servers.push(server)
  }

  function close(side?: Side): void {
    for (const [socket, whose] of open) if (side === undefined || whose === side) socket.destroy()
  }
  function shut(): void {
    close()
    for (const server of servers) server.close()
    tpm.release?.()
  }
  const forget = atExit(shut)
  const products = (): Exchange[] => wire.filter((entry) => entry.side === 'product')

  const proxy: TpmProxy = {
    path,
    tcti: `swtpm:path=${path}`,
    attackerPath,
    wire,
    hooks,
    counts() {
      const counts: Record<string, number> = {}
      for (const { name } of products()) counts[name] = (counts[name] ?? 0) + 1
      return counts
    },
    names: () => products().map(({ name }) => name),
    total: () => counters.product,
    clear() {
      wire.length = 0
      counters.product = 0
      counters.attacker = 0
    },
    seen: (bytes) =>
      wire.filter(
        ({ command, answer }) => contains(command, bytes) || (answer !== undefined && contains(answer, bytes)),
      ),
    async transmit(command) {
      const answer = await exchange('attacker', 0, command)
      if (answer === undefined) throw new Error('no answer')
      return answer
    },
    disconnect: () => close('product'),
    release: () => tpm.release?.(),
    async stop() {
      forget()
      const closed = servers.map((server) => once(server, 'close'))
      shut()
      await Promise.all(closed)
    },
  }
  return proxy
}
