/**
 * The process that stays signed in when its terminal is closed. It reads the options from standard input, requests the PIN
 * there if needed, and reports on standard output. It runs until the session ends or a signal stops it.
 */
import { concat, space, wipe } from '../bytes.ts'
import type { CardError } from '../errors.ts'
import type { PinRequest } from '../piv/host/pin-request.ts'
import { type BackgroundReport, type BackgroundRequest, serializeError } from './background-messages.ts'
import { type SharedSession, signInShared } from './shared-session.ts'

const LONGEST_LINE = 1024 * 1024

/** Standard input by lines, which the caller wipes. */
class Lines {
  #read = space(0)
  #waiting: ((line: Uint8Array) => void) | undefined

  constructor(input: NodeJS.ReadableStream, onEnd: () => void) {
    input.on('data', (chunk: Uint8Array) => {
      const joined = concat(this.#read, chunk)
      wipe(this.#read, chunk)
      this.#read = joined
      if (joined.length > LONGEST_LINE) onEnd()
      this.#deliver()
    })
    input.once('end', onEnd).once('error', onEnd)
  }

  next(): Promise<Uint8Array> {
    return new Promise((resolve) => {
      this.#waiting = resolve
      this.#deliver()
    })
  }

  #deliver(): void {
    const end = this.#read.indexOf(0x0a)
    if (end < 0 || this.#waiting === undefined) return
    const [line, rest] = [concat(this.#read.subarray(0, end)), concat(this.#read.subarray(end + 1))]
    wipe(this.#read)
    this.#read = rest
    const take = this.#waiting
    this.#waiting = undefined
    take(line)
  }
}

const say = (report: BackgroundReport): Promise<void> =>
  new Promise((resolve) => process.stdout.write(`${JSON.stringify(report)}\n`, () => resolve()))

// The reader of standard output may be gone.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

async function begin(lines: Lines, signal: AbortSignal): Promise<SharedSession> {
  const { wait, ...asked } = JSON.parse(Buffer.from(await lines.next()).toString('utf8')) as BackgroundRequest
  let pin: Uint8Array | undefined
  const options = {
    async pin(request: PinRequest) {
      await say({ is: 'pin', request })
      pin = await lines.next()
      return pin
    },
    ...(wait && { onWait: (error: CardError) => void say({ is: 'waiting', error: serializeError(error) }) }),
  }
  try {
    return await signInShared({ ...asked, ...options, signal }, true)
  } finally {
    wipe(pin)
  }
}

function sayStarted({ session, socket }: SharedSession): Promise<void> {
  const { user, address, how, service, slot, card, expires } = session
  const facts = { user, address, how, service, slot, card: card.name, expires: expires.toISOString(), socket }
  return say({ is: 'signed-in', started: { pid: process.pid, ...facts } })
}

async function main(): Promise<number> {
  const stop = new AbortController()
  let shared: SharedSession | undefined
  const onStop = () => {
    stop.abort()
    void shared?.session.signOut()
  }
  // Otherwise the current folder could not be unmounted.
  process.chdir('/')
  process.umask(0o077)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onStop)
  // The command that started it ends only once it is signed in.
  const lines = new Lines(process.stdin, () => shared === undefined && onStop())
  try {
    shared = await begin(lines, stop.signal)
    // A signal came just after signing in.
    if (stop.signal.aborted) await shared.session.signOut()
    stop.signal.throwIfAborted()
    await sayStarted(shared)
  } catch (error) {
    await say({ is: 'failed', error: serializeError(error) })
    return 1
  }
  await shared.session.ended
  await shared.closed
  return 0
}

process.exit(await main())
