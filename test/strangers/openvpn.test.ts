// takes: 15 s
// OpenVPN with a key of the card: which certificates its server lets in is what programVerdicts says of them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeCertificate, programVerdicts } from '../../src/enroll/index.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { CA, type CardInReader, cardInReader, type Described } from './support/card-in-reader.ts'
import { OPENSC } from './support/opensc.ts'
import { startVpn, type Vpn } from './support/openvpn.ts'
import { PIN } from './support/served.ts'

const SIGNATURE = 'keyUsage=digitalSignature'
const CLIENT = 'extendedKeyUsage=clientAuth'

/** By slot; OpenSC numbers 9a 01, 9c 02, 9d 03, 9e 04, 82 05 and so on. */
const ROWS: Readonly<Record<string, Described & { readonly id: string; readonly taken: boolean }>> = {
  '9a': { id: '01', taken: true, algorithm: 'P-256', extensions: [SIGNATURE, CLIENT] },
  '9d': { id: '03', taken: true, algorithm: 'RSA-2048', extensions: [SIGNATURE, CLIENT] },
  '9e': { id: '04', taken: true, algorithm: 'RSA-2048', extensions: [] },
  '82': { id: '05', taken: false, algorithm: 'RSA-2048', extensions: [] },
  '87': { id: '10', taken: false, algorithm: 'P-256', extensions: [] },
  '83': { id: '06', taken: false, algorithm: 'RSA-2048', extensions: [SIGNATURE, 'extendedKeyUsage=emailProtection'] },
  '84': { id: '07', taken: false, algorithm: 'P-256', extensions: ['keyUsage=keyAgreement', CLIENT] },
  '85': { id: '08', taken: false, algorithm: 'P-256', extensions: [SIGNATURE, CLIENT], to: '20210101000000Z' },
  '86': { id: '09', taken: false, algorithm: 'RSA-2048', extensions: [SIGNATURE, CLIENT], hash: 'sha1' },
}

let card: CardInReader
let vpn: Vpn
test.before(async () => {
  card = await cardInReader(ROWS)
  vpn = await startVpn(CA, OPENSC, PIN)
})
test.after(() => card?.stop())

for (const [slot, { id, taken, algorithm, extensions, hash = '', to = '' }] of Object.entries(ROWS)) {
  test(`${[algorithm, ...extensions, hash, to].join(' ')}: ${taken ? 'let in' : 'not let in'}`, async () => {
    const all = programVerdicts(describeCertificate(card.certificates[slot] ?? new Uint8Array(0)), parseSlot(slot))
    const because = all.find(({ program }) => program.startsWith('OpenVPN'))?.because ?? ['no such program']
    assert.is(await vpn.lets(id), taken, vpn.log())
    assert.is(because.length === 0, taken, because.join('; '))
  })
}

test.run()
