// The objects of a token: certificates, keys and data of a card, with the attributes that programs ask for.
import { concat, hex, sha256, utf8 } from '../../bytes.ts'
import { DER, integer } from '../../iso7816/der.ts'
import { ifWellFormed, tlv } from '../../iso7816/tlv.ts'
import { CARD_ALGORITHMS } from '../../piv/algorithms.ts'
import { isUsable, type KeyInfo } from '../../piv/host/key-info.ts'
import type { ObjectInfo } from '../../piv/host/objects.ts'
import { objectByTag } from '../../piv/objects.ts'
import { fromKeyObject } from '../../piv/public-key.ts'
import type { Slot } from '../../piv/slots.ts'
import { type Certificate, readCertificate } from '../../x509/certificate.ts'
import { formatName } from '../../x509/name-text.ts'
import { oid } from '../../x509/oid.ts'
import { type AttributeValue, CKA } from './attributes.ts'
import { CERTIFICATE_CATEGORY, CKC, CKK, CKO, UNAVAILABLE } from './codes.ts'
import type { CardContents } from './contents.ts'
import { namesOf } from './names.ts'

type Row = readonly [type: number, value: AttributeValue]

/** An object, known again by its name when the card is read anew. */
export interface TokenObject {
  readonly name: string
  readonly attributes: ReadonlyMap<number, AttributeValue>
  /** The key or certificate of that slot. */
  readonly slot?: Slot
  readonly key?: KeyInfo
  /** Tag of a data object, whose value is read when it is asked for. */
  readonly tag?: string
}

const NOTHING = new Uint8Array(0)
const COMMON: readonly Row[] = [
  [CKA.token, true],
  [CKA.modifiable, false],
  [CKA.copyable, false],
]

export function objectsOf({ keys, certificates, data }: CardContents): TokenObject[] {
  const slots = [...certificates].map(([slot, { certificate, chain = [] }]) => {
    const [leaf, ...issuers] = [certificate, ...chain].map((der) => ({
      der,
      read: ifWellFormed(() => readCertificate(der)),
    }))
    return { slot, leaf, issuers }
  })
  const subjects = new Map(slots.map(({ slot, leaf }) => [slot, leaf?.read?.subject]))
  const issuers = slots.flatMap((one) => one.issuers)
  return [
    ...slots.flatMap(({ slot, leaf }) => (leaf === undefined ? [] : [ownCertificate(slot, leaf)])),
    ...keys.filter(isUsable).flatMap((key) => keyObjects(key, subjects.get(key.slot) ?? NOTHING)),
    ...unique(issuers.flatMap((one) => (one.read === undefined ? [] : [issuerCertificate(one.der, one.read)]))),
    ...data.map(dataObject),
  ]
}

const unique = (objects: readonly TokenObject[]): TokenObject[] => [
  ...new Map(objects.map((object) => [object.name, object])).values(),
]

interface ReadDer {
  readonly der: Uint8Array
  readonly read: Certificate | undefined
}

function ownCertificate(slot: Slot, { der, read }: ReadDer): TokenObject {
  const { id, certificate } = namesOf(slot)
  const attributes = certificateRows(der, read, id, certificate, CERTIFICATE_CATEGORY.user)
  return { name: `certificate ${slot}`, attributes: new Map(attributes), slot }
}

/** What signed a certificate of the card: programs complete their chain with it. No key belongs to it. */
function issuerCertificate(der: Uint8Array, read: Certificate): TokenObject {
  const label = formatName(read.subject)
  const id = sha256(read.spki).subarray(0, 20)
  const attributes = certificateRows(der, read, id, label, CERTIFICATE_CATEGORY.authority)
  return { name: `issuer ${hex(sha256(der))}`, attributes: new Map(attributes) }
}

const certificateRows = (
  der: Uint8Array,
  read: Certificate | undefined,
  id: Uint8Array,
  label: string,
  category: number,
): Row[] => [
  ...COMMON,
  [CKA.class, CKO.certificate],
  [CKA.private, false],
  [CKA.label, utf8(label)],
  [CKA.id, id],
  [CKA.certificateType, CKC.x509],
  [CKA.certificateCategory, category],
  [CKA.trusted, false],
  [CKA.value, der],
  [CKA.startDate, NOTHING],
  [CKA.endDate, NOTHING],
  [CKA.subject, read?.subject ?? NOTHING],
  [CKA.issuer, read?.issuer ?? NOTHING],
  [
    CKA.serialNumber,
    read === undefined ? NOTHING : integer(Uint8Array.from(Buffer.from(evenHex(read.serialNumber), 'hex'))),
  ],
  [CKA.publicKeyInfo, read?.spki ?? NOTHING],
]

