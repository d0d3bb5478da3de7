// takes: 20 s
// Which programs pass a certificate over: each rule by itself, and what NSS and OpenSSL themselves say.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeCertificate } from '../../src/enroll/index.ts'
import { PROGRAMS, programVerdicts } from '../../src/enroll/programs.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { at, certificate, folder, openssl, type Wanted } from './support/openssl.ts'

const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign']
const LOGON = '1.3.6.1.4.1.311.20.2.2'
const SID = '1.3.6.1.4.1.311.25.2=DER:301ea01c060a2b060104018237190201a00e040c532d312d352d32312d312d31'

/** Extensions, and what becomes of a certificate with them that a CA issued. */
const ROWS: Readonly<Record<string, Wanted>> = {
  nothing: {},
  signing: { extensions: ['keyUsage=digitalSignature'] },
  documents: {
    extensions: ['keyUsage=nonRepudiation', 'extendedKeyUsage=emailProtection', 'subjectAltName=email:a@b.c'],
  },
  client: { extensions: ['keyUsage=digitalSignature', 'extendedKeyUsage=clientAuth'] },
  mail: { extensions: ['keyUsage=digitalSignature', 'extendedKeyUsage=emailProtection', 'subjectAltName=email:a@b.c'] },
  agreement: { extensions: ['keyUsage=keyAgreement', 'subjectAltName=email:a@b.c'] },
  enciphering: { kind: 'RSA-2048', extensions: ['keyUsage=keyEncipherment', 'subjectAltName=email:a@b.c'] },
  encipheringEc: {
    extensions: ['keyUsage=keyEncipherment', 'extendedKeyUsage=clientAuth', 'subjectAltName=email:a@b.c'],
  },
  rsa: { kind: 'RSA-2048', extensions: ['keyUsage=digitalSignature', 'subjectAltName=email:a@b.c'] },
  logonOnly: { extensions: ['keyUsage=digitalSignature', `extendedKeyUsage=${LOGON}`] },
  any: {
    extensions: ['keyUsage=digitalSignature', 'extendedKeyUsage=anyExtendedKeyUsage', 'subjectAltName=email:a@b.c'],
  },
  agreementClient: { extensions: ['keyUsage=keyAgreement', 'extendedKeyUsage=clientAuth'] },
  sha1: { hash: 'sha1', extensions: ['keyUsage=digitalSignature', 'extendedKeyUsage=clientAuth'] },
  expired: { to: '20210101000000Z', extensions: ['keyUsage=digitalSignature', 'extendedKeyUsage=clientAuth'] },
  early: { from: '20480101000000Z', extensions: ['keyUsage=digitalSignature', 'extendedKeyUsage=clientAuth'] },
}
const made: Record<string, Uint8Array> = {}
const certutil = (...argv: string[]) => execFileSync('certutil', argv, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })

test.before(() => {
  certificate('ca', { kind: 'RSA-2048', extensions: CA })
  certutil('-N', '-d', 'sql:.', '--empty-password')
  certutil('-A', '-d', 'sql:.', '-n', 'ca', '-t', 'CT,C,C', '-a', '-i', 'ca.pem')
  for (const [name, wanted] of Object.entries(ROWS)) {
    made[name] = certificate(name, { by: 'ca', ...wanted })
    certutil('-A', '-d', 'sql:.', '-n', name, '-t', ',,', '-a', '-i', `${name}.pem`)
  }
})

const because = (name: string, program: string, slot = '9a') =>
  programVerdicts(describeCertificate(made[name] ?? new Uint8Array(0)), parseSlot(slot)).find((one) =>
    one.program.startsWith(program),
  )?.because ?? ['no such program']

/** What `certutil -V` says; -u C is TLS client, S signing of mail, R receiving it. */
function nss(name: string, usage: 'C' | 'S' | 'R'): boolean {
  try {
    return certutil('-V', '-d', 'sql:.', '-n', name, '-u', usage).includes('certificate is valid')
  } catch {
    return false
  }
}

const NSS = [
  ['C', 'Firefox'],
  ['S', 'Thunderbird (signing)'],
  ['R', 'Thunderbird (decrypting)'],
] as const

