// takes: 15 s
// pam_pkcs11: which certificates let a user in is what programVerdicts says of them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeCertificate, programVerdicts } from '../../src/enroll/index.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { at } from '../enroll/support/openssl.ts'
import { CA, type CardInReader, cardInReader, type Described } from './support/card-in-reader.ts'
import { OPENSC } from './support/opensc.ts'
import { type Pam, pamWith } from './support/pam.ts'
import { PIN, WRONG_PIN } from './support/served.ts'

const SIGNATURE = 'keyUsage=digitalSignature'
const CLIENT = 'extendedKeyUsage=clientAuth'

/** Each certificate is for a user of its own, so that pam_pkcs11 takes no other for that user. */
const ROWS: Readonly<Record<string, Described & { readonly taken: boolean }>> = {
  '9a': { taken: true, algorithm: 'RSA-2048', extensions: [SIGNATURE, CLIENT] },
  '9d': { taken: true, algorithm: 'P-256', extensions: [SIGNATURE, CLIENT] },
  '9e': { taken: true, algorithm: 'RSA-2048', extensions: [] },
  '82': { taken: false, algorithm: 'RSA-2048', extensions: [] },
  '83': { taken: true, algorithm: 'RSA-2048', extensions: [SIGNATURE, 'extendedKeyUsage=emailProtection'] },
  '84': { taken: false, algorithm: 'P-256', extensions: ['keyUsage=keyAgreement', CLIENT] },
  '85': { taken: false, algorithm: 'P-256', extensions: [SIGNATURE, CLIENT], to: '20210101000000Z' },
  '86': { taken: true, algorithm: 'RSA-2048', extensions: [SIGNATURE, CLIENT], hash: 'sha1' },
  '87': { taken: true, algorithm: 'RSA-2048', extensions: ['keyUsage=nonRepudiation', CLIENT] },
}

let card: CardInReader
let pam: Pam
test.before(async () => {
  const named = Object.entries(ROWS).map(([slot, row]) => [slot, { ...row, subject: `/CN=user-${slot}` }])
  card = await cardInReader(Object.fromEntries(named))
  pam = pamWith(OPENSC, at(`${CA}.pem`))
})
test.after(() => card?.stop())

for (const [slot, { taken, algorithm, extensions, hash = '', to = '' }] of Object.entries(ROWS)) {
  test(`${[slot, algorithm, ...extensions, hash, to].join(' ')}: ${taken ? 'let in' : 'not let in'}`, async () => {
    const all = programVerdicts(describeCertificate(card.certificates[slot] ?? new Uint8Array(0)), parseSlot(slot))
    const because = all.find(({ program }) => program.startsWith('pam_pkcs11'))?.because ?? ['no such program']
    const said = await pam.lets(`user-${slot}`, PIN)
    assert.is(said.code === 0, taken, said.all)
    assert.is(because.length === 0, taken, because.join('; '))
  })
}

test('nobody is let in as somebody else, or with a wrong PIN', async () => {
  for (const [user, pin] of [
    ['maria', PIN],
    ['user-9a', WRONG_PIN],
  ] as const) {
    const said = await pam.lets(user, pin)
    assert.is.not(said.code, 0, said.all)
  }
})

test.run()
