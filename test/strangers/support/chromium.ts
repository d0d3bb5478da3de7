// Debian's Chromium as an organisation sets it up for cards: OpenSC in the database of NSS, and a policy that says for
// which addresses a certificate is shown without asking.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { atExit, tempDir, within } from '../../support/temp.ts'
import { OPENSC } from './opensc.ts'
import { file, ok } from './tools.ts'

const LIMIT_MS = 120_000
const POLICIES = '/etc/chromium/policies/managed'
const RULES = join(POLICIES, 'tessera-test.json')
/** The title of the window in which it asks for a PIN. */
export const PIN_WINDOW = '^Unlock Security Device$'

/** Why it cannot be tried here. */
export function noChromium(): string | undefined {
  const missing = ['chromium', 'Xvfb', 'xdotool', 'openbox'].find((name) => !existsSync(join('/usr/bin', name)))
  if (missing !== undefined) return `${missing} is not installed`
  return process.getuid?.() === 0 ? undefined : `only root may write to ${POLICIES}`
}

const FLAGS = [
  '--remote-debugging-pipe',
  '--no-startup-window',
  '--no-first-run',
  '--disable-gpu',
  // On a busy machine what draws is slow to start: it would be killed for it, and after a few times the browser ends.
  '--disable-gpu-watchdog',
  '--disable-gpu-process-crash-limit',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-extensions',
  '--disable-dev-shm-usage',
  '--password-store=basic',
  '--window-position=0,0',
  '--window-size=1000,720',
  // Root may not have its sandbox.
  ...(process.getuid?.() === 0 ? ['--no-sandbox', '--test-type'] : []),
]

export interface Chromium {
  /** What the page says, once it is there: not before the PIN was given, where one is asked for. */
  open(url: string): Promise<string>
  stop(): Promise<void>
}

/** A home with a database of NSS: OpenSC for keys, and the certificate of a service to trust. */
export async function homeWithCard(serviceCertificate: string): Promise<string> {
  const home = tempDir('home')
  const folder = join(home, '.pki/nssdb')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const database = `sql:${folder}`
  await ok('certutil', ['-d', database, '-N', '--empty-password'])
  await ok('certutil', ['-d', database, '-A', '-n', 'service', '-t', 'P,,', '-i', serviceCertificate])
  await ok('modutil', ['-dbdir', database, '-force', '-add', 'OpenSC', '-libfile', OPENSC])
  return home
}

/**
 * Certificates of an issuer are shown to a service without asking which. The one place for such rules is the machine's, and
 * of two files one counts: so this waits for other tests, and takes the file away when it is called back. A link, as it is
 * made by one alone; where it leads nowhere its test was killed.
 */
export async function showCertificates(url: string, issuer: string): Promise<() => void> {
  const rule = { pattern: url, filter: { ISSUER: { CN: issuer } } }
  const own = file(JSON.stringify({ AutoSelectCertificateForUrls: [JSON.stringify(rule)] }))
  const made = await linked(own)
  const release = () => {
    rmSync(RULES, { force: true })
    if (!made) return
    for (const folder of [POLICIES, dirname(POLICIES)]) {
      if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder)
    }
  }
  const forget = atExit(release)
  return () => {
    forget()
    release()
  }
}

