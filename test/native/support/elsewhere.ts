// The native layer in another thread or another process. Both run plain JavaScript: a body of an async function with
// `native`, `random`, `given` and `say` in scope.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { atExit, within } from '../../support/temp.ts'

const addon = fileURLToPath(new URL('../../../native/build/Release/tessera.node', import.meta.url))

export type Given = Readonly<Record<string, string | number>>

/** `say` goes to the parent thread, or to standard output. */
const program = (body: string, given: Given): string => `
  const native = require(${JSON.stringify(addon)})
  const { parentPort } = require('node:worker_threads')
  const given = ${JSON.stringify(given)}
  const say = (word) => (parentPort ? parentPort.postMessage(word) : require('node:fs').writeSync(1, word + '\\n'))
  const open = (tcti, stateFile = '', waitMs = 10000) => native.openTpm({ tcti, stateFile, createState: true, waitMs })
  const command = (name, params, handles = [], auths = []) => ({ command: native.commandCodes[name], handles, names: [], auths, params })
  const random = command('GetRandom', Uint8Array.of(0, 8))
  const work = async () => {${body}}
  work().catch((error) => { say('failed: ' + [error.layer, error.reason, error.message].join('/')) })`

/** A thread that runs `body`. */
export function thread(body: string, given: Given = {}): Worker {
  return new Worker(program(body, given), { eval: true })
}

/** The next thing a thread says. */
export async function said(worker: Worker): Promise<string> {
  const message = once(worker, 'message').then(([word]) => String(word))
  const failure = once(worker, 'error').then(([error]) => Promise.reject(error))
  failure.catch(() => undefined)
  return within(Promise.race([message, failure]), 120_000, 'the thread says nothing')
}

export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly lines: readonly string[]
  readonly milliseconds: number
}

/** A process that runs `body`; `ended` when it is gone. A hang is ended after 120 s, and shows as a signal. */
export function childProcess(
  body: string,
  given: Given = {},
  environment: NodeJS.ProcessEnv = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const started = performance.now()
  const child = spawn(process.execPath, ['-e', program(body, given)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  child.stdin.on('error', () => undefined)
  const forget = atExit(() => child.kill('SIGKILL'))
  const timer = setTimeout(() => child.kill('SIGKILL'), 120_000)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = once(child, 'close').then(([code, signal]) => {
    forget()
    clearTimeout(timer)
    const lines = output.split('\n').filter((line) => line !== '')
    return { code, signal, lines, milliseconds: performance.now() - started }
  })
  return { child, ended }
}

/** The same, waited for. */
export const inProcess = (body: string, given: Given = {}, environment: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  childProcess(body, given, environment).ended

/** Body that makes RSA-3072 keys in `tpm`; says "busy" when the TPM is at the first. Without end, or until `given.exit`. */
export const KEEPS_MAKING_KEYS = `
  const sized = (octets) => Buffer.concat([Buffer.from([octets.length >> 8, octets.length & 255]), octets])
  const template = Buffer.from('0001000b00040472' + '0000' + '001000100c00' + '00000000' + '0000', 'hex')
  const params = new Uint8Array(Buffer.concat([sized(Buffer.alloc(4)), sized(template), Buffer.alloc(6)]))
  const make = () => tpm.run([command('CreatePrimary', params, [0x40000007], [{ session: 0x40000009, attributes: 1 }])])
  let made = make()
  while (tpm.counters().CreatePrimary === undefined) await new Promise(setImmediate)
  say('busy')
  if (given.exit) setImmediate(() => process.exit(0))
  for (;;) {
    const [result] = await made
    const handle = new DataView(result.buffer).getUint32(0)
    made = tpm.run([command('FlushContext', new Uint8Array(0), [handle])]).then(make)
  }
`
