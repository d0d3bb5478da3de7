// takes: 4 s
// time limit: 900 s
// After a PIN was used and the card locked, no copy of PIN or PUK is left in the memory of the process; behind a TPM
// outside the process, no authValue either. The whole of its writable memory is read from outside.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cardInfo } from '../../src/index.ts'
import { authValue } from '../../src/tpm/lock/auth-value.ts'
import { search } from '../support/memory.ts'
import { program } from '../support/program.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { atExit, tempDir, within } from '../support/temp.ts'
import { ascii, fromHex } from '../support/wire.ts'
import { SECRETS } from './memory-secrets.ts'

const LIMIT = 120_000
const text = (name: keyof typeof SECRETS): string =>
  String.fromCharCode(...[...SECRETS[name]].map((char) => (char.charCodeAt(0) - 0x40) & 0x7f))

function needlesFor(cardId: Uint8Array | undefined): Map<string, Uint8Array> {
  const needles = new Map<string, Uint8Array>()
  for (const name of ['pin', 'newPin', 'puk', 'newPuk'] as const) {
    const secret = ascii(text(name))
    needles.set(name, secret)
    needles.set(`${name} in UTF-16`, Uint8Array.from(Buffer.from(text(name), 'utf16le')))
    needles.set(`${name} in hex`, ascii(Buffer.from(secret).toString('hex')))
    const role = name === 'pin' || name === 'newPin' ? 'pin' : 'puk'
    if (cardId !== undefined) needles.set(`authValue of ${name}`, authValue(cardId, role, secret))
  }
  return needles
}

async function lookAt(home: string, tcti: string, withAuthValues: boolean): Promise<void> {
  const child = spawn(process.execPath, ['--expose-gc', ...program('test/library/memory-child.ts'), home, tcti], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const forget = atExit(() => child.kill('SIGKILL'))
  const ended = new Promise((resolve) => child.once('close', resolve))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  try {
    for (const stage of ['in use', 'locked', 'collected', 'closed']) {
      const { value } = await within(lines.next(), LIMIT, stage)
      assert.is(value, stage)
      const { cardId } = await cardInfo('work', { home })
      const needles = needlesFor(withAuthValues ? fromHex(cardId) : undefined)
      const { found, octets } = search(child.pid ?? 0, needles)
      assert.ok(octets > 10_000_000, `only ${octets} octets could be read`)
      if (stage === 'in use') {
        // What the child itself still has: so the search finds what is there.
        for (const name of ['pin', 'newPin', 'puk', 'newPuk'])
          assert.ok(found.some((one) => one.startsWith(`${name} at`)))
      } else {
        assert.equal(found, [], `${stage}: ${found.length} copies`)
      }
      child.stdin.write('go on\n')
    }
    await within(ended, LIMIT, 'its end')
  } finally {
    child.kill('SIGKILL')
    forget()
  }
}

test('swtpm: no PIN, no PUK and no authValue after the card is locked', async () => {
  const swtpm = await startSwtpm()
  await lookAt(tempDir('memory'), swtpm.tcti, true)
  await swtpm.stop()
})

test('embedded: no PIN and no PUK after the card is locked (the TPM itself has the authValues)', () =>
  lookAt(tempDir('memory'), 'embedded:', false))

test.run()
