// The witness: a plain ESAPI client in a process of its own (native/witness). It is the attacker in attack tests and
// the second opinion in parity tests, and knows nothing of the product.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { atExit, gate, within } from './temp.ts'
import { concat, fromHex, hex, Reader, rcText } from './wire.ts'

/** One authorisation of a call, in the order of the command's handles; further sessions come last. */
export type Auth = { readonly token: string }

/** The authValue in clear. */
export const password = (authValue: Uint8Array = new Uint8Array(0)): Auth => ({ token: `pw:${hex(authValue)}` })

/**
 * A session by its TPM handle. `flags`: TPMA_SESSION (01 continue, 20 decrypt, 40 encrypt, 80 audit; default 01).
 * `auth`: authValue of the entity it authorises; default what `setAuth` said, else empty.
 */
export const session = (handle: number, options: { flags?: number; auth?: Uint8Array } = {}): Auth => {
  const auth = options.auth === undefined ? '' : `:${hex(options.auth)}`
  return { token: `s:${handle.toString(16)}:${(options.flags ?? 1).toString(16)}${auth}` }
}

/** No authorisation in this place. */
export const none: Auth = { token: 'none' }

export interface CallOptions {
  readonly handles?: readonly number[]
  /** Parameters in wire form, concatenated. */
  readonly params?: Uint8Array | readonly Uint8Array[]
  readonly auths?: readonly Auth[]
}

export interface StartOptions {
  /** Handle of the key that salts the session. */
  readonly salt?: number
  readonly bind?: number
  readonly sym?: 'null' | 'aes128cfb'
  readonly hash?: 'sha256' | 'sha384'
  /** nonceCaller; its length is also that of nonceTPM. Default: 32 octets of ESAPI's. */
  readonly nonce?: Uint8Array
}

/** The TPM, or ESAPI, said no: `rc` is a TSS2_RC (layer 0: the TPM; 7: ESAPI; 10: the transport). */
export class Refused extends Error {
  readonly rc: number
  constructor(what: string, rc: number) {
    super(`${what}: rc ${rcText(rc)}`)
    this.rc = rc
  }
}

type Line = { rc: number; words: string[] }

export class Witness {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #waiting: ReturnType<typeof gate<string>>[] = []

