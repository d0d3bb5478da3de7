// takes: 25 s
// MIT Kerberos: which certificates kinit and a KDC take is what programVerdicts says of them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeCertificate, programVerdicts } from '../../src/enroll/index.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { CA, type CardInReader, cardInReader, type Described } from './support/card-in-reader.ts'
import { KDC_IS_HERE, type Kdc, REALM, startKdc } from './support/kdc.ts'
import { OPENSC } from './support/opensc.ts'
import { PIN } from './support/served.ts'
import { ok } from './support/tools.ts'

const SIGNATURE = 'keyUsage=digitalSignature'
const KERBEROS = 'extendedKeyUsage=1.3.6.1.5.2.3.4'
const LOGON = 'extendedKeyUsage=1.3.6.1.4.1.311.20.2.2'
const upn = (name: string) => `subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:${name}`
const principal = [
  'subjectAltName=otherName:1.3.6.1.5.2.2;SEQUENCE:name',
  '[name]',
  `realm=EXP:0,GeneralString:${REALM}`,
  'parts=EXP:1,SEQUENCE:principal',
  '[principal]',
  'type=EXP:0,INTEGER:1',
  'parts=EXP:1,SEQUENCE:parts',
  '[parts]',
  'first=GeneralString:maria',
]

/** By slot; OpenSC numbers 9a 01, 9c 02, 9d 03, 9e 04, 82 05 and so on. */
const ROWS: Readonly<Record<string, Described & { readonly id: string; readonly taken: boolean }>> = {
  '9a': { id: '01', taken: true, algorithm: 'RSA-2048', extensions: [SIGNATURE, KERBEROS, ...principal] },
  '9d': { id: '03', taken: true, algorithm: 'RSA-2048', extensions: [SIGNATURE, LOGON, upn(`maria@${REALM}`)] },
  '82': { id: '05', taken: false, algorithm: 'RSA-2048', extensions: [SIGNATURE, LOGON, upn('maria@lab.example')] },
  '83': { id: '06', taken: false, algorithm: 'P-256', extensions: [SIGNATURE, KERBEROS, ...principal] },
  '84': {
    id: '07',
    taken: false,
    algorithm: 'RSA-2048',
    extensions: [SIGNATURE, 'extendedKeyUsage=clientAuth', ...principal],
  },
}

let card: CardInReader
let kdc: Kdc
test.before(async () => {
  if (!KDC_IS_HERE) return
  card = await cardInReader(ROWS)
  kdc = await startKdc(CA)
})
test.after(async () => {
  await kdc?.stop()
  await card?.stop()
})

for (const [slot, { id, taken, algorithm, extensions }] of Object.entries(ROWS)) {
  test(`${algorithm}, ${extensions.slice(1, 3).join(', ')}: ${taken ? 'a ticket' : 'no ticket'}`, async () => {
    if (!KDC_IS_HERE) return void console.log(`# skipped: PKINIT, slot ${slot}: krb5kdc is not installed`)
    const { stdout } = await ok('klist', ['-V'])
    const [, major, minor] = /version (\d+)\.(\d+)/.exec(stdout) ?? []
    const all = programVerdicts(describeCertificate(card.certificates[slot] ?? new Uint8Array(0)), parseSlot(slot))
    const because = all.find(({ program }) => program.startsWith('Kerberos'))?.because ?? ['no such program']
    assert.is(because.length === 0, taken, because.join('; '))
    const said = await kdc.kinit(PIN, OPENSC, id)
    // What only old versions refuse is said of them alone.
    const since122 = Number(major) > 1 || Number(minor) >= 22
    const expected = taken || (since122 && because.every((reason) => reason.includes('1.22')))
    assert.is(said.code === 0, expected, `${said.all}\n${kdc.log()}`)
  })
}

test.run()
