// A process, a thread or a key ends while a thread waits for a signature that nobody will give: nothing hangs.
// takes: 6 s
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NEW_KEY, runProgram } from './support/programs.ts'

/** What a thread does: it has a card and a key of its own, and tells when the PIN is asked for. */
const OWN_KEY = `
  const { parentPort } = require('node:worker_threads')
  newKey(() => { parentPort.postMessage('asked'); return never() }).then(({ key }) => signed(key.privateKey))`
const thread = (program: string, data = '{}') =>
  `const worker = new (require('node:worker_threads').Worker)(${JSON.stringify(NEW_KEY + program)}, { eval: true, workerData: ${data} })`

const ENDS: Readonly<Record<string, { readonly program: string; readonly status: number; readonly stdout?: string }>> =
  {
    'process.exit': {
      program: `newKey(() => process.exit(3)).then(({ key }) => signed(key.privateKey))`,
      status: 3,
    },
    'an error that nobody catches': {
      program: `newKey(() => { setImmediate(() => { throw new Error('x') }); return never() })
      .then(({ key }) => signed(key.privateKey))`,
      status: 1,
    },
    'a thread that has the card is terminated': {
      program: `${thread(OWN_KEY)}
      worker.on('message', async () => console.log(await worker.terminate()))`,
      status: 0,
      stdout: '1\n',
    },
    'a thread that has the card ends itself': {
      program: `${thread(`newKey(() => process.exit(5)).then(({ key }) => signed(key.privateKey))`)}
      worker.on('exit', console.log)`,
      status: 0,
      stdout: '5\n',
    },
    'process.exit while a thread has the card': {
      program: `${thread(OWN_KEY)}
      worker.on('message', () => process.exit(4))`,
      status: 4,
    },
    'a thread that has only the PEM signs synchronously': {
      program: `newKey('27182818').then(({ key, card }) => {
      ${thread(
        `const { parentPort, workerData } = require('node:worker_threads')
        parentPort.postMessage(sign('sha256', 'x', workerData.pem).length > 60)`,
        '{ pem: key.pem }',
      )}
      worker.on('message', (word) => { console.log(word); key.close(); card.close() })
    })`,
      status: 0,
      stdout: 'true\n',
    },
    'a thread that has only the PEM is terminated, and the key closed': {
      program: `let end
      newKey(() => { end(); return never() }).then(({ key, card }) => {
      ${thread(`sign('sha256', 'x', require('node:worker_threads').workerData.pem)`, '{ pem: key.pem }')}
      end = async () => {
        const over = worker.terminate()
        key.close()
        console.log(await over)
        process.exit()
      }
    })`,
      status: 0,
      stdout: '1\n',
    },
    'the key is closed, and closed again': {
      program: `let key
      newKey(() => { key.close(); key.close(); return never() }).then(async (made) => {
        key = made.key
        console.log((await signed(key.privateKey)).message.split('::')[1])
        await made.card.close()
      })`,
      status: 0,
      stdout: 'ERR_CARD_CLOSED\n',
    },
  }

for (const [title, { program, status, stdout = '' }] of Object.entries(ENDS)) {
  test(title, () => {
    const outcome = runProgram(program)
    assert.equal([outcome.status, outcome.stdout], [status, stdout], outcome.stderr)
  })
}

test('a pool of one thread: keys that are unlocked sign, and a PIN is not asked for', () => {
  const { stdout, stderr } = runProgram(
    `newKey('27182818').then(async ({ card, key }) => {
      console.log((await signed(key.privateKey)).cause.code)
      await card.verifyPin('27182818')
      const all = await Promise.all(Array.from({ length: 100 }, () => signed(key.privateKey)))
      console.log(all.filter((one) => one.length > 60).length)
      process.exit()
    })`,
    { UV_THREADPOOL_SIZE: '1' },
  )
  assert.is(stdout, 'ERR_KEY_BUSY\n100\n', stderr)
})

test.run()
