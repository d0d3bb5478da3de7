// takes: 4 s
// Frames of vpcd: put together from whatever pieces they come in, and nothing of one left behind.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { equal } from '../../src/bytes.ts'
import { encodeFrame, FrameError, FrameReader, LONGEST_FRAME } from '../../src/serve/vpcd/framing.ts'
import { requestOf } from '../../src/serve/vpcd/vpcd-protocol.ts'
import { filled, octets } from '../support/octets.ts'

/** Every frame in `pieces`, taken as soon as it is there. */
function read(reader: FrameReader, pieces: readonly Uint8Array[]): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (const piece of pieces) {
    assert.ok(reader.hasRoom)
    reader.push(piece)
    for (let frame = reader.frame; frame !== undefined; frame = reader.frame) {
      frames.push(frame.slice())
      reader.drop()
    }
  }
  return frames
}

const isA = (kind: abstract new (...args: never[]) => Error) => (error: unknown) => error instanceof kind

const cut = (whole: Uint8Array, ...at: number[]): Uint8Array[] =>
  [0, ...at].map((from, index) => whole.slice(from, at[index] ?? whole.length))

const pieces = (whole: Uint8Array, length: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(whole.length / length) }, (_, index) =>
    whole.subarray(index * length, (index + 1) * length),
  )

test('every length there is', () => {
  const reader = new FrameReader(4096)
  const payload = filled(LONGEST_FRAME)
  for (let length = 1; length <= LONGEST_FRAME; length += 1) {
    const frame = encodeFrame(payload.subarray(0, length))
    for (const piece of pieces(frame, 4096)) reader.push(piece)
    if (reader.frame?.length !== length) assert.unreachable(`a frame of ${length}`)
    reader.drop()
    if (reader.frame !== undefined) assert.unreachable(`a frame after that of ${length}`)
  }
})

test('no frame of no octets, and none of more than there can be', () => {
  for (const length of [0, LONGEST_FRAME + 1]) assert.throws(() => encodeFrame(filled(length)), isA(RangeError))
  const reader = new FrameReader(16)
  reader.push(octets('00 00'))
  assert.throws(() => reader.frame, isA(FrameError))
})

test('several frames, cut at every two places', () => {
  const payloads = [octets('04'), filled(9), octets('01'), filled(300, 0x5a), octets('00')]
  const stream = Uint8Array.from(payloads.flatMap((payload) => [...encodeFrame(payload)]))
  const reader = new FrameReader(stream.length)
  for (let first = 0; first <= stream.length; first += 1) {
    for (let second = first; second <= stream.length; second += 1) {
      const frames = read(reader, cut(stream, first, second))
      const same =
        frames.length === payloads.length && frames.every((frame, at) => equal(frame, payloads[at] as Uint8Array))
      if (!same) assert.unreachable(`cut at ${first} and ${second}`)
    }
  }
})

test('octet by octet', () => {
  const payload = Uint8Array.from({ length: 300 }, (_, index) => index & 0xff)
  assert.equal(read(new FrameReader(1), pieces(encodeFrame(payload), 1)), [payload])
})

test('one frame and one piece: so much there is room for, and no more', () => {
  const reader = new FrameReader(8)
  const whole = encodeFrame(filled(LONGEST_FRAME))
  for (const piece of pieces(whole, 8)) {
    assert.ok(reader.hasRoom)
    reader.push(piece)
  }
  assert.is(reader.frame?.length, LONGEST_FRAME)
  reader.push(filled(7))
  assert.not(reader.hasRoom)
  assert.throws(() => reader.push(filled(9)), isA(RangeError))
  reader.drop()
  assert.ok(reader.hasRoom)
})

test('nothing of a frame is left when it is dropped, whatever follows it', () => {
  const reader = new FrameReader(64)
  const memory = () => new Uint8Array((reader.frame ?? new Uint8Array(0)).buffer)
  reader.push(Uint8Array.of(...encodeFrame(octets('aa bb cc dd ee ff')), ...encodeFrame(octets('11')), 0x00))
  const octetsOfReader = memory()
  assert.ok(octetsOfReader.includes(0xdd))
  reader.drop()
  assert.equal(
    [...octetsOfReader].filter((octet) => octet !== 0),
    [0x01, 0x11],
  )
  reader.drop()
  reader.push(octets('05 aa bb'))
  assert.is(reader.frame, undefined)
  reader.clear()
  assert.ok(octetsOfReader.every((octet) => octet === 0))
  assert.equal(read(reader, [encodeFrame(octets('04'))]), [octets('04')])
})

test('what a frame asks for', () => {
  const asked = (digits: string) => requestOf(octets(digits))
  assert.equal(['00', '01', '02', '04'].map(asked), ['power', 'power', 'power', 'atr'])
  assert.equal(['0000', '04ff', '00200080', '00'.repeat(65_535)].map(asked), Array(4).fill('command'))
  for (let code = 0; code < 256; code += 1) {
    if (![0, 1, 2, 4].includes(code)) assert.throws(() => requestOf(Uint8Array.of(code)), isA(FrameError))
  }
})

test.run()
