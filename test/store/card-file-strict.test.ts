// What a card file must not be, although its checksum is right: one spelling, known members, values in their limits.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeCardFile } from '../../src/tpm/store/card-file.ts'
import { sampleCard } from './support/cards.ts'
import { altered, documentOf, path, refusal, refused, sealed, text } from './support/refusals.ts'

const heads: Readonly<Record<string, (head: string) => string>> = {
  'checksum in upper case': (head) => head.replace(/[0-9a-f]{64}/, (sum) => sum.toUpperCase()),
  'another hash': (head) => head.replace('sha256', 'sha512'),
  'no checksum': () => 'tessera-card 1',
  'a word too many': (head) => `${head} x`,
  'two spaces': (head) => head.replace(' ', '  '),
  'carriage return': (head) => `${head}\r`,
}
for (const [what, change] of Object.entries(heads)) {
  test(`first line refused: ${what}`, () => {
    const [head = ''] = text.split('\n', 1)
    assert.is.not(change(head), head)
    refused(Buffer.from(`${change(head)}\n${documentOf(text)}`))
  })
}

const documents: Readonly<Record<string, (document: string) => string | Uint8Array>> = {
  nothing: () => '',
  'no JSON': (document) => document.slice(1),
  null: () => 'null\n',
  'an array': () => '[]\n',
  'no last newline': (document) => document.trimEnd(),
  'other spaces': (document) => `${JSON.stringify(JSON.parse(document))}\n`,
  'a byte order mark': (document) => `\ufeff${document}`,
  'no UTF-8': (document) => Buffer.from(document.replace('IBM', '\u00ff'), 'latin1'),
  'a member twice': (document) => document.replace('  "cardId"', '  "cardId": "AAAAAAAAAAAAAAAAAAAAAA==",\n  "cardId"'),
  'a member named __proto__': (document) => document.replace('"keys": {', '"keys": {\n    "__proto__": {},'),
  'another spelling of a number': (document) => document.replace('"unlockSeconds": 900', '"unlockSeconds": 9e2'),
  'other order': (document) =>
    document.replace(
      /( {2}"assurance".*\n)([\s\S]*)( {2}"unlockSeconds")/,
      (_, first, middle, last) => middle + first + last,
    ),
}
for (const [what, change] of Object.entries(documents)) {
  test(`document refused although its checksum is right: ${what}`, () => {
    assert.is.not(change(documentOf(text)), documentOf(text))
    refused(sealed(change(documentOf(text))))
  })
}

const long = (length: number) => Buffer.alloc(length).toString('base64')
/** What may stand there; the tests below show that it may. */
const sampleKey = { algorithm: 'P-256', origin: 'generated', public: long(90), private: long(190) }
const members: ReadonlyArray<readonly [path: string, ...values: unknown[]]> = [
  ['more', 1, null],
  ['name', undefined, '', '.x', '-x', 'a/b', 'a b', 'x'.repeat(65), 1],
  [
    'cardId',
    undefined,
    '',
    long(15),
    long(17),
    'AAAAAAAAAAAAAAAAAAAAAB==',
    'AAAAAAAAAAAAAAAAAAAAAA',
    'not base64!',
    7,
    null,
  ],
  ['created', 'yesterday', '2026-01-31', '2026-02-31T12:00:00.000Z', '2026-01-31T12:00:00Z', 0],
  ['tcti', '', 'x'.repeat(1025), 1],
  ['assurance', 'Hardware', ''],
  ['srk.handle', 0x80ffffff, 0x82000000, -1, 1.5, '2164260865'],
  ['srk.name', long(33), long(50)],
  ['srk.more', 1],
  ['tpm.firmware', undefined, 1, 'x'.repeat(129)],
  ['pin.handle', 0, 0x02000000],
  ['pin.tries', 0, 11, 1.5, '5', null],
  ['pin.present', true],
  ['puk.present', undefined, 1],
  ['burnKey', '', long(5000)],
  ['approvals.writeAnything', { policy: long(32), signature: long(64) }],
  ['approvals.changePin.policy', long(31)],
  ['approvals.changePin.signature', long(63), long(65)],
  ['helpDeskKey', null, ''],
  ['unlockSeconds', 0, 3601],
  [
    'pinRules',
    {},
    { minLength: 5, refuseWeak: true },
    { minLength: 9, refuseWeak: true },
    { minLength: 6, refuseWeak: 1 },
  ],
  ['flags.mustChangePin', undefined, 'true'],
  ['flags.defaults', ['pin', 'pin'], ['admin'], {}, null],
  ['advisory.pinLeft', -1, 11],
  ['adminKey.private', undefined],
  ['attestationKey', null, {}, { ...sampleKey, pinPolicy: 'never' }, { ...sampleKey, public: '' }],
  ['keys', undefined, [], null],
  ['keys.9b', {}],
  ['keys.f9', {}, { ...sampleKey, pinPolicy: 'never' }],
  ['keys.9A', {}],
  ['keys.9a.algorithm', 'P-521'],
  ['keys.9a.pinPolicy', 'sometimes'],
  ['keys.9a.origin', undefined],
  ['keys.9a.creation.ticket', undefined, long(300)],
  ['objects.5FC102', ''],
  ['objects.5fc', ''],
  ['objects.0011223344', ''],
  ['objects.7e', long(65_537), null],
]
for (const [place, ...values] of members) {
  test(`member refused: ${place}`, () => {
    for (const value of values) {
      const file = altered((json) => {
        const keys = place.split('.')
        const last = keys.pop() ?? ''
        const holder = keys.reduce((inner, key) => inner[key] as Record<string, unknown>, json)
        if (value === undefined) delete holder[last]
        else holder[last] = value
      })
      refused(file)
    }
  })
}

test('an attestation key is read, and has no policy', () => {
  const { attestationKey } = decodeCardFile(
    altered((json) => Object.assign(json, { attestationKey: sampleKey })),
    path,
  )
  assert.is(attestationKey?.algorithm, 'P-256')
})

test('what was altered and not harmed is read (the tests above refuse for their reason alone)', () => {
  assert.equal(
    decodeCardFile(
      altered(() => undefined),
      path,
    ),
    sampleCard(),
  )
  const other = decodeCardFile(
    altered((json) => Object.assign(json, { unlockSeconds: 60 })),
    path,
  )
  assert.is(other.unlockSeconds, 60)
})

test('a refusal shows the place and no value', () => {
  const { message } = refusal(altered((json) => Object.assign(json, { burnKey: 'SECRET!' })))
  assert.match(message, 'burnKey')
  assert.not.match(message, 'SECRET')
})

test.run()