/** Makes the link, and answers whether its folder was made too. */
async function linked(target: string): Promise<boolean> {
  for (const until = Date.now() + 2 * LIMIT_MS; Date.now() < until; ) {
    const made = !existsSync(POLICIES)
    mkdirSync(POLICIES, { recursive: true })
    try {
      symlinkSync(target, RULES)
      return made
    } catch (error) {
      // ENOENT: the other test has just taken the folder away.
      if (!['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
    // False where it leads nowhere.
    if (existsSync(RULES)) await new Promise((resolve) => setTimeout(resolve, 100))
    else rmSync(RULES, { force: true })
  }
  throw new Error(`${RULES} is another test's`)
}

/** How often it is started, where it ends before it has a page. It does so now and then, of itself. */
const STARTS = 3

export async function startChromium(home: string, env: Readonly<Record<string, string>>): Promise<Chromium> {
  for (let starts = 1; ; starts += 1) {
    try {
      return await started(home, env)
    } catch (error) {
      if (!(error instanceof Ended) || starts === STARTS) throw error
      console.log(`start ${starts}: ${error.message}`)
    }
  }
}

/** It is no more. */
class Ended extends Error {}

async function started(home: string, env: Readonly<Record<string, string>>): Promise<Chromium> {
  const profile = tempDir('profile')
  const child = spawn('chromium', [...FLAGS, `--user-data-dir=${profile}`], {
    env: { ...process.env, ...env, HOME: home, LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    // A group of its own, so that what it started ends with it.
    detached: true,
  })
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // all of it has ended
    }
  }
  const forget = atExit(kill)
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    const lines = chunk.toString().split('\n')
    // There is no message bus here, as it says many times.
    errors = (errors + lines.filter((line) => !line.includes('dbus/')).join('\n')).slice(-2000)
  })
  const said = once(child, 'close')
  const bounded = <T>(work: Promise<T>, what: string): Promise<T> =>
    within(work, LIMIT_MS, what).catch(async (error: unknown) => {
      if (!(error instanceof Ended)) throw new Error(`${String(error)}\n${errors}`)
      kill() // what it started may hold its standard error
      await within(said, LIMIT_MS, 'its standard error has no end')
      throw new Ended(`${error.message}, ${what}\n${errors}`)
    })
  const devtools = new Devtools(child)
  const page = await bounded(devtools.firstPage(), 'and had no page')
  return {
    async open(url) {
      const { errorText } = await bounded(page('Page.navigate', { url }), url)
      if (errorText !== undefined) throw new Error(`Chromium: ${String(errorText)}\n${errors}`)
      const { result } = await bounded(page('Runtime.evaluate', { expression: SHOWN, awaitPromise: true }), url)
      return String(result?.value)
    },
    async stop() {
      const ended = once(child, 'exit')
      devtools.send('Browser.close').catch(() => undefined)
      await bounded(ended, 'Chromium does not end')
      kill()
      forget()
    },
  }
}

/** The text of a page when it is drawn. */
const SHOWN = `new Promise((resolve) => {
  const drawn = () => requestAnimationFrame(() => requestAnimationFrame(() => resolve(document.body.innerText)))
  if (document.readyState === 'complete') drawn()
  else addEventListener('load', drawn)
})`

interface Reply {
  readonly [name: string]: unknown
  readonly result?: { readonly value?: unknown }
}
type Send = (method: string, params?: object) => Promise<Reply>

/** The protocol of its developer tools, over two pipes: JSON, each message with a zero behind it. */
class Devtools {
  readonly #waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>()
  readonly #out: Writable
  #last = 0
  #ended: Ended | undefined

  constructor(child: ChildProcess) {
    this.#out = child.stdio[3] as Writable
    this.#out.on('error', () => undefined)
    let pending = ''
    ;(child.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => {
      const messages = (pending + chunk).split('\0')
      pending = messages.pop() ?? ''
      for (const message of messages) this.#take(JSON.parse(message))
    })
    const end = (how: string) => {
      this.#ended = new Ended(`Chromium ended (${how})`)
      for (const { reject } of this.#waiting.values()) reject(this.#ended)
    }
    child.once('error', ({ message }) => end(message))
    child.once('exit', (code, signal) => end(String(code ?? signal)))
  }

  readonly send = (method: string, params: object = {}, sessionId?: string): Promise<Reply> =>
    new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended)
      this.#last += 1
      this.#waiting.set(this.#last, { resolve, reject })
      this.#out.write(`${JSON.stringify({ id: this.#last, method, params, sessionId })}\0`)
    })

  async firstPage(): Promise<Send> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', newWindow: true })
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true })
    return (method, params) => this.send(method, params, String(sessionId))
  }

  #take(message: {
    readonly id?: number
    readonly result?: Reply
    readonly error?: { readonly message: string }
  }): void {
    const waiting = this.#waiting.get(message.id ?? 0)
    this.#waiting.delete(message.id ?? 0)
    if (message.error !== undefined) waiting?.reject(new Error(message.error.message))
    else waiting?.resolve(message.result ?? {})
  }
}
