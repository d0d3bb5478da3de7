// time limit: 900 s
// takes: 10 s
// Damaged streams of pcsc-lite's client protocol, in pieces of any length, against what a page of plain code says of the
// same stream.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { equal } from '../../src/bytes.ts'
import { MessageReader } from '../../src/doors/pcsc/message-reader.ts'
import { encode, MessageError } from '../../src/doors/pcsc/messages.ts'
import { filled, octets } from '../support/octets.ts'
import { FUZZ_SECONDS, fuzz } from './harness.ts'

const select = octets('00a4040009a00000030800001000')
const reader = Uint8Array.from(Buffer.from('Tessera work 00 00'))
const transmit = (apdu: Uint8Array) => encode('transmit', { card: 7, protocol: 2, sent: apdu.length, room: 258 }, apdu)
const stream = (...messages: readonly Uint8Array[]) => Uint8Array.from(messages.flatMap((one) => [...one]))

const seeds = [
  stream(encode('version', { major: 4, minor: 4 }), encode('establishContext'), encode('readerStates')),
  stream(encode('connect', { context: 9, reader, shareMode: 2, protocols: 3 }), transmit(select)),
  stream(encode('beginTransaction', { card: 7 }), transmit(filled(255)), encode('endTransaction', { card: 7 })),
  stream(encode('waitForChange', {}, undefined, true), encode('stopWaiting'), encode('tableSize'), encode('table')),
  stream(transmit(filled(3000)), encode('control', { card: 7, code: 0x4200_0d48, sent: 4 }, filled(4))),
  stream(encode('getAttribute', { card: 7, id: 0x0009_0303, length: 264 }), encode('cancel', { context: 9 })),
]

/** Octets of the body by command; two of them may have none. */
const SIZES: Readonly<Record<number, number>> = {
  ...{ 1: 12, 2: 8, 4: 152, 5: 24, 6: 12, 7: 8, 8: 12, 9: 32, 10: 24, 11: 8, 13: 8, 15: 280, 16: 280, 17: 12 },
  ...{ 18: 0, 19: 8, 20: 8, 21: 0, 22: 0, 23: 0 },
}
const LONGEST = 65_548

interface Plain {
  readonly name: number
  readonly octets: Uint8Array
}

/** The plain rules: messages as they stand one after the other, up to the first that is none. */
function expected(input: Uint8Array): { messages: Plain[]; refused: boolean } {
  const messages: Plain[] = []
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const number = (at: number) => view.getUint32(at, true)
  for (let at = 0; at + 8 <= input.length; ) {
    const [size, command] = [number(at), number(at + 4)]
    const wanted = SIZES[command]
    const fits = size === wanted || (size === 0 && (command === 19 || command === 20))
    if (wanted === undefined || !fits) return { messages, refused: true }
    let end = at + 8 + size
    if (end > input.length) break
    if (command === 9 || command === 10) {
      const sent = number(at + 8 + (command === 9 ? 12 : 8))
      if (sent > LONGEST) return { messages, refused: true }
      end += sent
    }
    if (end > input.length) break
    messages.push({ name: command, octets: input.slice(at + 8, end) })
    at = end
  }
  return { messages, refused: false }
}

function target(input: Uint8Array): void {
  const { messages, refused } = expected(input)
  const longest = 1 + (input.length % 97)
  const reader = new MessageReader(longest)
  const found: Uint8Array[] = []
  let thrown: unknown
  try {
    for (let at = 0; at < input.length; at += longest) {
      if (!reader.hasRoom) throw new Error('there is no room for what is not complete')
      reader.push(input.subarray(at, at + longest))
      for (let one = reader.take(); one !== undefined; one = reader.take()) {
        found.push(Uint8Array.from([...one.body, ...one.data]))
      }
    }
  } catch (error) {
    if (!(error instanceof MessageError)) throw error
    thrown = error
  }
  if ((thrown !== undefined) !== refused) throw new Error(refused ? 'it was not refused' : 'it was refused')
  const same = found.every((one, at) => equal(one, messages[at]?.octets ?? new Uint8Array(0)))
  if (found.length !== messages.length || !same) {
    throw new Error(`${found.length} messages, and not the ${messages.length} that there are`)
  }
  if (thrown !== undefined) throw thrown
}

test('messages of pcsc-lite', async () => {
  assert.ok((await fuzz('pcsc', seeds, FUZZ_SECONDS, target, { refusals: [MessageError] })) > 1000)
})

test.run()