for (const [usage, program] of NSS) {
  for (const name of Object.keys(ROWS)) {
    test(`${program}: what NSS says of ${name}`, () => {
      // NSS looks for an address only when it has a mail to write.
      const reasons = because(name, program).filter((reason) => !reason.includes('no e-mail address'))
      assert.is(reasons.length === 0, nss(name, usage), reasons.join('; '))
    })
  }
}

test('TLS: what openssl verify says', () => {
  for (const name of Object.keys(ROWS)) {
    let valid = true
    try {
      openssl('verify', '-purpose', 'sslclient', '-auth_level', '1', '-CAfile', 'ca.pem', `${name}.pem`)
    } catch {
      valid = false
    }
    const reasons = because(name, 'TLS')
    assert.is(reasons.length === 0, valid, `${name}: ${reasons.join('; ')}`)
  }
})

const WINDOWS = ['keyUsage=digitalSignature', `extendedKeyUsage=${LOGON},clientAuth`]
const UPN = 'subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:maria@EXAMPLE.COM'

test('Windows and Kerberos take what has all they want, and say what is missing', () => {
  const make = (name: string, wanted: Wanted) => {
    made[name] = certificate(name, { by: 'ca', kind: 'RSA-2048', ...wanted })
    return because(name, 'Windows')
  }
  assert.equal(make('windows', { extensions: [...WINDOWS, UPN, SID] }), [])
  assert.equal(because('windows', 'Kerberos'), [])
  assert.match(because('windows', 'Windows', '9c').join(), 'slot 9c')
  assert.equal(because('windows', 'Windows', '9d'), [])
  assert.match(make('noUpn', { extensions: [...WINDOWS, SID] }).join(), 'UPN')
  assert.match(because('noUpn', 'Kerberos').join(), 'principal')
  assert.match(make('noSid', { extensions: [...WINDOWS, UPN] }).join(), 'security identifier')
  assert.match(make('noLogon', { extensions: ['keyUsage=digitalSignature', UPN, SID] }).join(), 'smart-card logon')
  const small = UPN.replace('EXAMPLE.COM', 'example.com')
  assert.equal(make('lower', { extensions: [...WINDOWS, small, SID] }), [])
  assert.match(because('lower', 'Kerberos').join(), 'in capitals')
  assert.match(make('ec', { kind: 'P-256', extensions: [...WINDOWS, UPN, SID] }).join(), 'ECC')
  assert.match(because('ec', 'Kerberos').join(), '1.22')
  assert.match(make('self', { by: 'self', extensions: [...WINDOWS, UPN, SID] }).join(), 'itself')
})

test('OpenSC passes over what it has no use or no kind of key for', () => {
  assert.equal(because('nothing', 'OpenSC'), [])
  assert.equal(because('enciphering', 'OpenSC'), [])
  assert.match(because('encipheringEc', 'OpenSC').join(), 'key usage')
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:1024',
    '-nodes',
    '-keyout',
    'small.key',
    '-out',
    'small.pem',
    '-subj',
    '/CN=a',
  )
  openssl('x509', '-in', 'small.pem', '-outform', 'der', '-out', 'small.der')
  made.small = Uint8Array.from(execFileSync('cat', [at('small.der')]))
  assert.match(because('small', 'OpenSC').join(), 'not one that PIV has')
})

test('docs/programs.md says which versions the rules were seen with', () => {
  const rows = readFileSync(new URL('../../docs/programs.md', import.meta.url), 'utf8').split('\n')
  for (const { program, versions = 'none: no test can run it' } of PROGRAMS)
    assert.ok(rows.includes(`| ${program} | ${versions} |`), program)
})

test('every rule of every program is met by one of these and passed by another', () => {
  const all = Object.values(made).map((der) => ({ certificate: describeCertificate(der), now: new Date() }))
  for (const { program, rules } of PROGRAMS) {
    for (const { because, when } of rules) {
      const seen = new Set(
        ['9a', '9c', '9d'].flatMap((slot) => all.map((one) => when({ ...one, slot: parseSlot(slot) }))),
      )
      assert.is(seen.size, 2, `${program}: ${because}`)
    }
  }
})

test.run()
