// Assertions 1 to 23: SELECT, GET DATA, what stands in the objects.
import type { X509Certificate } from 'node:crypto'
import { equal, hex } from '../../../bytes.ts'
import { find } from '../../../iso7816/tlv.ts'
import { assertion, getData, must, STATUS, step, verified } from './assertion.ts'
import { type Answer, type Edge, octets, SELECT } from './edge.ts'
import { readTlvs, unwrap } from './read.ts'

const FULL = '00 A4 04 00 0B A0 00 00 03 08 00 00 10 00 01 00 00'
const NO_APPLICATION = '00 A4 04 00 06 F0 01 02 03 04 05 00'
const RID = 'a000000308'
const CERTIFICATES = ['5FC105', '5FC10A', '5FC10B', '5FC101'] as const
const CHUID = '5FC102'

const inside = ({ data }: Answer, tag = 0x53) => readTlvs(unwrap(data, tag))
const tagsOf = (answer: Answer): string =>
  inside(answer)
    .map(({ tag }) => tag.toString(16))
    .join(' ')
const isAbsent = ({ data, sw }: Answer): boolean => sw !== 0x9000 || data.length === 0 || hex(data) === '5300'

/** What cards say of an object that is not there, or that they do not know, where NIST's say 6A82. */
const OTHERWISE = '6A80 6A81 6A86 6A88'
const ABSENT = `9000 6A82 ~ ${OTHERWISE}`

/** The same answer as the step before. */
function same(now: Answer, _edge: Edge, before: readonly Answer[]): void {
  const last = before.at(-1)
  must(last?.sw === now.sw && equal(last.data, now.data), 'it differs from the answer before')
}

function isTemplate(answer: Answer): void {
  const fields = inside(answer, 0x61)
  must(find(fields, 0x4f) && find(fields, 0x79), '61 without 4F and 79')
}

function isIdentified(answer: Answer): void {
  const fields = inside(answer, 0x61)
  const identifier = hex(find(fields, 0x4f) ?? octets(''))
  must(['000010000100', 'a000000308000010000100'].includes(identifier), `4F is ${identifier}`)
  const authority = hex(unwrap(find(fields, 0x79) ?? octets(''), 0x4f))
  must(authority.startsWith(RID), `79 4F is ${authority}`)
}

function namesAlgorithms(answer: Answer): void {
  const lists = inside(answer, 0x61).filter(({ tag }) => tag === 0xac)
  const suites = lists.flatMap(({ value }) => {
    const items = readTlvs(value)
    const ids = items.filter(({ tag }) => tag === 0x80)
    must(ids.length > 0 && ids.every((id) => id.value.length === 1), 'AC without 80 of one octet')
    must(hex(find(items, 0x06) ?? octets('')) === '00', 'AC without 06 01 00')
    return ids.map((id) => id.value[0]).filter((id) => id === 0x27 || id === 0x2e)
  })
  must(suites.length <= 1, 'two suites of secure messaging')
}

function isChuid(answer: Answer): void {
  const fields = inside(answer)
  const order = fields.map(({ tag }) => tag).filter((tag) => [0x30, 0x34, 0x35, 0x3e, 0xfe].includes(tag))
  must(order.join() === [0x30, 0x34, 0x35, 0x3e, 0xfe].join(), `tags ${tagsOf(answer)}`)
  const lengths = [0x30, 0x34, 0x35].map((tag) => find(fields, tag)?.length)
  must(lengths.join() === '25,16,8', `lengths ${lengths}`)
}

function isCapabilities(answer: Answer): void {
  const fields = inside(answer)
  must(fields.at(0)?.tag === 0xf0 && fields.at(-1)?.tag === 0xfe, `tags ${tagsOf(answer)}`)
  must(hex(find(fields, 0xf5) ?? octets('')) === '10', 'F5 is not 10')
}

const PIV_AID = 'a000000308000010000100'

