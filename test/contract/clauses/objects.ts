// Data objects: those that every card has, and those that somebody puts there.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import * as assert from 'uvu/assert'
import { hex } from '../../../src/bytes.ts'
import { readTlvs } from '../../../src/iso7816/tlv.ts'
import { certificateOf } from '../../../src/validate/card/certificate.ts'
import { PIN } from '../subjects.ts'
import { type Clauses, message, refused } from './clause.ts'

const tagsOf = (content: Uint8Array | undefined): string[] =>
  readTlvs(content ?? new Uint8Array(0)).map(({ tag }) => tag.toString(16))
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

export const OBJECTS: Clauses = {
  'a card has its identity from the beginning: CHUID, CCC, discovery, key history': async (subject) => {
    const { card } = await subject.fresh()
    assert.equal(tagsOf(await card.getObject('chuid')), ['30', '34', '35', '3e', 'fe'])
    assert.equal(tagsOf(await card.getObject('5FC107')).slice(0, 2), ['f0', 'f1'])
    assert.equal(hex((await card.getObject('7e')) ?? new Uint8Array(0)), '4f0ba0000003080000100001005f2f024000')
    assert.equal(hex((await card.getObject('key-history')) ?? new Uint8Array(0)), 'c10100c20100fe00')
    const { card: other } = await subject.fresh()
    assert.not.equal(await card.getObject('chuid'), await other.getObject('chuid'), 'another card has another GUID')
  },

  'the identity of a card stays what it is': async (subject) => {
    const { card } = await subject.fresh()
    const before = [await card.getObject('chuid'), await card.getObject('ccc')]
    const { card: later } = await subject.again()
    assert.equal([await later.getObject('chuid'), await later.getObject('ccc')], before)
  },

  'the key history says how many retired certificates there are, at any time': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    const certificate = certificateOf(publicKey)
    const onCard = async () => (await card.getObject('key-history'))?.[2]
    for (const [at, slot] of ['82', '83', '95'].entries()) {
      await card.putCertificate(slot, { certificate, chain: [certificate] })
      assert.is(await onCard(), at + 1)
    }
    await card.putCertificate('83', { certificate })
    await card.putCertificate('9a', { certificate })
    assert.is(await onCard(), 3, 'one that is replaced, and one that is not retired, do not count')
    for (const [at, slot] of ['83', '82', '95'].entries()) {
      await card.deleteCertificate(slot)
      assert.is(await onCard(), 2 - at)
    }
  },

  'nobody writes the key history, the discovery object or the biometric templates': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    for (const name of ['key-history', 'discovery', 'biometric-templates']) {
      await refused('ERR_NOT_SUPPORTED', () => card.putObject(name, message))
      await refused('ERR_NOT_SUPPORTED', () => card.deleteObject(name))
    }
    assert.is((await card.getObject('discovery'))?.length, 18)
  },

  'printed information, and all that is private, wants the PIN': async (subject) => {
    const { card } = await subject.fresh()
    const names = ['printed-information', 'fingerprints', 'facial-image', 'iris', 'pairing-code']
    for (const name of names) await refused('ERR_PIN_REQUIRED', () => card.getObject(name))
    await card.verifyPin(PIN)
    const printed = await card.getObject('5fc109')
    assert.equal(tagsOf(printed), ['1', '2', '4', '5', '6', 'fe'])
    for (const name of names.slice(1)) assert.is(await card.getObject(name), undefined)
    await subject.manage(card)
    for (const name of names) await card.putObject(name, message)
    await card.lock()
    for (const name of names) await refused('ERR_PIN_REQUIRED', () => card.getObject(name))
    await card.verifyPin(PIN)
    for (const name of names) assert.equal(await card.getObject(name), message)
  },

  'objects of every size come back as they were, also after the card was closed': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    const sizes = [
      1, 2, 127, 128, 200, 245, 246, 247, 248, 249, 250, 251, 252, 255, 256, 257, 500, 4000, 12_710, 16_000,
    ]
    const made = sizes.map((size, at) => [subject.spare(at), randomBytes(size)] as const)
    for (const [tag, content] of made) await card.putObject(tag, content)
    const { card: later } = await subject.again()
    for (const [tag, content] of made) {
      assert.equal(Buffer.from((await later.getObject(tag)) ?? []), content, `${content.length} octets`)
    }
  },

  'an object is replaced as a whole, and a deleted one is not there': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    await card.putObject(subject.spare(), new Uint8Array(1000).fill(1))
    await card.putObject(subject.spare().toUpperCase(), message)
    assert.equal(await card.getObject(subject.spare()), message)
    await card.deleteObject(subject.spare())
    assert.is(await card.getObject(subject.spare()), undefined)
    await card.deleteObject(subject.spare())
    await card.putObject(subject.spare(), new Uint8Array(0))
    assert.is(await card.getObject(subject.spare()), undefined, 'an empty object is none')
  },

  'the CHUID that somebody put is the CHUID, and the first one is back when it is deleted': async (subject) => {
    const { card } = await subject.fresh()
    const first = await card.getObject('chuid')
    await subject.manage(card)
    await card.putObject('chuid', message)
    assert.equal(await card.getObject('chuid'), message)
    await card.deleteObject('chuid')
    assert.equal(await card.getObject('chuid'), first)
  },

  'objects that are too large are refused, and the old one stays': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    await card.putObject(subject.spare(), message)
    for (const size of [16_385, 20_000, 60_000]) {
      await refused('ERR_DATA', () => card.putObject(subject.spare(), new Uint8Array(size)))
    }
    assert.equal(await card.getObject(subject.spare()), message)
  },

  'tags that no card has are refused by name': async (subject) => {
    const { card } = await subject.fresh()
    await subject.manage(card)
    for (const tag of ['', '5f', '5fc1', '5fc10201', '6fc102', 'nothing', '__proto__']) {
      await refused('ERR_USAGE', () => card.getObject(tag))
      await refused('ERR_USAGE', () => card.putObject(tag, message))
    }
    assert.is(await card.getObject('5fc1f0'), undefined)
  },

  'objects are changed by who may, and by nobody else': async (subject) => {
    const { card } = await subject.fresh()
    for (const change of [() => card.putObject(subject.spare(), message), () => card.deleteObject(subject.spare())]) {
      const code = await change().then(
        () => 'changed',
        (error) => error.code,
      )
      assert.ok(['ERR_PIN_REQUIRED', 'ERR_ADMIN_REQUIRED'].includes(code), code)
    }
    assert.is(await card.getObject(subject.spare()), undefined)
  },
}
