// Files with public keys, as programs leave them. A private key is refused in every coding, and wiped.
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Context } from '../../src/cli/context.ts'
import { readPublicKey } from '../../src/cli/files.ts'
import { Output } from '../../src/cli/output.ts'
import { tempDir } from '../support/temp.ts'
import { Sink } from './cli.ts'

const path = join(tempDir('keys'), 'key.pem')
const streams = { stdout: new Sink(false), stderr: new Sink(false) }
const output = new Output({ json: false, quiet: false, level: 'info' }, streams)
const context = new Context({}, output, new AbortController().signal, [])

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const codings: ReadonlyArray<readonly [string, (text: string) => Uint8Array]> = [
  ['ASCII', (text) => Buffer.from(text)],
  ['UTF-16 with a mark', (text) => Buffer.from(`\ufeff${text}`, 'utf16le')],
  ['UTF-16, high octets first', (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
  ['UTF-16 without a mark', (text) => Buffer.from(text, 'utf16le')],
]
/** What asciiOf makes: it takes an ArrayBuffer of its own. */
async function buffersOf(work: () => Promise<unknown>): Promise<ArrayBuffer[]> {
  const made: ArrayBuffer[] = []
  const before = globalThis.ArrayBuffer
  globalThis.ArrayBuffer = class extends before {
    constructor(length: number) {
      super(length)
      made.push(this)
    }
  } as ArrayBufferConstructor
  try {
    await work()
  } finally {
    globalThis.ArrayBuffer = before
  }
  return made
}

for (const [coding, encode] of codings) {
  test(`${coding}: a public key is read`, async () => {
    writeFileSync(path, encode(publicKey.export({ type: 'spki', format: 'pem' }).toString()))
    assert.ok((await readPublicKey(context, path)).equals(publicKey))
  })

  for (const type of ['pkcs8', 'sec1'] as const) {
    test(`${coding}: a private key (${type}) is refused, and nothing of it stays`, async () => {
      writeFileSync(path, encode(privateKey.export({ type, format: 'pem' }).toString()))
      let message = ''
      const made = await buffersOf(() =>
        readPublicKey(context, path).catch((error: Error) => {
          message = error.message
        }),
      )
      assert.match(message, 'is a private key')
      assert.is(made.length > 0, coding !== 'ASCII')
      for (const buffer of made) assert.ok(Buffer.from(buffer).every((octet) => octet === 0))
    })
  }
}

test.run()
