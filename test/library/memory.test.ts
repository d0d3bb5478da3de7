// takes: 15 s
// time limit: 120 s
// After a PIN was used and the card locked, no copy of PIN or PUK is left in the memory of the process; behind a TPM
// outside the process, no authValue either. The whole of its writable memory is read from outside.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cardInfo } from '../../src/index.ts'
import { authValue } from '../../src/tpm/lock/auth-value.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { atExit, tempDir, within } from '../support/temp.ts'
import { ascii, fromHex } from '../support/wire.ts'
import { SECRETS } from './memory-secrets.ts'

const script = fileURLToPath(new URL('./memory-child.ts', import.meta.url))
const LIMIT = 60_000
const text = (name: keyof typeof SECRETS): string =>
  String.fromCharCode(...[...SECRETS[name]].map((char) => (char.charCodeAt(0) - 0x40) & 0x7f))

/** Where each needle stands in the writable memory of a process: names of needle and mapping, and what is around it. */
function search(pid: number, needles: ReadonlyMap<string, Uint8Array>): { found: string[]; octets: number } {
  const found: string[] = []
  let octets = 0
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
      const [, from = '', to = '', path = ''] = /^(\w+)-(\w+) rw.. \S+ \S+ \S+ *(.*)$/.exec(line) ?? []
      if (from === '' || path === '[vvar]') continue
      const start = Number.parseInt(from, 16)
      const end = Number.parseInt(to, 16)
      const step = 1 << 24
      const overlap = 64
      for (let at = start; at < end; at += step) {
        const chunk = Buffer.alloc(Math.min(step + overlap, end - at))
        let length = 0
        try {
          length = readSync(memory, chunk, 0, chunk.length, at)
        } catch {
          continue // a mapping that went away, or has nothing behind it
        }
        octets += length
        for (const [name, needle] of needles) {
          for (let hit = chunk.indexOf(needle); hit >= 0 && hit < step; hit = chunk.indexOf(needle, hit + 1)) {
            const around = chunk.subarray(Math.max(0, hit - 48), hit + needle.length + 32)
            found.push(`${name} at ${(at + hit).toString(16)} in ${path || 'anonymous'}: ${around.toString('hex')}`)
          }
        }
      }
    }
  } finally {
    closeSync(memory)
  }
  return { found, octets }
}

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
  const child = spawn(process.execPath, ['--expose-gc', '--import', import.meta.resolve('tsx'), script, home, tcti], {
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
