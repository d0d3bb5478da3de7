// OpenSC as a program of its own: pkcs11.py, over Debian's PyKCS11.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { atExit, within } from '../support/temp.ts'

const MODULE = '/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so'.replace(
  'x86_64',
  process.arch === 'arm64' ? 'aarch64' : 'x86_64',
)
/** The one that Debian's packages are for. */
const PYTHON = '/usr/bin/python3'
const LIMIT_MS = 120_000

export interface Signed {
  /** r || s of each message in hex; null for one that was not signed. */
  readonly signatures: readonly (string | null)[]
  /** How often each CKR_ came. */
  readonly errors: Readonly<Record<string, number>>
}

export interface Pkcs11 {
  /** What is answered to one command of pkcs11.py. */
  ask<Answer = { readonly error?: string }>(command: {
    readonly do: string
    readonly [name: string]: unknown
  }): Promise<Answer>
  sign(id: number, count: number, pin?: string): Promise<Signed>
  stop(): Promise<void>
}

/** A session with the card in the reader. */
export function startPkcs11(reader: string): Pkcs11 {
  const script = fileURLToPath(new URL('pkcs11.py', import.meta.url))
  const child = spawn(PYTHON, [script, MODULE, reader], { stdio: ['pipe', 'pipe', 'inherit'] })
  const forget = atExit(() => child.kill('SIGKILL'))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask: Pkcs11['ask'] = async (command) => {
    child.stdin.write(`${JSON.stringify(command)}\n`)
    const { value, done } = await within(lines.next(), LIMIT_MS, `OpenSC: ${command.do}`)
    if (done === true) throw new Error(`pkcs11.py ended: ${await ended}`)
    return JSON.parse(value)
  }
  return {
    ask,
    sign: (id, count, pin) => ask({ do: 'sign', id, count, ...(pin !== undefined && { pin }) }),
    async stop() {
      child.stdin.end()
      await within(ended, LIMIT_MS, 'the end of pkcs11.py')
      forget()
    },
  }
}
