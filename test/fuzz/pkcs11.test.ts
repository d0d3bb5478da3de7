// time limit: 900 s
// takes: 10 s
// Damaged streams of p11-kit's protocol, against what a page of plain code says of the same stream; and every frame of it
// is answered in the right form, whatever is in it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import { answerTo } from '../../src/doors/pkcs11/answer.ts'
import { CKA } from '../../src/doors/pkcs11/attributes.ts'
import { CALLS } from '../../src/doors/pkcs11/calls.ts'
import { FieldReader } from '../../src/doors/pkcs11/field-reader.ts'
import { FrameError, FrameReader } from '../../src/doors/pkcs11/frames.ts'
import { Program } from '../../src/doors/pkcs11/program.ts'
import { frame, furnishedCard, message, PIN, source, template } from '../doors/pkcs11/support/program.ts'
import { FUZZ_SECONDS, fuzz } from './harness.ts'

const memory = await furnishedCard()
const program = new Program([source(memory)], 2)
program.isInitialized = true
const session = await program.open(program.token(1), true)
await session.token.logInUser(utf8(PIN))
const handle = session.handle
await session.token.visible()
const key = session.token.objects.handle('private key 9a') ?? 0

const stream = (...messages: readonly Uint8Array[]) =>
  Uint8Array.from(messages.flatMap((one, at) => [...frame(at, one)]))

const seeds = [
  stream(
    message('C_GetInfo'),
    message('C_GetSlotList', (request) => request.byte(1).uint32(4)),
  ),
  stream(
    message('C_FindObjectsInit', (request) => template(request.ulong(handle), [CKA.class, 3], [CKA.token, true])),
    message('C_FindObjects', (request) => request.ulong(handle).uint32(8)),
    message('C_FindObjectsFinal', (request) => request.ulong(handle)),
  ),
  stream(
    message('C_GetAttributeValue', (request) =>
      request.ulong(handle).ulong(key).uint32(2).uint32(CKA.label).uint32(40).uint32(CKA.class).uint32(8),
    ),
    message('C_GetMechanismInfo', (request) => request.ulong(1).ulong(0x1041)),
  ),
  stream(
    message('C_SignInit', (request) => request.ulong(handle).uint32(0x1041).uint32(0xffff_ffff).ulong(key)),
    message('C_SignInit', (request) =>
      request.ulong(handle).uint32(0x43).byte(1).ulong(0x250).ulong(2).ulong(32).ulong(key),
    ),
    message('C_SignUpdate', (request) => request.ulong(handle).byteArray(new Uint8Array(32))),
  ),
  stream(
    message('C_DeriveKey', (request) =>
      template(
        request.ulong(handle).uint32(0x1050).ulong(1).uint32(0xffff_ffff).octets(new Uint8Array(65)).ulong(key),
        [CKA.valueLength, 32],
      ),
    ),
  ),
  stream(
    message('C_CreateObject', (request) => template(request.ulong(handle), [CKA.class, 1], [CKA.value, utf8('0')])),
  ),
]
const LONGEST = 1024 * 1024

/** The plain rules: messages as they stand one after the other, up to the first that is too long. */
function expected(input: Uint8Array): { readonly lengths: number[]; readonly refused: boolean } {
  const lengths: number[] = []
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  for (let at = 0; at + 12 <= input.length; ) {
    const [options, length] = [view.getUint32(at + 4), view.getUint32(at + 8)]
    if (options > 4096 || length > LONGEST) return { lengths, refused: true }
    at += 12 + options + length
    if (at > input.length) break
    lengths.push(length)
  }
  return { lengths, refused: false }
}

const FORMS = new Map<number, string>([...Object.values(CALLS)].map(([number, , form]) => [number, form]))

async function target(input: Uint8Array): Promise<void> {
  const { lengths, refused } = expected(input)
  const frames = new FrameReader()
  const found: number[] = []
  let thrown: unknown
  const piece = 1 + (input.length % 97)
  try {
    for (let at = 0; at < input.length; at += piece) {
      frames.push(input.subarray(at, at + piece))
      for (let one = frames.take(); one !== undefined; one = frames.take()) {
        found.push(one.message.length)
        await checkAnswer(one.message)
      }
    }
  } catch (error) {
    if (!(error instanceof FrameError)) throw error
    thrown = error
  }
  if ((thrown !== undefined) !== refused) throw new Error(refused ? 'it was not refused' : 'it was refused')
  if (found.join() !== lengths.join()) throw new Error(`frames of ${found}, and not of ${lengths}`)
  if (thrown !== undefined) throw thrown
}

/** In the form of its call, or a return value that is no success. */
async function checkAnswer(octets: Uint8Array): Promise<void> {
  const called = octets.length >= 4 ? new FieldReader(octets).uint32() : 0
  const troubles: unknown[] = []
  const answer = await answerTo(octets, program, (error) => troubles.push(error))
  if (troubles.length > 0) throw troubles[0]
  const fields = new FieldReader(answer.written)
  const [number, form] = [fields.uint32(), Buffer.from(fields.octets() ?? []).toString()]
  const isError = number === 0 && form === 'u' && fields.ulong() > 0 && fields.left === 0
  if (!isError && (number !== called || FORMS.get(number) !== form)) throw new Error(`the answer ${number} ${form}`)
}

test('frames and calls of p11-kit', async () => {
  assert.ok((await fuzz('pkcs11', seeds, FUZZ_SECONDS, target, { refusals: [FrameError] })) > 1000)
  assert.is(memory.pin.left, 5)
})

test.run()