function isDiscovery({ data, sw }: Answer): void {
  if (isAbsent({ data, sw })) return
  const items = readTlvs(unwrap(data, 0x7e))
  const tags = items.map(({ tag }) => tag).join()
  must(tags === [0x4f, 0x5f2f].join() && hex(find(items, 0x4f) ?? octets('')) === PIV_AID, `it is ${hex(data)}`)
  must(find(items, 0x5f2f)?.length === 2, `it is ${hex(data)}`)
}

function isPolicy({ data, sw }: Answer): void {
  if (isAbsent({ data, sw })) return
  const [usage = 0, preference] = find(readTlvs(unwrap(data, 0x7e)), 0x5f2f) ?? []
  must((usage & 0x83) === 0 && (usage & 0x40) !== 0, `first octet ${usage.toString(16)}`)
  must((usage & 0x20) !== 0 || preference === 0, `second octet ${preference?.toString(16)}`)
}

function isBiometrics(answer: Answer): void {
  if (!isAbsent(answer)) must(inside(answer, 0x7f61).at(0)?.tag === 0x02, 'it does not begin with 02')
}

function isContainer(answer: Answer): void {
  if (isAbsent(answer)) return
  const fields = inside(answer)
  must(find(fields, 0x70)?.length && find(fields, 0x71)?.length === 1, `tags ${tagsOf(answer)}`)
  must(fields.at(-1)?.tag === 0xfe && fields.at(-1)?.value.length === 0, 'no FE 00 at the end')
}

/** SP 800-78-5, tables 1 and 2; Yubico's cards also have the last three. */
const ALLOWED = ['prime256v1', 'secp384r1', '2048', '3072', '4096', 'ed25519', 'x25519']

function isAllowed(slot: number, { publicKey }: X509Certificate): void {
  const { namedCurve, modulusLength } = publicKey.asymmetricKeyDetails ?? {}
  const kind = namedCurve ?? (modulusLength === undefined ? publicKey.asymmetricKeyType : String(modulusLength)) ?? ''
  const retired = slot <= 0x95 && kind === '1024'
  must(retired || ALLOWED.includes(kind), `key of ${kind} in slot ${slot.toString(16)}`)
}

/** The first certificate of more than 256 octets. */
async function largeObject(edge: Edge): Promise<string | undefined> {
  for (const tag of CERTIFICATES) if ((await edge.send(getData(tag))).data.length > 256) return tag
  return undefined
}

function isHistory(answer: Answer): void {
  if (isAbsent(answer)) return
  const fields = inside(answer)
  const [onCard = 0, offCard = 0] = [0xc1, 0xc2].map((tag) => find(fields, tag)?.[0] ?? 0)
  must(onCard + offCard <= 20, `${onCard} and ${offCard} retired keys`)
  must(offCard === 0 || find(fields, 0xf3), 'C2 without F3')
  must(fields.at(-1)?.tag === 0xfe && fields.at(-1)?.value.length === 0, 'no FE 00 at the end')
}

/** Applications that cards have beside PIV: Yubico's management, GlobalPlatform's security domain. */
const OTHERS = ['A0 00 00 05 27 47 11 17', 'A0 00 00 01 51 00 00 00']
const selectOther = (aid: string): string => `00 A4 04 00 08 ${aid} 00`

async function otherApplication(edge: Edge): Promise<string | undefined> {
  for (const aid of OTHERS) if ((await edge.send(selectOther(aid))).sw === 0x9000) return aid
  return undefined
}

const unverified = [step(getData('5FC109'), `6982 ~ 6A82 ${OTHERWISE}`)]

