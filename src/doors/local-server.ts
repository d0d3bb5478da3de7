// A Unix socket for programs of one user: in a folder of that user, and each program is asked for its user once more.
import { once } from 'node:events'
import { chmod, unlink } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { FileError, isCardError, PcscError } from '../errors.ts'
import { absent } from '../files/steps.ts'
import { type FileLock, processLocks } from '../home/locks.ts'
import { makeSocketFolder } from '../home/socket-path.ts'
import { native } from '../native.ts'
import { descriptorOf } from './socket-handle.ts'

export interface LocalServer {
  readonly path: string
  /** Takes nobody in any more, and removes the socket. Connections stay. */
  close(): Promise<void>
}

export interface LocalServerEvents {
  /** A connection of the same user, from which nothing was read yet. */
  readonly admit: (socket: Socket) => void
  readonly refuse: (error: PcscError) => void
}

const SHORTEN = 'Use a shorter path.'

/** @throws FileError ERR_CARD_BUSY where another process listens there; FileError; UsageError ERR_USAGE */
export async function listenLocally(path: string, events: LocalServerEvents): Promise<LocalServer> {
  await makeSocketFolder(path, SHORTEN)
  const lock = await lockOf(path)
  try {
    // Left behind by a killed process.
    await unlink(path).catch(absent(undefined))
    const server = createServer({ pauseOnConnect: true })
    await listening(server, path)
    await chmod(path, 0o600)
    server.on('connection', (socket) => receive(socket, events))
    return { path, close: () => close(server, lock) }
  } catch (cause) {
    lock.release()
    throw isCardError(cause) ? cause : new FileError('ERR_IO', unopened(path, cause as Error), { cause, path })
  }
}

async function lockOf(path: string): Promise<FileLock> {
  const locks = processLocks()
  const lockPath = `${path}.lock`
  const lock = locks.attempt(lockPath)
  if (lock !== null) return lock
  const message = `${await locks.holder(lockPath)} serves cards at ${path} already. Stop it first.`
  throw new FileError('ERR_CARD_BUSY', message, { path })
}

async function listening(server: Server, path: string): Promise<void> {
  server.listen(path)
  await once(server, 'listening')
}

async function close(server: Server, lock: FileLock): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  // It waits for connections too, but the socket is gone at once.
  void closed.catch(() => undefined)
  lock.release()
}

/** Nothing is read from a connection of another user. */
function receive(socket: Socket, { admit, refuse }: LocalServerEvents): void {
  socket.on('error', () => undefined)
  const fd = descriptorOf(socket)
  const user = fd === undefined ? undefined : native().peerUser(fd)
  if (user !== undefined && user === process.getuid?.()) {
    admit(socket)
    return
  }
  socket.destroy()
  // A program that has gone again is nobody's fault.
  if (user !== undefined) refuse(new PcscError('ERR_SERVE_PEER', strange(user)))
}

const unopened = (path: string, { message }: Error) =>
  `${path} could not be opened as a socket: ${message}. Give another path in a folder of yours.`

const strange = (user: number) =>
  `A program of the user ${user} has connected. Cards are served to programs of the user who serves them: it was sent away.`
