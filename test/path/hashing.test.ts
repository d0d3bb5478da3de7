// Long messages are hashed in slices, and the event loop turns between them: other work of a program goes on.
import { createHash } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { digestOf } from '../../src/piv/host/signature.ts'

const MIB = 1024 * 1024
const message = new Uint8Array(4 * MIB).map((_, at) => at * 7)
const expected = createHash('sha256').update(message).digest('hex')

async function* inParts(size: number) {
  for (let at = 0; at < message.length; at += size) yield message.subarray(at, at + size)
}

/** How often the event loop turned until `work` was done. */
async function turns(work: () => Uint8Array | Promise<Uint8Array>): Promise<{ digest: string; turns: number }> {
  let count = 0
  let over = false
  const turned = () => {
    count += 1
    if (!over) setImmediate(turned)
  }
  setImmediate(turned)
  const digest = hex(await work())
  over = true
  return { digest, turns: count }
}

for (const [what, data] of Object.entries({
  'in one piece': () => message,
  'in parts of 1 MiB': () => inParts(MIB),
  'in parts of 1000 octets': () => inParts(1000),
  'in one part': () => inParts(4 * MIB),
})) {
  test(`4 MiB ${what}`, async () => {
    const found = await turns(() => digestOf(data(), 'SHA-256'))
    assert.is(found.digest, expected)
    assert.ok(found.turns >= 15, `${found.turns} turns`)
  })
}

test('a short message takes none', async () => {
  assert.ok(digestOf(message.subarray(0, 64 * 1024), 'SHA-256') instanceof Uint8Array)
})

test('given up in the middle of a part', async () => {
  const stop = new AbortController()
  setImmediate(() => stop.abort(new Error('enough')))
  const found = await turns(async () => {
    const digest = digestOf(message, 'SHA-256', { signal: stop.signal })
    await Promise.resolve(digest).then(
      () => assert.unreachable(),
      (error) => assert.is(error.message, 'enough'),
    )
    return new Uint8Array(0)
  })
  assert.ok(found.turns < 8, `${found.turns} turns`)
})

test.run()