export const OBJECT_ASSERTIONS = [
  assertion(1, 'N', 'SELECT of the full AID', [step(FULL, '9000', isTemplate)]),
  assertion(2, 'N', 'SELECT of nine octets of it', [step(FULL, '9000'), step(SELECT, '9000', same)]),
  assertion(3, 'N', 'application property template', [step(SELECT, '9000', isIdentified)]),
  assertion(4, 'N', 'its lists of algorithms', [step(SELECT, '9000', namesAlgorithms)]),
  assertion(5, 'N', 'SELECT of an AID that nobody has leaves PIV selected', [
    step(getData(CHUID), '9000'),
    step(
      async (edge) => {
        const { sw } = await edge.send(NO_APPLICATION)
        must(sw === 0x6a82, `SELECT answers ${sw.toString(16)}`)
        return edge.send(getData(CHUID))
      },
      '9000',
      same,
    ),
  ]),
  assertion(6, 'P', 'SELECT of PIV again keeps what was verified', [
    verified,
    step(SELECT, '9000'),
    step(STATUS, '9000 ~ 63Cx'),
  ]),
  assertion(
    7,
    'P',
    'SELECT of another application ends what was verified',
    [
      verified,
      step(async (edge) => edge.send(selectOther((await otherApplication(edge)) ?? '')), '9000'),
      step(SELECT, '9000'),
      step(STATUS, '63Cx'),
    ],
    async (edge) => ((await otherApplication(edge)) ? undefined : 'there is no other application on the card'),
  ),
  assertion(8, 'N', 'CHUID', [step(getData(CHUID), '9000', isChuid)]),
  assertion(9, 'N', 'CCC', [step(getData('5FC107'), '9000', isCapabilities)]),
  assertion(10, 'N', 'discovery object', [step(getData('7E'), ABSENT, isDiscovery)]),
  assertion(11, 'N', 'its PIN usage policy', [step(getData('7E'), ABSENT, isPolicy)]),
  assertion(12, 'N', 'biometric information templates', [step(getData('7F 61'), ABSENT, isBiometrics)]),
  assertion(
    13,
    'N',
    'certificates of 9A, 9C, 9D and 9E',
    CERTIFICATES.map((tag) => step(getData(tag), ABSENT, isContainer)),
  ),
  assertion(14, 'N', 'every certificate is one, of a key that its slot may have', [
    step(async (edge) => {
      const damaged = await edge.damagedCertificates()
      must(damaged.length === 0, damaged.join('; '))
      for (const [slot, certificate] of await edge.certificates()) isAllowed(slot, certificate)
      return edge.send(getData('5FC105'))
    }, ABSENT),
  ]),
  assertion(15, 'N', 'GET DATA of a tag of nobody', [step(getData('5FC1F0'), `6A82 ~ ${OTHERWISE}`)]),
  assertion(16, 'N', 'GET DATA with other P1 and P2', [
    step('00 CB 3F 00 05 5C 03 5F C1 02 00', '!9000'),
    step('00 CB 00 FF 05 5C 03 5F C1 02 00', '!9000'),
  ]),
  assertion(17, 'N', 'GET DATA with a tag list that is cut off', [
    step('00 CB 3F FF 04 5C 03 5F C1 00', '!9000'),
    step('00 CB 3F FF 01 5C 00', '!9000'),
  ]),
  assertion(18, 'N', 'GET DATA of printed information without PIN', unverified),
  assertion(19, 'N', 'GET DATA of fingerprints and iris without PIN', [
    step(getData('5FC103'), `6982 ~ 6A82 ${OTHERWISE}`),
    step(getData('5FC121'), `6982 ~ 6A82 ${OTHERWISE}`),
  ]),
  assertion(20, 'P', 'GET DATA of printed information with PIN', [verified, step(getData('5FC109'), ABSENT)]),
  assertion(21, 'N', 'the same GET DATA twice', [step(getData(CHUID), '9000'), step(getData(CHUID), '9000', same)]),
  assertion(
    22,
    'N',
    'an object of more than 256 octets comes in pieces, and all of it',
    [
      step(async (edge) => edge.transmit(getData((await largeObject(edge)) ?? '')), '61xx'),
      step(
        async (edge) => edge.send(getData((await largeObject(edge)) ?? '')),
        '9000',
        ({ data }) => {
          must(unwrap(data, 0x53).length > 250, 'it is not as long as it says')
        },
      ),
    ],
    async (edge) => ((await largeObject(edge)) ? undefined : 'there is no object of more than 256 octets'),
  ),
  assertion(23, 'N', 'key history', [step(getData('5FC10C'), ABSENT, isHistory)]),
]
