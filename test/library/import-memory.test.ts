// takes: 12 s
// After private keys were imported, V8's heap has no number of them: no scalar, no prime and no private exponent, as octets or
// as text. What OpenSSL keeps of a KeyObject is in memory of malloc, which is not looked at.
import { spawn } from 'node:child_process'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { search } from '../support/memory.ts'
import { privateJwk } from '../support/private-jwk.ts'
import { program } from '../support/program.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { atExit, tempDir, within } from '../support/temp.ts'
import { ascii } from '../support/wire.ts'

const LIMIT = 120_000
/** All of malloc in one place, so that what is elsewhere is V8's, or a stack. */
const ONE_HEAP = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '1073741824' }
const KEYS: Readonly<Record<string, KeyObject>> = {
  '9a': generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  '9d': generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  '82': generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
}

/** The secret numbers of all keys. */
function secrets(): Map<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (const [slot, key] of Object.entries(KEYS)) {
    const jwk = privateJwk(key)
    for (const part of ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const) {
      if (jwk[part] !== undefined) found.set(`${part} of ${slot}`, Buffer.from(jwk[part], 'base64url'))
    }
  }
  return found
}

/** As text: what of base64 does not depend on the octets around, in each place that a number may have in them. */
function texts(octets: Buffer): string[] {
  const hex = octets.toString('hex')
  const base64 = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), octets])
      .toString('base64')
      .slice(4, -4),
  )
  const url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))
  return [hex, hex.toUpperCase(), ...base64, ...url, BigInt(`0x${hex}`).toString()]
}

interface Left {
  /** Texts in the heap snapshot. */
  readonly snapshot: readonly string[]
  /** Octets and texts in memory that is not malloc's. */
  readonly memory: readonly string[]
}

async function leftBy(how: 'octets' | 'jwk', tcti: string): Promise<Left> {
  const folder = tempDir('import')
  const files = Object.entries(KEYS).map(([slot, key]) => {
    const path = join(folder, slot)
    writeFileSync(path, key.export({ type: 'pkcs8', format: 'der' }))
    return `${slot}=${path}`
  })
  const snapshot = join(folder, 'snapshot')
  const args = ['--expose-gc', ...program('test/library/import-memory-child.ts')]
  const child = spawn(process.execPath, [...args, join(folder, 'home'), tcti, snapshot, how, ...files], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...ONE_HEAP },
  })
  const forget = atExit(() => child.kill('SIGKILL'))
  const ended = new Promise((resolve) => child.once('close', resolve))
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    assert.is((await within(lines.next(), LIMIT, 'the import')).value, 'imported')
    const numbers = secrets()
    const needles = new Map<string, Uint8Array>()
    for (const [name, octets] of numbers) {
      needles.set(name, octets)
      for (const [at, text] of texts(octets).entries()) needles.set(`${name}, text ${at}`, ascii(text))
    }
    const { found, octets } = search(child.pid ?? 0, needles)
    assert.ok(octets > 10_000_000, `only ${octets} octets could be read`)
    const heap = readFileSync(snapshot)
    child.stdin.write('go on\n')
    await within(ended, LIMIT, 'its end')
    return {
      memory: found.filter((one) => one.includes(' in anonymous')).map((one) => one.replace(/: [0-9a-f]+$/, '')),
      snapshot: [...numbers].filter(([, one]) => texts(one).some((text) => heap.includes(text))).map(([name]) => name),
    }
  } finally {
    child.kill('SIGKILL')
    forget()
  }
}

test('keys that are imported leave nothing in V8’s heap; those that are kept as text are found there', async () => {
  const swtpm = await startSwtpm()
  assert.equal(await leftBy('octets', swtpm.tcti), { memory: [], snapshot: [] })
  await swtpm.stop()
  const another = await startSwtpm()
  const { memory, snapshot } = await leftBy('jwk', another.tcti)
  assert.equal(snapshot, [...secrets().keys()])
  assert.ok(memory.length >= snapshot.length)
  await another.stop()
})

test.run()
