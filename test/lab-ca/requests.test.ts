// takes: 14 s
// Requests as octets: what is malformed is refused in words, however it is damaged.

import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat } from '../../src/bytes.ts'
import { readTlvs, tlv, unwrap } from '../../src/iso7816/tlv.ts'
import { Refusal } from '../../src/lab-ca/notice.ts'
import { contentOf, templateIn } from '../../src/lab-ca/policy.ts'
import type { User } from '../../src/lab-ca/records.ts'
import { readRequest } from '../../src/lab-ca/request.ts'
import { TEMPLATE_NAMES } from '../../src/lab-ca/templates.ts'
import { writeSecurityIdentifier } from '../../src/x509/alternative-names.ts'
import { EXTENSIONS } from '../../src/x509/extensions.ts'
import { FUZZ_SECONDS, fuzz } from '../fuzz/harness.ts'
import { base64, makeKey, makeRequest, openssl, scratchFile } from './support.ts'

const alice: User = {
  name: 'alice',
  upn: 'alice@lab.example',
  email: 'alice@lab.example',
  sid: 'S-1-5-21-1-2-3',
  cost: 2,
  salt: new Uint8Array(16),
  hash: new Uint8Array(32),
}
const names = 'subjectAltName = email:alice@lab.example,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@lab.example'
const good = makeRequest({
  extensions: [
    names,
    'keyUsage = critical,digitalSignature',
    'extendedKeyUsage = clientAuth,1.3.6.1.4.1.311.20.2.2',
    'basicConstraints = CA:FALSE',
    'subjectKeyIdentifier = hash',
    '1.3.6.1.4.1.311.20.2 = ASN1:BMPSTRING:SmartcardUser',
  ],
})
const rsa = makeRequest({ key: makeKey('RSA-2048') })

test('what openssl makes is read', () => {
  const { extensions, kind } = readRequest(good)
  assert.is(kind, 'ec')
  assert.equal(
    extensions.map(({ id, critical }) => `${id}${critical ? '!' : ''}`),
    ['2.5.29.17', '2.5.29.15!', '2.5.29.37', '2.5.29.19', '2.5.29.14', '1.3.6.1.4.1.311.20.2'],
  )
  assert.is(contentOf(readRequest(good), alice, 'SmartcardUser').commonName, 'alice')
  assert.is(readRequest(rsa).kind, 'rsa')
})

/** The parts of a request, to put it together otherwise; signed anew by openssl, where that matters. */
const [info, algorithm, signature] = readTlvs(unwrap(good, 0x30)).map(({ tag, value }) => tlv(tag, value)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]

/** What `change` makes of the signed part, with a signature that is right. */
function signedAgain(change: (parts: Uint8Array[]) => Uint8Array[]): Uint8Array {
  const key = makeKey()
  const fresh = makeRequest({ key, extensions: [names] })
  const [own, by] = readTlvs(unwrap(fresh, 0x30))
  const parts = readTlvs(own?.value ?? info).map(({ tag, value }) => tlv(tag, value))
  const changed = tlv(0x30, ...change(parts))
  const [plain, out] = [scratchFile('tbs'), scratchFile('sig')]
  writeFileSync(plain, changed)
  openssl('dgst', '-sha256', '-sign', key, '-out', out, plain)
  const bits = tlv(0x03, Uint8Array.of(0), Uint8Array.from(readFileSync(out)))
  return tlv(0x30, changed, tlv(0x30, by?.value ?? algorithm), bits)
}

const attribute = (...values: Uint8Array[]) =>
  tlv(0x30, tlv(0x06, Uint8Array.from(Buffer.from('2a864886f70d01090e', 'hex'))), tlv(0x31, ...values))
const extension = (critical: number) =>
  tlv(
    0x30,
    tlv(0x06, Uint8Array.of(0x55, 0x1d, 0x0e)),
    tlv(0x01, Uint8Array.of(critical)),
    tlv(0x04, Uint8Array.of(4, 0)),
  )
const withAttributes = (...attributes: Uint8Array[]) =>
  signedAgain((parts) => [...parts.slice(0, 3), tlv(0xa0, ...attributes)])

