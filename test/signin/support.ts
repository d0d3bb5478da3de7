// People with cards, the laboratory CA that certified them, and the sample service as a process of its own.
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { enroll, estProtocol } from '../../src/enroll/index.ts'
import { type Card, CardError, createCard, type ErrorCode } from '../../src/index.ts'
import { type Lab, PASSWORDS, startLab, type UserName } from '../lab-ca/support.ts'
import { program } from '../support/program.ts'
import { atExit, tempDir, within } from '../support/temp.ts'

export const PIN = '13579086'
export const WRONG_PIN = '246801'
export const ALICE = 'alice@lab.example'
const LIMIT_MS = 120_000

export interface RelyingParty {
  readonly url: string
  /** The certificate (PEM) that it is known by. */
  readonly ca: string
  readonly caFile: string
  /** What it said of each call. */
  readonly log: readonly string[]
  /** Waits until this is in what it said last: that comes from another process, in its own time. */
  saidLast(text: string): Promise<void>
  stop(): Promise<void>
  /** Stops it, if it runs, and starts it again at the same place. */
  restart(): Promise<void>
}

/** Knows alice and bob. */
export async function startRelyingParty(lab: Lab): Promise<RelyingParty> {
  const directory = tempDir('service')
  const users = join(directory, 'users.json')
  const names = Object.keys(PASSWORDS).map((user) => [`${user}@lab.example`, { user, name: user }])
  writeFileSync(users, JSON.stringify(Object.fromEntries(names)))
  const log: string[] = []
  let look = () => {}
  let end = async () => {}
  let url = ''

  async function start(listen: string): Promise<void> {
    const options = ['--directory', directory, '--ca', lab.certificateFile, '--users', users, '--listen', listen]
    const argv = [...program('examples/relying-party/main.ts'), ...options]
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] })
    const forget = atExit(() => child.kill('SIGKILL'))
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line)
      look()
    })
    const said = new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const [, found] = /runs at (https:\S+) until/.exec(line) ?? []
        if (found !== undefined) resolve(found)
      })
      void ended.then(() => reject(new Error(`the service ended: ${log.join('; ')}`)))
    })
    url = await within(said, LIMIT_MS, 'the service does not start')
    end = async () => {
      child.kill('SIGTERM')
      await within(ended, LIMIT_MS, 'the service does not end')
      forget()
    }
  }

  await start('127.0.0.1:0')
  const caFile = join(directory, 'server.pem')
  return {
    url,
    caFile,
    ca: readFileSync(caFile, 'utf8'),
    log,
    saidLast(text) {
      const said = new Promise<void>((resolve) => {
        look = () => void (log.at(-1)?.includes(text) && resolve())
        look()
      })
      return within(said, LIMIT_MS, `the service does not say ${text}`)
    },
    stop: () => end(),
    async restart() {
      await end()
      await start(new URL(url).host)
    },
  }
}

export interface Made {
  readonly home: string
  readonly name: string
  readonly tcti?: string
}

/** Gets a certificate of the lab for a new key. */
export async function certify(
  card: Card,
  lab: Lab,
  home: string,
  slot = '9a',
  user: UserName = 'alice',
): Promise<void> {
  const credentials = { user, password: Buffer.from(PASSWORDS[user]) }
  const ca = estProtocol({ url: lab.url, ca: lab.pem, credentials })
  const options = { template: 'smartcard-user', upn: `${user}@lab.example`, subject: `CN=${user}` }
  await enroll(card, { ca, home, slot, pin: PIN, authorize: () => card.verifyPin(PIN), ...options })
}

/** A card with a certificate in 9a; open. */
export async function makeCard(
  lab: Lab,
  { home, name, tcti = 'embedded:' }: Made,
  user: UserName = 'alice',
): Promise<Card> {
  const card = await createCard({ home, name, tcti, pin: PIN, puk: '86753098' })
  await certify(card, lab, home, '9a', user)
  return card
}

/** Alice's card `work` with a certificate, closed, and what she signs in to; all of it goes when the tests of the file end. */
export async function startWorld(): Promise<{
  readonly home: string
  readonly lab: Lab
  readonly service: RelyingParty
}> {
  const home = tempDir('home')
  const lab = await startLab()
  const service = await startRelyingParty(lab)
  await (await makeCard(lab, { home, name: 'work' })).close()
  test.after(async () => {
    await service.stop()
    await lab.close()
  })
  return { home, lab, service }
}

/** Fails unless `work` is refused with this code; its error. */
export async function refusedWith(code: ErrorCode, work: Promise<unknown>): Promise<CardError> {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  assert.instance(error, CardError, String(error))
  assert.is((error as CardError).code, code, (error as CardError).message)
  return error as CardError
}

export { startLab }
