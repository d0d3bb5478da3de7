// A software TPM of one's own: started, counted, killed and restarted by the test.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, type FSWatcher, mkdirSync, openSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from './ports.ts'
import { atExit, gate, tempDir, within } from './temp.ts'

export interface SwtpmOptions {
  /** Send TPM2_Startup(CLEAR) at the start (default true). */
  readonly startup?: boolean
  /** Listen on TCP, two consecutive free ports of 127.0.0.1, as the stock TCTI wants it. Default: Unix sockets. */
  readonly tcp?: boolean
  /** With endorsement keys, and certificates for them by a CA of this TPM's own: RSA-2048 and P-384. */
  readonly certified?: boolean
}

export interface Swtpm {
  readonly tcti: string
  /** Unix socket of the TPM commands; empty with `tcp`. */
  readonly path: string
  /** TCP port of the TPM commands (control: one more); 0 without `tcp`. */
  readonly port: number
  readonly stateDir: string
  readonly pid: number
  /** Ends the TPM; at once (SIGKILL) by `kill`. Both wait until the process is gone. */
  stop(): Promise<void>
  kill(): Promise<void>
  /** TPM reset: ends it, if it still runs, and starts it on the same state and the same address. */
  restart(): Promise<void>
  /** How many times the TPM has written its NV state since the first start. */
  stateWrites(): Promise<number>
}

const LIMIT_MS = 120_000
const STATE_FILE = 'tpm2-00.permall'

export async function startSwtpm(options: SwtpmOptions = {}): Promise<Swtpm> {
  const root = tempDir('tpm')
  const stateDir = join(root, 'state')
  mkdirSync(stateDir)
  const path = options.tcp ? '' : join(root, 'tpm.sock')
  const port = options.tcp ? await freePorts(2) : 0
  const control = options.tcp ? { host: '127.0.0.1', port: port + 1 } : { path: join(root, 'ctrl.sock') }
  const place = (kind: string) =>
    options.tcp ? `type=tcp,port=${kind === 'tpm' ? port : port + 1}` : `type=unixio,path=${join(root, kind)}.sock`
  const flags = options.startup === false ? 'not-need-init' : 'not-need-init,startup-clear'
  const writes = countWrites(stateDir)
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    for (const name of ['tpm.sock', 'ctrl.sock', 'pid']) rmSync(join(root, name), { force: true })
    // swtpm writes its pid file when both sockets listen
    const ready = gate()
    const watcher = watch(root, { persistent: false }, (_, name) => name === 'pid' && ready.open())
    const log = openSync(join(root, 'log'), 'a')
    const swtpm = ['swtpm', 'socket', '--tpm2', '--tpmstate', `dir=${stateDir}`, '--flags', flags]
    const sockets = ['--server', place('tpm'), '--ctrl', place('ctrl'), '--pid', `file=${join(root, 'pid')}`]
    // setpriv becomes swtpm (same pid), which dies with this process, however that ends
    child = spawn('setpriv', ['--pdeathsig', 'KILL', ...swtpm, ...sockets], { stdio: ['ignore', log, log] })
    child.once('error', ready.fail)
    child.once('exit', (code) => ready.fail(new Error(`swtpm ended (${code}): ${tail(root)}`)))
    child.unref()
    try {
      await within(ready.promise, LIMIT_MS, 'swtpm does not start')
      await within(askControl(control), LIMIT_MS, 'swtpm does not answer')
    } finally {
      watcher.close()
      closeSync(log)
    }
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ending = child
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
    const exit = once(ending, 'exit')
    ending.kill(signal)
    await within(exit, LIMIT_MS, 'swtpm does not end')
  }

  if (options.certified) await certifyEndorsementKeys(root, stateDir)
  await start()
  atExit(() => child?.kill('SIGKILL'))
  return {
    tcti: options.tcp ? `swtpm:host=127.0.0.1,port=${port}` : `swtpm:path=${path}`,
    path,
    port,
    stateDir,
    get pid() {
      return child?.pid ?? 0
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM')
      await start()
    },
    stateWrites: writes,
  }
}

/** The CA of a TPM that was started with `certified`: the issuer of its certificates, and the root, in PEM. */
export function endorsementCa({ stateDir }: Pick<Swtpm, 'stateDir'>): {
  readonly issuer: string
  readonly root: string
} {
  const read = (name: string) => readFileSync(join(stateDir, '..', 'ca', name), 'utf8')
  return { issuer: read('issuercert.pem'), root: read('swtpm-localca-rootca-cert.pem') }
}

async function certifyEndorsementKeys(root: string, stateDir: string): Promise<void> {
  const ca = join(root, 'ca')
  mkdirSync(ca)
  const file = (name: string, ...lines: readonly string[]): string => {
    writeFileSync(join(ca, name), `${lines.join('\n')}\n`)
    return join(ca, name)
  }
  const names = ['signingkey = signkey.pem', 'issuercert = issuercert.pem', 'certserial = certserial']
  const settings = names.map((line) => line.replace('= ', `= ${ca}/`))
  const conf = file('localca.conf', `statedir = ${ca}`, ...settings)
  const setup = file(
    'setup.conf',
    'create_certs_tool = /usr/bin/swtpm_localca',
    `create_certs_tool_config = ${conf}`,
    `create_certs_tool_options = ${file('localca.options', '--platform-manufacturer Tessera', '--platform-version 1', '--platform-model Test')}`,
    'active_pcr_banks = sha256',
  )
  const flags = ['--tpm2', '--tpmstate', stateDir, '--create-ek-cert', '--config', setup, '--overwrite']
  await promisify(execFile)('swtpm_setup', flags, { timeout: LIMIT_MS })
}

function tail(root: string): string {
  return readFileSync(join(root, 'log'), 'utf8').trim().split('\n').slice(-3).join('; ')
}

// Every commit renames a new file over the state: one directory event each, none lost or merged. A file of ours
// comes last in the same queue, so once it is seen all commits before it have been counted.
function countWrites(dir: string): () => Promise<number> {
  let commits = 0
  let marks = 0
  const waiting = new Map<string, () => void>()
  const watcher: FSWatcher = watch(dir, { persistent: false }, (event, name) => {
    if (event === 'rename' && name === STATE_FILE) commits += 1
    if (name !== null) waiting.get(name)?.()
  })
  atExit(() => watcher.close())
  return async () => {
    marks += 1
    const mark = `mark-${marks}`
    const seen = gate()
    waiting.set(mark, seen.open)
    writeFileSync(join(dir, mark), '')
    await within(seen.promise, LIMIT_MS, 'no directory events')
    waiting.delete(mark)
    rmSync(join(dir, mark), { force: true })
    return commits
  }
}

/** CMD_GET_CAPABILITY on the control channel: answered once the TPM runs. */
function askControl(address: { host: string; port: number } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(address, () => socket.write(Uint8Array.of(0, 0, 0, 1)))
    socket.once('data', () => socket.end())
    socket.once('close', () => resolve())
    socket.once('error', reject)
  })
}