  constructor(executable: string, socketPath: string) {
    const child = spawn(executable, [socketPath], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child = child
    const end = (why: string): void => {
      for (const waiting of this.#waiting.splice(0)) waiting.fail(new Error(`the witness ended: ${why}`))
    }
    child.once('error', (error) => end(error.message))
    child.once('close', (code, signal) => end(String(signal ?? code)))
    child.stdin.on('error', () => {})
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#waiting.shift()?.open(line)
      if (this.#waiting.length === 0) this.#hold(false)
    })
    const forget = atExit(() => child.kill('SIGKILL'))
    child.once('exit', forget)
  }

  // the process keeps the event loop alive only while it is asked something
  #hold(held: boolean): void {
    const pipes = [this.#child.stdin, this.#child.stdout] as unknown as Socket[]
    for (const pipe of [this.#child, ...pipes]) held ? pipe.ref() : pipe.unref()
  }

  async #ask(request: string | undefined): Promise<Line> {
    if (this.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) {
      throw new Error('the witness has ended')
    }
    const waiting = gate<string>()
    this.#waiting.push(waiting)
    this.#hold(true)
    if (request !== undefined) this.#child.stdin.write(`${request}\n`)
    const line = await waiting.promise
    const [verdict, ...words] = line.split(' ')
    if (verdict === 'ok') return { rc: 0, words }
    if (verdict === 'rc') return { rc: Number(words[0]), words: [] }
    throw new Error(`the witness does not understand ${(request ?? 'start').split(' ', 2).join(' ')}: ${line}`)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Used by `startWitness`: the first line says that it is connected. */
  async ready(): Promise<this> {
    await this.#ask(undefined)
    return this
  }

  /** Runs Esys_NAME. `out`: response handle, if the TPM gives one, then all output parameters in wire form. */
  async call(name: string, options: CallOptions = {}): Promise<{ rc: number; out: Uint8Array }> {
    const { handles = [], params = [], auths = [] } = options
    const words = ['call', name]
    if (handles.length > 0) words.push(`handles=${handles.map((handle) => handle.toString(16)).join(',')}`)
    const octets = params instanceof Uint8Array ? params : concat(...params)
    if (octets.length > 0) words.push(`params=${hex(octets)}`)
    if (auths.length > 0) words.push(`auths=${auths.map(({ token }) => token).join(',')}`)
    const line = await this.#ask(words.join(' '))
    return { rc: line.rc, out: fromHex(line.words[0] ?? '') }
  }

  /** As `call`, where anything but success throws `Refused`. */
  async must(name: string, options: CallOptions = {}): Promise<Reader> {
    const { rc, out } = await this.call(name, options)
    if (rc !== 0) throw new Refused(name, rc)
    return new Reader(out)
  }

  /** As `call`, for a command whose code is all that matters. */
  async rc(name: string, options: CallOptions = {}): Promise<number> {
    return (await this.call(name, options)).rc
  }

  /** Starts a session; throws `Refused`. */
  async start(
    type: 'hmac' | 'policy' | 'trial',
    options: StartOptions = {},
  ): Promise<{ handle: number; nonce: Uint8Array }> {
    const words = ['start', type]
    for (const [key, value] of Object.entries(options)) {
      if (typeof value === 'number') words.push(`${key}=${value.toString(16)}`)
      else if (value instanceof Uint8Array) words.push(`${key}=${hex(value)}`)
      else if (typeof value === 'string') words.push(`${key}=${value}`)
    }
    const line = await this.#ask(words.join(' '))
    if (line.rc !== 0) throw new Refused('StartAuthSession', line.rc)
    return { handle: Number.parseInt(line.words[0] ?? '', 16), nonce: fromHex(line.words[1] ?? '') }
  }

  /** nonceTPM of a session as it is now. */
  async nonce(handle: number): Promise<Uint8Array> {
    const line = await this.#ask(`nonce ${handle.toString(16)}`)
    if (line.rc !== 0) throw new Refused('nonce', line.rc)
    return fromHex(line.words[0] ?? '')
  }

  /** Whole command octets, past ESAPI; the whole answer. */
  async raw(command: Uint8Array): Promise<Uint8Array> {
    const line = await this.#ask(`raw ${hex(command)}`)
    if (line.rc !== 0) throw new Refused('raw', line.rc)
    return fromHex(line.words[0] ?? '')
  }

  /** authValue of an entity for sessions that name none, until the handle is used for something new. */
  async setAuth(handle: number, authValue: Uint8Array): Promise<void> {
    await this.#ask(`setauth ${handle.toString(16)} ${hex(authValue)}`.trimEnd())
  }

  /** Flushes what this witness loaded and starts ESAPI anew on a new connection. */
  async reset(): Promise<void> {
    const { rc } = await this.#ask('reset')
    if (rc !== 0) throw new Refused('reset', rc)
  }

  async flush(handle: number): Promise<number> {
    return this.rc('FlushContext', { handles: [handle] })
  }

  /** Flushes what this witness loaded, then ends it. */
  async close(): Promise<void> {
    await this.#end(() => this.#child.stdin.end())
  }

  /** Ends it as a crash would: what it loaded stays in the TPM. */
  async kill(): Promise<void> {
    await this.#end(() => this.#child.kill('SIGKILL'))
  }

  async #end(how: () => void): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    how()
    await within(exit, 120_000, 'the witness does not end')
  }
}

function findExecutable(): string {
  const build = fileURLToPath(new URL('../../native/build/', import.meta.url))
  const places = [process.env.TESSERA_WITNESS ?? '', `${build}Release/witness`, `${build}witness`]
  const found = places.find((place) => place !== '' && existsSync(place))
  if (found === undefined)
    throw new Error('the witness is not built: cmake -DTESSERA_WITNESS=ON (scripts/setup test does)')
  return found
}

/** Starts the witness on the Unix socket of a swtpm or of a proxy. */
export async function startWitness(socketPath: string): Promise<Witness> {
  return within(new Witness(findExecutable(), socketPath).ready(), 120_000, 'the witness does not connect')
}
