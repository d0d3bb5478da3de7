// takes: 6 s
// ATTEST at the edge of a card (piv.md 3): what the certificates say, who believes them, and what the key F9 is not.
import { execFileSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { concat, equal, hex } from '../../src/bytes.ts'
import type { CardChannel } from '../../src/channel.ts'
import { readTlvs, tlv, unwrap } from '../../src/iso7816/tlv.ts'
import { readCertificate, writeCertificate } from '../../src/piv/certificate.ts'
import { readMetadata } from '../../src/piv/yubico.ts'
import { getData } from '../../src/validate/card/assertions/assertion.ts'
import { type Answer, type Edge, two } from '../../src/validate/card/assertions/edge.ts'
import { generate, keyIn, putData } from '../../src/validate/card/assertions/writes.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { octets } from '../support/octets.ts'
import { privateJwk } from '../support/private-jwk.ts'
import { tempDir } from '../support/temp.ts'
import { answers, atEdge, is, runAtEdge } from './on-edge.ts'

const CERTIFICATE = '5FFF01'
const attest = (edge: Edge, slot: number, sw = 0x9000) => answers(edge, `00 F9 ${two(slot)} 00 00`, sw)
const issuerOf = async (edge: Edge): Promise<X509Certificate> =>
  new X509Certificate(readCertificate(unwrap(await answers(edge, getData(CERTIFICATE), 0x9000), 0x53)))
const metadata = async (edge: Edge) => readMetadata(await answers(edge, '00 F7 00 F9', 0x9000))

/** The same key in both. */
const same = (left: KeyObject, right: KeyObject): boolean => left.equals(right)

/** Extensions of a certificate: value by OID, both in hex, and whether it is critical. RFC 5280, 4.1. */
function extensionsOf(der: Uint8Array): Map<string, { readonly value: string; readonly critical: boolean }> {
  const [content = tlv(0x30)] = readTlvs(unwrap(der, 0x30)).map(({ value }) => value)
  const list = readTlvs(content).find(({ tag }) => tag === 0xa3)?.value ?? tlv(0x30)
  return new Map(
    readTlvs(unwrap(list, 0x30)).map(({ value }) => {
      const [oid, ...rest] = readTlvs(value)
      const text = rest.find(({ tag }) => tag === 0x04)?.value ?? octets('')
      return [hex(oid?.value ?? octets('')), { value: hex(text), critical: rest.some(({ tag }) => tag === 0x01) }]
    }),
  )
}

const YUBICO = '2b0601040182c40a03'

/** What the openssl program says of the attestation, with nothing but the issuer to believe in. */
function openssl(attestation: Uint8Array, issuer: X509Certificate): string {
  const folder = tempDir('attestation')
  const [leaf, root] = [join(folder, 'leaf.pem'), join(folder, 'root.pem')]
  writeFileSync(leaf, new X509Certificate(attestation).toString())
  writeFileSync(root, issuer.toString())
  return execFileSync('openssl', ['verify', '-x509_strict', '-CAfile', root, leaf], { encoding: 'utf8' })
}

atEdge('a key that was made on the card is attested, by a key that is made for it', async ({ edge }) => {
  await edge.authenticateAdmin()
  const made = new Map<number, KeyObject>()
  for (const [slot, id] of [
    [0x9a, 0x11],
    [0x9c, 0x14],
    [0x9e, 0x07],
    [0x95, 0x11],
  ] as const) {
    made.set(slot, keyIn(await generate(edge, slot, id)))
  }
  await edge.reset()
  await answers(edge, '00 F7 00 F9', 0x6a88, 'it is not there before it is needed')
  await answers(edge, getData(CERTIFICATE), 0x6a82)
  const serial = await answers(edge, '00 F8 00 00', 0x9000)
  const policies = new Map([
    [0x9a, '0201'],
    [0x9c, '0301'],
    [0x9e, '0101'],
    [0x95, '0201'],
  ])
  for (const [slot, key] of made) {
    const der = await attest(edge, slot)
    const issuer = await issuerOf(edge)
    const certificate = new X509Certificate(der)
    assert.ok(same(certificate.publicKey, key), 'of another key')
    assert.ok(certificate.verify(issuer.publicKey) && certificate.checkIssued(issuer))
    assert.is(certificate.subject, `CN=Tessera PIV Attestation ${two(slot)}`)
    assert.is(certificate.issuer, issuer.subject)
    assert.not(certificate.ca)
    assert.equal([certificate.validFrom, certificate.validTo], [issuer.validFrom, issuer.validTo])
    const extensions = extensionsOf(der)
    assert.equal(extensions.get(`${YUBICO}03`), { value: '050403', critical: false })
    assert.equal(extensions.get(`${YUBICO}07`), { value: `0204${hex(serial)}`, critical: false })
    assert.equal(extensions.get(`${YUBICO}08`), { value: policies.get(slot), critical: false })
    assert.match(openssl(der, issuer), /leaf.pem: OK/)
  }
  const again = new X509Certificate(await attest(edge, 0x9a))
  assert.not.equal(again.serialNumber, new X509Certificate(await attest(edge, 0x9a)).serialNumber)
})

atEdge('the attestation key says of itself what it is, and stays', async ({ edge, subject }) => {
  await edge.authenticateAdmin()
  const made = await generate(edge, 0x9a, 0x11)
  await attest(edge, 0x9a)
  const issuer = await issuerOf(edge)
  assert.is(issuer.subject, 'CN=Tessera PIV Attestation (software TPM)')
  assert.is(issuer.issuer, issuer.subject)
  assert.ok(issuer.ca && issuer.verify(issuer.publicKey))
  const extensions = extensionsOf(issuer.raw)
  assert.equal(extensions.get('551d13'), { value: '30060101ff020100', critical: true }, 'a CA of nothing but leaves')
  assert.equal(extensions.get('551d0f'), { value: '03020204', critical: true }, 'keyCertSign alone')
  const told = await metadata(edge)
  assert.equal([told.algorithm, told.policies, told.origin], [octets('11'), octets('0101'), octets('01')])
  const point = issuer.publicKey.export({ type: 'spki', format: 'der' }).subarray(-65)
  assert.equal(told.publicKey, concat(octets('8641'), point))
  const { channel } = await subject.again()
  const answer = await wholeOf(channel, octets('00F99A0000'))
  assert.ok(answer.length > 0)
  const after = new X509Certificate(Uint8Array.from(answer))
  assert.ok(after.verify(issuer.publicKey), 'the same key after the card was opened again')
  assert.ok(same(after.publicKey, keyIn(made)))
})

/** An answer with the rest of it. */
function wholeOf(channel: CardChannel, apdu: Uint8Array): Promise<Uint8Array> {
  return channel.transaction(async (transmit) => {
    let answer = await transmit(apdu)
    let data = answer.subarray(0, -2)
    while (answer.at(-2) === 0x61) {
      answer = await transmit(octets('00C0000000'))
      data = concat(data, answer.subarray(0, -2))
    }
    return data
  })
}

const imported = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const scalar = (): Uint8Array => Uint8Array.from(Buffer.from(privateJwk(imported).d ?? '', 'base64url'))
const importKey = (edge: Edge, slot: number, ...more: readonly Uint8Array[]): Promise<Answer> =>
  edge.chain(`00 FE 11 ${two(slot)}`, concat(tlv(0x06, scalar()), ...more), '')

atEdge('nothing is said of imported keys, of none, and of what is no slot', async ({ edge }) => {
  await attest(edge, 0x9a, 0x6a82)
  await edge.authenticateAdmin()
  is(await importKey(edge, 0x9a), 0x9000, 'an imported key')
  await attest(edge, 0x9a, 0x6a80)
  for (const slot of [0x00, 0x04, 0x80, 0x9b, 0xf9, 0xff]) await attest(edge, slot, 0x6a86)
  is(await generate(edge, 0x9a, 0x11), 0x9000, 'a key that was made here')
  await answers(edge, '00 F9 9A 01 00', 0x6a86)
  await answers(edge, '00 F9 9A 00 01 00', 0x6a80)
  await answers(edge, '10 F9 9A 00 00', 0x6884)
  await answers(edge, '00 F7 00 F9', 0x6a88, 'no key was made for what was refused')
  await attest(edge, 0x9a)
})

atEdge('F9 is no key that anybody can use', async ({ edge }) => {
  await edge.authenticateAdmin()
  await generate(edge, 0x9a, 0x11)
  await attest(edge, 0x9a)
  await answers(edge, '00 20 00 80 08 {pin}', 0x9000)
  for (const [tag, length] of [
    [0x81, 32],
    [0x85, 65],
  ] as const) {
    const items = tlv(0x7c, tlv(0x82), tlv(tag, new Uint8Array(length).fill(4)))
    is(await edge.chain('00 87 11 F9', items), 0x6a86, 'GENERAL AUTHENTICATE')
  }
  for (const apdu of ['00 F6 82 F9', '00 F6 F9 9A', '00 F6 F9 F9']) await answers(edge, apdu, 0x6a86, 'MOVE KEY')
})

atEdge('who manages the card may give it another attestation key, and its certificate', async ({ edge }) => {
  const make = (algorithm: string) => `00 47 00 F9 05 AC 03 80 01 ${algorithm} 00`
  await answers(edge, make('11'), 0x6982)
  is(await importKey(edge, 0xf9), 0x6982, 'IMPORT KEY')
  await answers(edge, '00 F6 FF F9', 0x6982)
  await edge.authenticateAdmin()
  await answers(edge, '00 F6 FF F9', 0x6a88)
  await generate(edge, 0x9a, 0x11)
  await attest(edge, 0x9a)
  const first = await issuerOf(edge)

  for (const algorithm of ['11', '14', '07']) {
    const key = keyIn({ data: await answers(edge, make(algorithm), 0x9000), sw: 0x9000 })
    assert.is(hex((await metadata(edge)).algorithm ?? octets('')), algorithm)
    await attest(edge, 0x9a, 0x6985)
    assert.ok(equal((await issuerOf(edge)).raw, first.raw), 'its certificate is not touched')
    is(await putData(edge, CERTIFICATE, writeCertificate(certificateOf(key, 'Another CA'))), 0x9000, 'its certificate')
    const certificate = new X509Certificate(await attest(edge, 0x9a))
    assert.is(certificate.issuer, 'CN=Another CA')
    assert.ok(certificate.verify(key))
    is(await putData(edge, CERTIFICATE, new Uint8Array(0)), 0x9000, 'no certificate')
    assert.ok(new X509Certificate(await attest(edge, 0x9a)).verify(key), 'one is made')
    assert.match((await issuerOf(edge)).subject, /software TPM/)
    is(await putData(edge, CERTIFICATE, writeCertificate(first.raw)), 0x9000, 'that of another key')
    await attest(edge, 0x9a, 0x6985)
    is(await putData(edge, CERTIFICATE, octets('7001307101')), 0x9000, 'what is none')
    await attest(edge, 0x9a, 0x6985)
    is(await putData(edge, CERTIFICATE, writeCertificate(first.raw)), 0x9000, 'the first one again')
  }
  for (const policy of ['AA0102', 'AA0103', 'AB0102']) {
    await answers(edge, `00 47 00 F9 08 AC 06 80 01 11 ${policy} 00`, 0x6a80)
    is(await importKey(edge, 0xf9, octets(policy)), 0x6a80, policy)
  }
  await answers(edge, '00 47 00 F9 08 AC 06 80 01 11 AA0101 00', 0x9000)

  is(await importKey(edge, 0xf9), 0x9000, 'an imported one')
  assert.equal((await metadata(edge)).origin, octets('02'))
  is(await putData(edge, CERTIFICATE, new Uint8Array(0)), 0x9000, 'no certificate')
  await attest(edge, 0x9a, 0x6985)
  const own = certificateOf(createPublicKey(imported), 'An older CA')
  is(await putData(edge, CERTIFICATE, writeCertificate(own)), 0x9000, 'its certificate')
  assert.ok(new X509Certificate(await attest(edge, 0x9a)).verify(createPublicKey(imported)))

  await answers(edge, '00 F6 FF F9', 0x9000)
  await answers(edge, '00 F7 00 F9', 0x6a88)
  assert.ok(new X509Certificate(await attest(edge, 0x9a)).verify((await issuerOf(edge)).publicKey), 'made anew')
})

runAtEdge()
