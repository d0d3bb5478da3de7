// takes: 10 s
// After a command has ended no copy of a secret that it read from a file is left in the memory of its process: of the PIN,
// of an admin key, of the passphrase of a key file.
import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createCard } from '../../src/index.ts'
import { search } from '../support/memory.ts'
import { program } from '../support/program.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { atExit, tempDir, within } from '../support/temp.ts'
import { secretFile } from './cli.ts'

const LIMIT = 120_000
const PIN = '93710482'
const PASSPHRASE = 'Passphrase of 1 key'

test('PIN, admin key and passphrase', async () => {
  const home = tempDir('home')
  const at = (name: string) => join(home, name)
  const { tcti, stop } = await startSwtpm()
  const card = await createCard({ name: 'work', home, tcti, pin: PIN })
  await card.verifyPin(PIN)
  await card.generateKey('9a')
  await card.close()
  const adminKey = randomBytes(24)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE } as const
  writeFileSync(at('key.pem'), privateKey.export(encrypted))
  writeFileSync(at('message'), 'a message')
  const pin = ['--pin-file', secretFile(at('pin'), PIN)]
  const lines = [
    ['sign', '9a', at('message'), '-o', at('signature'), ...pin],
    ['key', 'import', '82', at('key.pem'), '--pin-file', secretFile(at('both'), PASSPHRASE, PIN)],
    ['admin-key', 'change', secretFile(at('admin'), adminKey.toString('hex')), ...pin],
  ]
  const argv = ['--expose-gc', ...program('test/cli/memory-child.ts'), JSON.stringify(lines)]
  const env = { ...process.env, TESSERA_HOME: home }
  const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'], env })
  const forget = atExit(() => child.kill('SIGKILL'))
  const ended = new Promise((resolve) => child.once('close', resolve))
  try {
    const said = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const { value } = await within(said.next(), LIMIT, 'the commands')
    assert.is(value, '[0,0,0]')
    const needles = new Map<string, Uint8Array>([
      ['PIN', Buffer.from(PIN)],
      ['passphrase', Buffer.from(PASSPHRASE)],
      ['admin key', adminKey],
      ['digits of the admin key', Buffer.from(adminKey.toString('hex'))],
    ])
    assert.equal(search(child.pid ?? 0, needles).found, [])
    child.stdin.write('go on\n')
    await within(ended, LIMIT, 'its end')
  } finally {
    child.kill('SIGKILL')
    forget()
    await stop()
  }
})

test.run()
