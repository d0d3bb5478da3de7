// A pcscd of one's own: its socket in a directory of the test, its virtual readers on ports of the test.
//
// libpcsclite finds it by PCSCLITE_CSOCK_NAME, which it reads once: so there is one socket a process, and the programs
// that a test starts inherit it. pcscd takes the socket from us as systemd would hand it over, so that no file of the
// machine is touched but its pid file, which nobody reads.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { freePorts } from './ports.ts'
import { atExit, tempDir, within } from './temp.ts'

export interface Pcscd {
  /** What PCSCLITE_CSOCK_NAME is, in this process too. */
  readonly socket: string
  /** Where the card of the first and of the second virtual reader connects, on 127.0.0.1. */
  readonly ports: readonly [number, number]
  /** Their names. */
  readonly readers: readonly [string, string]
  readonly pid: number
  /** The file that configures its virtual readers. */
  readonly configuration: string
  stop(): Promise<void>
  kill(): Promise<void>
  /** Starts it again after it was ended, on the same socket and ports. */
  start(): Promise<void>
  log(): string
}

export interface PcscdOptions {
  /** FRIENDLYNAME: what the names of the readers begin with. */
  readonly name?: string
  /** vpcd connects to the cards. They have to be there first: `before` puts them there. */
  readonly reversed?: boolean
  readonly before?: (ports: readonly [number, number]) => Promise<void>
}

const LIMIT_MS = 120_000
const DRIVER = '/usr/lib/pcsc/drivers/serial/libifdvpcd.so'
const IPC_DIRECTORY = '/run/pcscd'

/** Binds the socket, and becomes pcscd with it as descriptor 3. */
const ACTIVATE = `
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(64)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])
`

export async function startPcscd(options: PcscdOptions = {}): Promise<Pcscd> {
  const { name = 'Virtual PCD', reversed = false, before } = options
  const root = tempDir('pcscd')
  const socket = join(root, 'comm')
  const configuration = join(root, 'reader.conf.d')
  mkdirSync(configuration)
  const first = await freePorts(2)
  const port = `0x${first.toString(16).toUpperCase()}`
  const host = reversed ? '127.0.0.1' : '/dev/null'
  const rows = [`FRIENDLYNAME "${name}"`, `DEVICENAME ${host}:${port}`, `LIBPATH ${DRIVER}`, `CHANNELID ${port}`]
  writeFileSync(join(configuration, 'vpcd'), `${rows.join('\n')}\n`)
  process.env.PCSCLITE_CSOCK_NAME = socket
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    rmSync(socket, { force: true })
    const log = openSync(join(root, 'log'), 'a')
    const pcscd = ['pcscd', '--foreground', '--config', configuration]
    const activated = [...privately(), 'python3', '-c', ACTIVATE, socket, ...pcscd]
    const [program = '', ...rest] = ['setpriv', '--pdeathsig', 'KILL', ...activated]
    child = spawn(program, rest, { stdio: ['ignore', log, log] })
    closeSync(log)
    child.unref()
    const running = child
    const ended = once(running, 'exit').then(() => {
      throw new Error(`pcscd ended: ${readFileSync(join(root, 'log'), 'utf8').slice(-500)}`)
    })
    // Both readers listen: the last thing pcscd does before it serves. Else who connects waits until it serves.
    const ready = reversed ? bound(socket) : answering(first + 1)
    await within(Promise.race([ended, ready]), LIMIT_MS, 'pcscd does not start')
    ended.catch(() => undefined)
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ending = child
    rmSync(socket, { force: true })
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
    const exit = once(ending, 'exit')
    ending.kill(signal)
    await within(exit, LIMIT_MS, 'pcscd does not end')
  }

  await before?.([first, first + 1])
  await start()
  atExit(() => child?.kill('SIGKILL'))
  return {
    socket,
    ports: [first, first + 1],
    readers: [`${name} 00 00`, `${name} 00 01`],
    configuration: join(configuration, 'vpcd'),
    get pid() {
      return child?.pid ?? 0
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    start,
    log: () => readFileSync(join(root, 'log'), 'utf8'),
  }
}

/** Where a user may not make pcscd's directory: a mount namespace in which there is one. */
function privately(): string[] {
  if (process.getuid?.() === 0 || existsSync(IPC_DIRECTORY)) return []
  return ['unshare', '--map-root-user', '--mount', 'sh', '-c', 'mount -t tmpfs none /run && exec "$@"', 'sh']
}

/** Resolves when somebody listens; the connection is given up at once. */
async function answering(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const answered = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (answered) return
    await soon()
  }
}

/** Without keeping this process: where pcscd does not start, whoever waits for this has given up meanwhile. */
const soon = () => new Promise((resolve) => setTimeout(resolve, 10).unref())

async function bound(socket: string): Promise<void> {
  while (!existsSync(socket)) await soon()
}
