// Programs of their own that use a key of a card, by the package as it is built.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { tempDir } from '../../support/temp.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** CommonJS, for the main program and for threads: a new card with a key in 9a, locked, and Node's key of it. */
export const NEW_KEY = `
  const { sign } = require('node:crypto')
  const newKey = async (onPin) => {
    const { createCard } = await import('tessera-card')
    const { cardKey } = await import('tessera-card/keys')
    const name = 'card-' + process.pid + '-' + require('node:worker_threads').threadId
    const card = await createCard({ name, pin: '27182818', puk: '86753098', tcti: 'embedded:' })
    await card.verifyPin('27182818')
    const publicKey = await card.generateKey('9a')
    await card.lock()
    return { card, publicKey, key: await cardKey(card, '9a', { onPin }) }
  }
  const never = () => new Promise(() => {})
  const signed = (key) => new Promise((done) => sign('sha256', 'x', key, (error, signature) => done(error ?? signature)))
`

/** Runs it to its end; `null` as its status where it had to be killed. */
export function runProgram(program: string, env: NodeJS.ProcessEnv = {}, ...options: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...options, '--eval', NEW_KEY + program], {
    cwd: root,
    env: { ...process.env, TESSERA_HOME: tempDir('home'), ...env },
    encoding: 'utf8',
    timeout: 300_000,
  })
  return { status, stdout, stderr }
}
