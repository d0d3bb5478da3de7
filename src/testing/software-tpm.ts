// A swtpm for one lab, on Unix sockets. It ends with this process, however that ends.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FSWatcher, mkdirSync, watch } from 'node:fs'
import { join } from 'node:path'
import { TpmError } from '../errors.ts'

export interface SoftwareTpm {
  readonly tcti: string
  stop(): Promise<void>
}

/** Milliseconds: a busy machine takes its time. */
const PATIENCE = 60_000
const PID_FILE = 'swtpm.pid'

/** @throws TpmError ERR_TPM_ABSENT where swtpm is not installed, or does not start */
export async function startSoftwareTpm(folder: string): Promise<SoftwareTpm> {
  const [state, server] = [join(folder, 'swtpm'), join(folder, 'tpm.sock')]
  mkdirSync(state)
  const words = [
    ...['--pdeathsig', 'KILL', 'swtpm', 'socket', '--tpm2', '--tpmstate', `dir=${state}`],
    ...['--flags', 'not-need-init,startup-clear'],
    ...['--server', `type=unixio,path=${server}`, '--ctrl', `type=unixio,path=${join(folder, 'tpm.ctrl')}`],
    ...['--pid', `file=${join(folder, PID_FILE)}`],
  ]
  const started = new AbortController()
  const watcher = watch(folder, { persistent: false })
  // setpriv becomes swtpm, which is told to end with this process.
  const child = spawn('setpriv', words, { stdio: 'ignore' })
  try {
    await Promise.race([
      // swtpm writes the file when it listens.
      written(watcher, started.signal),
      once(child, 'exit', { signal: started.signal }).then(([code]) => {
        throw unavailable(`swtpm ended (exit code ${code})`)
      }),
    ])
  } catch (error) {
    child.kill('SIGKILL')
    throw error instanceof TpmError ? error : unavailable('swtpm did not start', error)
  } finally {
    started.abort()
    watcher.close()
  }
  child.unref()
  return { tcti: `swtpm:path=${server}`, stop: () => end(child) }
}

async function written(watcher: FSWatcher, signal: AbortSignal): Promise<void> {
  const timeout = AbortSignal.timeout(PATIENCE)
  const ended = AbortSignal.any([signal, timeout])
  await new Promise<void>((resolve, reject) => {
    watcher.on('change', (_, name) => name === PID_FILE && resolve())
    ended.addEventListener('abort', () => reject(ended.reason), { once: true })
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.ref()
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

const unavailable = (why: string, cause?: unknown): TpmError =>
  new TpmError(
    'ERR_TPM_ABSENT',
    `${why}. Install it, or use { tpm: 'embedded' }.`,
    cause === undefined ? undefined : { cause },
  )
