// Certificates of slots.
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import * as assert from 'uvu/assert'
import { certificateOf } from '../../../src/validate/card/certificate.ts'
import { PIN } from '../subjects.ts'
import { type Clauses, ready, refused, signs } from './clause.ts'

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const certificate = certificateOf(publicKey)

export const CERTIFICATES: Clauses = {
  'a slot without a certificate has none': async (subject) => {
    const { card } = await subject.fresh()
    for (const slot of ['9a', '9c', '9d', '9e', '82', '95']) assert.is(await card.getCertificate(slot), undefined)
  },

  'certificates of every size come back as they were, also after the card was closed': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    const sizes: Readonly<Record<string, number>> = {
      '9a': 0,
      '9c': 1000,
      '9d': 1500,
      '9e': 1600,
      '82': 3000,
      '95': 9000,
    }
    const made = Object.entries(sizes).map(
      ([slot, comment]) => [slot, certificateOf(publicKey, slot, comment)] as const,
    )
    for (const [slot, one] of made) await card.putCertificate(slot, { certificate: one })
    const { card: later } = await subject.again()
    for (const [slot, one] of made) {
      const found = await later.getCertificate(slot)
      assert.equal(found?.certificate, one, `${slot}: ${one.length} octets`)
      assert.is(found?.chain, undefined)
      assert.ok(new X509Certificate(one).publicKey.equals(publicKey))
    }
  },

  'a certificate that is too large for its container is compressed': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    await card.putCertificate('9a', { certificate: certificateOf(publicKey, 'small', 1000) })
    await card.putCertificate('9c', { certificate: certificateOf(publicKey, 'large', 4000) })
    const info = async (tag: string) => (await card.getObject(tag))?.slice(-5)
    assert.equal(await info('certificate-9a'), Uint8Array.of(0x71, 0x01, 0x00, 0xfe, 0x00))
    assert.equal(await info('certificate-9c'), Uint8Array.of(0x71, 0x01, 0x01, 0xfe, 0x00))
  },

  'the chain comes back in its order, and goes with a new certificate': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    const chain = [1, 2, 3].map((level) => certificateOf(publicKey, `level ${level}`, 900))
    await card.putCertificate('9a', { certificate, chain })
    assert.equal(await card.getCertificate('9a'), { certificate, chain })
    await card.putCertificate('9a', { certificate })
    assert.equal(await card.getCertificate('9a'), { certificate })
  },

  'a deleted certificate is gone, and its chain with it': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    await card.putCertificate('82', { certificate, chain: [certificate] })
    assert.ok(await card.getObject('5ffe82'), 'where the chain is')
    await card.deleteCertificate('82')
    assert.is(await card.getCertificate('82'), undefined)
    assert.is(await card.getObject('5ffe82'), undefined)
    await card.putCertificate('82', { certificate })
    assert.equal(await card.getCertificate('82'), { certificate })
    await card.deleteCertificate('83')
  },

  'what is no certificate is refused, and the old one stays': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    await card.putCertificate('9a', { certificate })
    const others = [new Uint8Array(0), new Uint8Array(300), certificate.slice(0, -1), new TextEncoder().encode('PEM')]
    for (const other of others) {
      await refused('ERR_DATA', () => card.putCertificate('9a', { certificate: other }))
      await refused('ERR_DATA', () => card.putCertificate('9a', { certificate, chain: [other] }))
    }
    assert.equal(await card.getCertificate('9a'), { certificate })
  },

  'a damaged certificate is said to be damaged': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    for (const content of [[0x70, 0x01, 0x30], [0x53], [0x70, 0x02, 0x30, 0x00, 0x71, 0x01, 0x01, 0xfe, 0x00]]) {
      await card.putObject('certificate-9a', Uint8Array.from(content))
      await refused('ERR_DATA', () => card.getCertificate('9a'))
    }
    await card.putCertificate('9a', { certificate })
    assert.equal(await card.getCertificate('9a'), { certificate })
  },

  'certificates are read by everybody and changed by who may': async (subject) => {
    const { card } = await subject.fresh()
    const refusals = [() => card.putCertificate('9a', { certificate }), () => card.deleteCertificate('9a')]
    for (const change of refusals) {
      const code = await change().then(
        () => 'changed',
        (error) => error.code,
      )
      assert.ok(['ERR_PIN_REQUIRED', 'ERR_ADMIN_REQUIRED'].includes(code), code)
    }
    await subject.manage(card)
    await card.putCertificate('9a', { certificate })
    const { card: later } = await subject.again()
    assert.equal(await later.getCertificate('9a'), { certificate })
  },

  'a new key beside the certificate of the old one is the new key': async (subject) => {
    const card = await ready(subject)
    await card.putCertificate('9a', { certificate: certificateOf(await card.generateKey('9a')) })
    await signs(card, '9a')
    const key = await card.generateKey('9a', { algorithm: 'P-384' })
    assert.ok((await card.keyInfo('9a')).publicKey.equals(key))
    await signs(card, '9a')
    await card.putCertificate('9a', { certificate: certificateOf(key) })
    await signs(card, '9a')
  },

  'keys with certificates are known and used wherever the card is': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    for (const [slot, algorithm] of [
      ['9a', 'RSA-2048'],
      ['9c', 'P-256'],
      ['82', 'P-384'],
    ] as const) {
      await card.putCertificate(slot, { certificate: certificateOf(await card.generateKey(slot, { algorithm })) })
    }
    const { card: later } = await subject.again()
    const told = (await later.keys()).map(({ slot, algorithm, pinPolicy }) => [slot, algorithm, pinPolicy])
    assert.equal(told.sort(), [
      ['82', 'P-384', 'once'],
      ['9a', 'RSA-2048', 'once'],
      ['9c', 'P-256', 'always'],
    ])
    const { card: another } = await subject.again()
    await signs(another, '9c', { pin: PIN })
    for (const slot of ['9a', '82']) await signs(another, slot)
  },
}
