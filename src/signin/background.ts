/** Signing in with a background process that outlives the terminal. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { space, utf8, wipe } from '../bytes.ts'
import { type CardError, SignInError } from '../errors.ts'
import { Home } from '../home/home.ts'
import type { AskPin } from '../piv/host/pin-request.ts'
import { anySecretBytes, type Secret } from '../piv/pin.ts'
import { checkAddress } from './address.ts'
import {
  type BackgroundReport,
  type BackgroundRequest,
  type BackgroundSession,
  deserializeError,
} from './background-messages.ts'
import { withNothingInherited } from './close-inherited.ts'
import type { SignInOptions } from './sign-in.ts'

/** Options that can be sent to another process. */
export type BackgroundOptions = Omit<SignInOptions, 'card' | 'ca'> & {
  readonly card?: string
  /** PEM. */
  readonly ca?: string
}

const LONGEST_REPORT = 64 * 1024
/** Most octets of standard error that are shown if the process fails. */
const LONGEST_COMPLAINT = 400

type BackgroundProcess = ChildProcessByStdio<Writable, Readable, Readable>

/**
 * Signs in like `signIn`, in a background process that outlives this one. `accounts` lists it, and `signOutElsewhere` and
 * `forget` end it. It gets the PIN through a pipe, if the card needs it.
 * @throws as `signIn`
 */
export async function signInInBackground(options: BackgroundOptions): Promise<BackgroundSession> {
  const { pin, onWait, signal, ...rest } = options
  checkAddress(options.address)
  signal?.throwIfAborted()
  const request: BackgroundRequest = { ...rest, home: new Home(options.home).path, wait: onWait !== undefined }
  const child = start(options.address)
  const stop = () => child.kill('SIGTERM')
  signal?.addEventListener('abort', stop, { once: true })
  try {
    await write(child.stdin, utf8(`${JSON.stringify(request)}\n`))
    const started = await converse(child, pin, onWait)
    signal?.throwIfAborted()
    return started
  } catch (error) {
    stop()
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
    child.unref()
  }
}

/** In a process session of its own, so that no terminal ends it. The address is an argument so that ps shows it. */
function start(address: string): BackgroundProcess {
  const { file, before } = program()
  const argv = [...before, file, address]
  // An inherited lock or pipe would stay open for the whole session.
  const child = withNothingInherited(
    (rest) =>
      spawn(process.execPath, argv, { detached: true, stdio: ['pipe', 'pipe', 'pipe', ...rest] }) as BackgroundProcess,
  )
  // Errors are noticed at the end of its output.
  for (const part of [child, child.stdin]) part.on('error', () => undefined)
  return child
}

/** background-process.ts in a checkout, with the options to run it; else the file built from it. */
function program(): { readonly file: string; readonly before: readonly string[] } {
  // One expression, which the build replaces by the URL of its own file.
  const here = import.meta.url
  if (here.endsWith('.ts')) {
    // Two steps, since bundlers would resolve a literal.
    const { resolve } = import.meta
    const before = ['--import', resolve('tsx')]
    return { file: fileURLToPath(new URL('background-process.ts', here)), before }
  }
  // By package name, since this file may have been bundled to anywhere.
  const root = dirname(createRequire(here).resolve('tessera-card/package.json'))
  return { file: join(root, 'dist/signin/background-process.js'), before: [] }
}

const write = (stream: Writable, octets: Uint8Array): Promise<void> =>
  new Promise((resolve) => stream.write(octets, () => resolve()))

async function converse(
  child: BackgroundProcess,
  pin: Secret | AskPin,
  onWait: ((why: CardError) => void) | undefined,
): Promise<BackgroundSession> {
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-LONGEST_COMPLAINT)
  })
  for await (const report of reports(child.stdout)) {
    if (report.is === 'signed-in') return report.started
    if (report.is === 'failed') throw deserializeError(report.error)
    if (report.is === 'waiting') onWait?.(deserializeError(report.error) as CardError)
    if (report.is === 'pin') await hand(child.stdin, typeof pin === 'function' ? await pin(report.request) : pin)
  }
  const cause = complaint === '' ? {} : { cause: new Error(complaint) }
  throw new SignInError('ERR_SIGNED_OUT', 'The process in the background ended before it was signed in.', cause)
}

/** The PIN, as a line. */
async function hand(stream: Writable, pin: Secret): Promise<void> {
  const octets = anySecretBytes(pin, 'PIN')
  const line = space(octets.length + 1)
  line.set(octets)
  line[octets.length] = 0x0a
  wipe(octets)
  try {
    await write(stream, line)
  } finally {
    wipe(line)
  }
}

async function* reports(stream: Readable): AsyncGenerator<BackgroundReport, void, void> {
  let text = ''
  for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      yield JSON.parse(text.slice(0, end)) as BackgroundReport
      text = text.slice(end + 1)
    }
    if (text.length > LONGEST_REPORT) return
  }
}
