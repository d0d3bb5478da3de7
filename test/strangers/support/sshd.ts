// A login server of one's own on 127.0.0.1: it knows the keys of one file, and lets the user of the test in.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { freePorts } from '../../support/ports.ts'
import { atExit, within } from '../../support/temp.ts'
import { file, newFile, ok } from './tools.ts'

export interface Sshd {
  readonly port: number
  /** File of its host key, as ssh wants to know it. */
  readonly knownHosts: string
  /** What it wrote down. */
  log(): string
  stop(): Promise<void>
}

const LIMIT_MS = 120_000
const PROGRAM = '/usr/sbin/sshd'
/** False where installing one would have opened the machine: scripts/setup then leaves it out. */
export const SSHD_IS_HERE = existsSync(PROGRAM)
/**
 * Where it goes when it gives up its rights; as root it serves nobody without. The service's file makes it at boot. It
 * stays: the server of a test that runs beside this one needs it too.
 */
const EMPTY = '/run/sshd'

/** `authorized`: public keys, one a line. */
export async function startSshd(authorized: string): Promise<Sshd> {
  if (process.getuid?.() === 0) mkdirSync(EMPTY, { mode: 0o755, recursive: true })
  const hostKey = newFile('.host')
  await ok('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', hostKey])
  const port = await freePorts()
  const rows = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${file(authorized)}`,
    'AuthenticationMethods publickey',
    // Cards have many keys, and each is offered.
    'MaxAuthTries 20',
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'LogLevel VERBOSE',
  ]
  const child = spawn(PROGRAM, ['-D', '-e', '-f', file(rows.join('\n'))], { stdio: ['ignore', 'ignore', 'pipe'] })
  atExit(() => child.kill('SIGKILL'))
  let log = ''
  const listening = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`sshd ended:\n${log}`)))
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString()
      if (log.includes('Server listening')) resolve()
    })
  })
  await within(listening, LIMIT_MS, 'sshd does not start')
  return {
    port,
    knownHosts: file(`[127.0.0.1]:${port} ${readFileSync(`${hostKey}.pub`, 'utf8')}`),
    log: () => log,
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await within(ended, LIMIT_MS, 'sshd does not end')
    },
  }
}