const evenHex = (digits: string): string => (digits.length % 2 === 0 ? digits : `0${digits}`)

function keyObjects(key: KeyInfo, subject: Uint8Array): TokenObject[] {
  const { slot, pinPolicy, origin } = key
  const { id, privateKey, publicKey } = namesOf(slot)
  const isGenerated = origin === 'generated'
  const { kind } = CARD_ALGORITHMS[key.algorithm]
  const both: Row[] = [
    ...COMMON,
    ...publicRows(key),
    [CKA.id, id],
    [CKA.subject, subject],
    [CKA.startDate, NOTHING],
    [CKA.endDate, NOTHING],
    [CKA.local, isGenerated],
    [CKA.keyGenMechanism, isGenerated ? GENERATION[kind] : UNAVAILABLE],
  ]
  const ofPublic: Row[] = [
    ...both,
    [CKA.class, CKO.publicKey],
    [CKA.private, false],
    [CKA.label, utf8(publicKey)],
    [CKA.encrypt, kind === 'rsa'],
    [CKA.verify, true],
    [CKA.verifyRecover, false],
    [CKA.wrap, false],
    [CKA.derive, false],
    [CKA.trusted, false],
  ]
  const ofPrivate: Row[] = [
    ...both,
    [CKA.class, CKO.privateKey],
    [CKA.private, pinPolicy !== 'never'],
    [CKA.label, utf8(privateKey)],
    [CKA.sensitive, true],
    [CKA.extractable, false],
    [CKA.alwaysSensitive, isGenerated],
    [CKA.neverExtractable, isGenerated],
    [CKA.sign, true],
    [CKA.signRecover, false],
    [CKA.decrypt, kind === 'rsa'],
    [CKA.derive, kind === 'ec'],
    [CKA.unwrap, false],
    [CKA.wrapWithTrusted, false],
    [CKA.alwaysAuthenticate, pinPolicy === 'always'],
  ]
  return [
    { name: `public key ${slot}`, attributes: new Map(ofPublic), slot },
    { name: `private key ${slot}`, attributes: new Map(ofPrivate), slot, key },
  ]
}

/** CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_EC_KEY_PAIR_GEN. */
const GENERATION = { rsa: 0x0000, ec: 0x1040 } as const

/** Object identifiers of the curves: RFC 5480, 2.1.1.1. */
export const CURVES = { 'P-256': oid('1.2.840.10045.3.1.7'), 'P-384': oid('1.3.132.0.34') } as const

function publicRows({ algorithm, publicKey }: KeyInfo): Row[] {
  const spki = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }))
  const key = fromKeyObject(publicKey)
  if ('modulus' in key) {
    return [
      [CKA.keyType, CKK.rsa],
      [CKA.modulus, key.modulus],
      [CKA.publicExponent, key.exponent],
      [CKA.modulusBits, CARD_ALGORITHMS[algorithm].octets * 8],
      [CKA.publicKeyInfo, spki],
    ]
  }
  return [
    [CKA.keyType, CKK.ec],
    [CKA.ecParams, CURVES[algorithm as keyof typeof CURVES]],
    [CKA.ecPoint, tlv(DER.octetString, key.point)],
    [CKA.publicKeyInfo, spki],
  ]
}

/** The arc of PIV's data objects: SP 800-73-5 part 1, table 3. */
const PIV_ARC = '2.16.840.1.101.3.7'

function dataObject({ tag, name }: ObjectInfo): TokenObject {
  const known = objectByTag(tag)
  const attributes: Row[] = [
    ...COMMON,
    [CKA.class, CKO.data],
    [CKA.private, known?.read === 'pin'],
    [CKA.label, utf8(name ?? tag)],
    [CKA.application, utf8(name ?? tag)],
    [CKA.objectId, known === undefined ? NOTHING : oid(`${PIV_ARC}.${known.oid}`)],
  ]
  return { name: `data ${tag}`, attributes: new Map(attributes), tag }
}

/** A secret that a key has agreed on: it lives as long as its session. */
export function secretObject(name: string, secret: Uint8Array, label: Uint8Array): TokenObject {
  const attributes: Row[] = [
    [CKA.class, CKO.secretKey],
    [CKA.token, false],
    [CKA.private, false],
    [CKA.modifiable, false],
    [CKA.label, concat(label)],
    [CKA.keyType, CKK.genericSecret],
    [CKA.value, secret],
    [CKA.valueLength, secret.length],
    [CKA.sensitive, false],
    [CKA.extractable, true],
    [CKA.local, false],
  ]
  return { name, attributes: new Map(attributes) }
}
