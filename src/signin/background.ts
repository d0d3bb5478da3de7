/** Signing in with a process that stays when the terminal is closed. */
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

/** What can be told to another process. */
export type BackgroundOptions = Omit<SignInOptions, 'card' | 'ca'> & {
  readonly card?: string
  /** PEM. */
  readonly ca?: string
}

const LONGEST_REPORT = 64 * 1024
/** What a process says that breaks off is shown, in octets. */
const LONGEST_COMPLAINT = 400

type BackgroundProcess = ChildProcessByStdio<Writable, Readable, Readable>

/**
 * Signs in as `signIn` does, in a process of its own that stays when this one ends. It is found by `accounts`, and ended by
 * `signOutElsewhere` or `forget`. The PIN goes to it through a pipe, when its card wants it.
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

/** In a session of its own: no terminal is its, and none ends it. The address is there for who lists processes. */
function start(address: string): BackgroundProcess {
  const { file, before } = program()
  const argv = [...before, file, address]
  // A lock or a pipe of who started it would be held for as long as somebody is signed in.
  const child = withNothingInherited(
    (rest) =>
      spawn(process.execPath, argv, { detached: true, stdio: ['pipe', 'pipe', 'pipe', ...rest] }) as BackgroundProcess,
  )
  // What goes wrong here is noticed by the end of what it says.
  for (const part of [child, child.stdin]) part.on('error', () => undefined)
  return child
}

/** background-process.ts beside the sources, with what they need to run; else the file that it was built to. */
function program(): { readonly file: string; readonly before: readonly string[] } {
  // In one word: the build of the program puts the address of its own file in its place.
  const here = import.meta.url
  if (here.endsWith('.ts')) {
    // In two: bundlers would look for what is called by literals.
    const { resolve } = import.meta
    const before = ['--import', resolve('tsx')]
    return { file: fileURLToPath(new URL('background-process.ts', here)), before }
  }
  // By the name of the package: this file may have been bundled to anywhere.
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
