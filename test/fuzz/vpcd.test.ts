// time limit: 900 s
// takes: 10 s
// Damaged streams of vpcd, in pieces of any length, against what a page of plain code says of the same stream.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { equal } from '../../src/bytes.ts'
import { encodeFrame, FrameError, FrameReader } from '../../src/serve/vpcd/framing.ts'
import { requestOf } from '../../src/serve/vpcd/vpcd-protocol.ts'
import { filled, octets } from '../support/octets.ts'
import { FUZZ_SECONDS, fuzz } from './harness.ts'

const stream = (...payloads: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(payloads.flatMap((payload) => [...encodeFrame(payload)]))

const seeds = [
  stream(octets('04'), octets('01'), octets('04')),
  stream(octets('04'), octets('00a4040009a00000030800001000'), octets('00200080083132333435360ff0'), octets('00')),
  stream(octets('02'), octets('04'), octets('00cb3fff055c035fc10200')),
  stream(filled(255), filled(256), filled(257)),
  stream(filled(4000), octets('04')),
]

/** The plain rules: frames as they stand one after the other, up to the first that is none. */
function expected(input: Uint8Array): { frames: Uint8Array[]; refused: boolean } {
  const frames: Uint8Array[] = []
  for (let at = 0; at + 2 <= input.length; ) {
    const end = at + 2 + (input[at] ?? 0) * 256 + (input[at + 1] ?? 0)
    const payload = input.slice(at + 2, end)
    if (end === at + 2) return { frames, refused: true }
    if (end > input.length) break
    if (payload.length === 1 && ![0, 1, 2, 4].includes(payload[0] ?? 0xff)) return { frames, refused: true }
    frames.push(payload)
    at = end
  }
  return { frames, refused: false }
}

function target(input: Uint8Array): void {
  const { frames, refused } = expected(input)
  const longest = 1 + (input.length % 97)
  const reader = new FrameReader(longest)
  const found: Uint8Array[] = []
  const take = () => {
    for (let frame = reader.frame; frame !== undefined; frame = reader.frame) {
      requestOf(frame)
      found.push(frame.slice())
      reader.drop()
    }
  }
  let thrown: unknown
  try {
    for (let at = 0; at < input.length; at += longest) {
      reader.push(input.subarray(at, at + longest))
      take()
    }
  } catch (error) {
    if (!(error instanceof FrameError)) throw error
    thrown = error
  }
  if ((thrown !== undefined) !== refused) throw new Error(refused ? 'it was not refused' : 'it was refused')
  if (found.length !== frames.length || !found.every((frame, at) => equal(frame, frames[at] as Uint8Array))) {
    throw new Error(`${found.length} frames, and not the ${frames.length} that there are`)
  }
  if (thrown !== undefined) throw thrown
}

test('frames of vpcd', async () => {
  assert.ok((await fuzz('vpcd', seeds, FUZZ_SECONDS, target, { refusals: [FrameError] })) > 1000)
})

test.run()