const malformed: ReadonlyArray<readonly [what: string, request: () => Uint8Array]> = [
  ['nothing', () => new Uint8Array(0)],
  ['text', () => new TextEncoder().encode(base64(good))],
  ['a cut', () => good.subarray(0, -1)],
  ['an octet more', () => concat(good, Uint8Array.of(0))],
  ['no signature', () => tlv(0x30, info, algorithm)],
  ['a part more', () => tlv(0x30, info, algorithm, signature, tlv(0x05))],
  ['the signature of another', () => tlv(0x30, info, algorithm, readSignature(rsa))],
  ['another version', () => signedAgain(([, ...rest]) => [tlv(0x02, Uint8Array.of(1)), ...rest])],
  ['no attributes at all', () => signedAgain((parts) => parts.slice(0, 3))],
  [
    'a key that is none',
    () =>
      signedAgain(([version, subject, , ...rest]) => [version, subject, tlv(0x30, tlv(0x05)), ...rest] as Uint8Array[]),
  ],
  ['an attribute that is none', () => withAttributes(tlv(0x05))],
  ['extensions asked for twice', () => withAttributes(attribute(tlv(0x30)), attribute(tlv(0x30)))],
  ['two lists of extensions', () => withAttributes(attribute(tlv(0x30), tlv(0x30)))],
  ['the same extension twice', () => withAttributes(attribute(tlv(0x30, extension(0xff), extension(0xff))))],
  ['an extension marked oddly', () => withAttributes(attribute(tlv(0x30, extension(0x01))))],
  ['an extension that is none', () => withAttributes(attribute(tlv(0x30, tlv(0x05))))],
  [
    'too many extensions',
    () => withAttributes(attribute(tlv(0x30, ...Array.from({ length: 17 }, () => extension(0xff))))),
  ],
  [
    'too many attributes',
    () => withAttributes(...Array.from({ length: 17 }, () => tlv(0x30, tlv(0x06, Uint8Array.of(42)), tlv(0x31)))),
  ],
]
function readSignature(request: Uint8Array): Uint8Array {
  return tlv(0x03, readTlvs(unwrap(request, 0x30)).at(-1)?.value ?? new Uint8Array(0))
}
for (const [what, request] of malformed) {
  test(`malformed: ${what}`, () => {
    const error = assertThrows(() => readRequest(request()))
    assert.is(error.status, 400, error.message)
    assert.match(error.message, /PKCS#10.+\.$/)
  })
}

function assertThrows(work: () => unknown): Refusal {
  try {
    work()
  } catch (error) {
    assert.instance(error, Refusal)
    return error as Refusal
  }
  throw new Error('nothing was refused')
}

test('a signature that is wrong is noticed', () => {
  const other = Uint8Array.from(good)
  const at = Buffer.from(good).indexOf('alice@lab')
  other[at] = 'b'.charCodeAt(0)
  assert.match(assertThrows(() => readRequest(other)).message, 'its signature is wrong')
})

test('requests damaged in every way are refused in words', async () => {
  const count = await fuzz('requests', [good, rsa], FUZZ_SECONDS / 2, (octets) => readRequest(octets), {
    refusals: [Refusal],
  })
  assert.ok(count > 1000)
})

test('so are extensions, and what comes through says nothing that is not the user`s', async () => {
  const { extensions, ...rest } = readRequest(good)
  const asked = [
    ...extensions,
    { id: EXTENSIONS.securityIdentifier, critical: false, value: writeSecurityIdentifier(alice.sid ?? '') },
  ]
  const own = JSON.stringify(namesIn(contentOf({ ...rest, extensions }, alice, 'SmartcardUser')))
  for (const { id, value } of asked) {
    const target = (octets: Uint8Array) => {
      const request = { ...rest, extensions: [{ id, critical: false, value: octets }] }
      // One template may refuse what another takes.
      const refusals = TEMPLATE_NAMES.flatMap((template) => {
        try {
          const content = contentOf(request, alice, template)
          if (template === 'SmartcardUser') assert.is(JSON.stringify(namesIn(content)), own)
          return []
        } catch (error) {
          if (error instanceof Refusal) return [error]
          throw error
        }
      })
      if (refusals.length === TEMPLATE_NAMES.length) throw refusals[0]
    }
    await fuzz(`extension ${id}`, [value], FUZZ_SECONDS / 14, target, { refusals: [Refusal] })
  }
})

const namesIn = ({ extensions }: ReturnType<typeof contentOf>) =>
  extensions
    .filter(({ id }) => id === EXTENSIONS.alternativeNames || id === EXTENSIONS.purposes)
    .map(({ id, value }) => [id, base64(value)])

test('names of templates in two alphabets', () => {
  assert.is(templateIn(tlv(0x1e, Uint8Array.from(Buffer.from('smartcarduser', 'utf16le').swap16()))), 'SmartcardUser')
  assert.is(templateIn(tlv(0x0c, new TextEncoder().encode('Smartcard logon'))), 'SmartcardLogon')
  assert.is(templateIn(tlv(0x0c, new TextEncoder().encode('User'))), undefined)
  assert.throws(() => templateIn(tlv(0x04)))
  assert.throws(() => templateIn(concat(tlv(0x0c), tlv(0x0c))))
})

test.run()
