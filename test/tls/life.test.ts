// An agent and its process: neither keeps the other.
// takes: 7 s
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { program } from '../support/program.ts'
import { within } from '../support/temp.ts'
import { LIMIT_MS } from './support/stage.ts'

/** What a process says that uses an agent in that way, and how it ends. */
async function life(way: string): Promise<readonly [words: string, code: number, problems: string]> {
  const child = spawn(process.execPath, [...program('test/tls/support/child.ts'), way], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  try {
    const all = Promise.all([text(child.stdout), once(child, 'exit'), text(child.stderr)])
    const [words, [code], problems] = await within(all, LIMIT_MS, `the process does not end: ${way}`)
    return [words, code as number, problems]
  } finally {
    child.kill('SIGKILL')
  }
}

for (const [way, title] of [
  ['idle', 'a connection that is kept for later keeps no process'],
  ['unref', 'nor does one that nobody waits for'],
  ['destroyed', 'nor an agent that was destroyed'],
  ['killed', 'nor an agent whose thread was killed'],
  ['thread', 'an agent in a thread lets that end'],
  ['terminated', 'a thread that is ended while the card signs for an agent in it'],
  ['exit', 'process.exit while the card signs'],
] as const) {
  test(title, async () => {
    const [words, code, problems] = await life(way)
    assert.match(words, /^Maria/)
    assert.is(code, 0, problems)
  })
}

test('an exception that nobody catches, while the card signs', async () => {
  const [, code, problems] = await life('exception')
  assert.is(code, 1)
  assert.match(problems, 'Error: mine')
})

test('a Node whose OpenSSL takes no provider: what to do instead is said', async () => {
  const [words, code] = await life('missing')
  assert.equal([words, code], ['ERR_NO_PROVIDER true\n', 0])
})

test.run()
