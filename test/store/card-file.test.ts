// The card file as octets: what is written is read again, and nothing else is.
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError, FileError } from '../../src/errors.ts'
import { CARD_FILE_LIMIT, type CardFile, decodeCardFile, encodeCardFile } from '../../src/tpm/store/card-file.ts'
import { arbitraryCard, sampleCard, sealedSample } from './support/cards.ts'
import { path, refusal, refused, sample, text } from './support/refusals.ts'

const golden = new URL('./golden/card-v1.card', import.meta.url)
const goldenSealed = new URL('./golden/card-v2.card', import.meta.url)

test('version 1 stays readable and stays what is written (never make this file anew)', () => {
  const file = readFileSync(golden)
  assert.equal(decodeCardFile(file, path), sampleCard())
  assert.is(Buffer.from(sample).toString(), file.toString())
})

test('version 2, with a seal, stays readable and stays what is written (never make this file anew)', () => {
  const file = readFileSync(goldenSealed)
  assert.equal(decodeCardFile(file, path), sealedSample())
  assert.is(Buffer.from(encodeCardFile(sealedSample())).toString(), file.toString())
})

test('version 1 has no seal, and version 2 has one', () => {
  const sealed = Buffer.from(encodeCardFile(sealedSample())).toString()
  refused(Buffer.from(sealed.replace('tessera-card 2 ', 'tessera-card 1 ')))
  refused(Buffer.from(text.replace('tessera-card 1 ', 'tessera-card 2 ')))
})

test('a seal has all its parts, each of its size', () => {
  const { seal } = sealedSample()
  if (seal === undefined) throw new Error('no seal')
  const unfit = [
    { ...seal, mac: new Uint8Array(31) },
    { ...seal, pin: { ...seal.pin, approval: new Uint8Array(63) } },
    { ...seal, pin: { ...seal.pin, mac: new Uint8Array(33) } },
    { ...seal, pin: undefined },
    { ...seal, key: { public: seal.key.public } },
  ]
  for (const one of unfit) {
    assert.throws(
      () => encodeCardFile({ ...sampleCard(), seal: one as typeof seal }),
      (error: unknown) => error instanceof FileError && error.code === 'ERR_CARD_FILE',
    )
  }
})

test('every card that can be written is read again, as it was', () => {
  for (let seed = 0; seed < 300; seed++) {
    const card = arbitraryCard(seed)
    const file = encodeCardFile(card)
    const read = decodeCardFile(file, path)
    assert.equal(read, withoutAbsent(card), `seed ${seed}`)
    assert.equal(encodeCardFile(read), file, `seed ${seed}`)
  }
})

/** The same card with members that are undefined left out. */
function withoutAbsent<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || Array.isArray(value)) return value
  const present = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(present.map(([key, member]) => [key, withoutAbsent(member)])) as Value
}

test('every truncation is refused', () => {
  for (let length = 0; length < sample.length; length++) refused(sample.subarray(0, length))
})

test('octets too many are refused', () => {
  refused(Buffer.concat([sample, Buffer.from('\n')]))
  refused(Buffer.concat([sample, sample]))
})

test('every flip of one bit is refused', () => {
  const file = Uint8Array.from(sample)
  for (let bit = 0; bit < file.length * 8; bit++) {
    const mask = 1 << (bit & 7)
    file[bit >> 3] = (file[bit >> 3] ?? 0) ^ mask
    // A flip in the version number may make it a later one.
    assert.ok(['ERR_CARD_FILE', 'ERR_CARD_FILE_NEWER'].includes(refusal(file).code))
    file[bit >> 3] = (file[bit >> 3] ?? 0) ^ mask
  }
})

test('foreign files are refused, whatever they are', () => {
  const foreign = [
    '\n',
    '{}',
    '\u007fELF',
    'tessera-journal 1 sha256:',
    'tessera-card',
    'TESSERA-CARD 1',
    '\ufefftessera-card 1',
  ]
  for (const content of foreign) refused(Buffer.from(content))
  refused(new Uint8Array(5000))
})

test('a later version is told apart from damage', () => {
  for (const later of ['3', '17', '999999999']) {
    const error = refusal(Buffer.from(text.replace('tessera-card 1 ', `tessera-card ${later} `)))
    assert.is(error.code, 'ERR_CARD_FILE_NEWER')
    assert.match(error.message, 'Update Tessera')
  }
  refused(Buffer.from('tessera-card 3 cbor\n\u0000\u0001'), 'ERR_CARD_FILE_NEWER')
  for (const none of ['0', '01', '-1', '1.0', '1e3', '9999999999999', 'x', ''])
    refused(Buffer.from(text.replace('tessera-card 1 ', `tessera-card ${none} `)))
})

test('a card that would not be read again is not written', () => {
  const card: CardFile = { ...sampleCard(), cardId: new Uint8Array(15) }
  assert.throws(
    () => encodeCardFile(card),
    (error: unknown) => error instanceof FileError && error.code === 'ERR_CARD_FILE',
  )
})

test('a card that is too large is not written, and says so', () => {
  const objects = Object.fromEntries(Array.from({ length: 13 }, (_, at) => [`5f${10 + at}`, new Uint8Array(65_000)]))
  assert.throws(
    () => encodeCardFile({ ...sampleCard(), objects }),
    (error: unknown) =>
      error instanceof CardError && error.code === 'ERR_DATA' && error.message.includes(`${CARD_FILE_LIMIT}`),
  )
})

test('octets that were read are in memory of their own', () => {
  const { cardId } = decodeCardFile(sample, path)
  assert.is(cardId.buffer.byteLength, 16)
})

test.run()
