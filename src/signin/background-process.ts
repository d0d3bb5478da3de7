/**
 * The process that stays signed in when its terminal is closed. Standard input tells it whom to sign in, and the PIN when it
 * asks for it; standard output says how it went. From then on it is alone, until the session ends or it is told to stop.
 */
import { concat, space, wipe } from '../bytes.ts'
import type { CardError } from '../errors.ts'
import type { PinRequest } from '../piv/host/pin-request.ts'
import { crossed, type Order, type Report } from './background-messages.ts'
import type { Session } from './session.ts'
import { type Held, signInHeld } from './shared-session.ts'

const LONGEST_LINE = 1024 * 1024

/** Standard input by lines, each the caller's to wipe. */
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

const say = (report: Report): Promise<void> =>
  new Promise((resolve) => process.stdout.write(`${JSON.stringify(report)}\n`, () => resolve()))

// Who read what it says may be gone.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

async function begin(lines: Lines, signal: AbortSignal): Promise<Held> {
  const { wait, ...order } = JSON.parse(Buffer.from(await lines.next()).toString('utf8')) as Order
  let pin: Uint8Array | undefined
  const options = {
    async pin(request: PinRequest) {
      await say({ is: 'pin', request })
      pin = await lines.next()
      return pin
    },
    ...(wait && { onWait: (error: CardError) => void say({ is: 'waiting', error: crossed(error) }) }),
  }
  try {
    return await signInHeld({ ...order, ...options, signal }, true)
  } finally {
    wipe(pin)
  }
}

function sayStarted({ user, address, how, service, slot, card, expires, socket = '' }: Session): Promise<void> {
  const facts = { user, address, how, service, slot, card: card.name, expires: expires.toISOString(), socket }
  return say({ is: 'signed-in', started: { pid: process.pid, ...facts } })
}

async function main(): Promise<number> {
  const stop = new AbortController()
  let held: Held | undefined
  const onStop = () => {
    stop.abort()
    void held?.session.signOut()
  }
  // A folder that it is in could not be unmounted.
  process.chdir('/')
  process.umask(0o077)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onStop)
  // Whoever started it goes when it is signed in, and not before.
  const lines = new Lines(process.stdin, () => held === undefined && onStop())
  try {
    held = await begin(lines, stop.signal)
    // Told to stop just when it was signed in.
    if (stop.signal.aborted) await held.session.signOut()
    stop.signal.throwIfAborted()
    await sayStarted(held.session)
  } catch (error) {
    await say({ is: 'failed', error: crossed(error) })
    return 1
  }
  await held.session.ended
  await held.closed
  return 0
}

process.exit(await main())
