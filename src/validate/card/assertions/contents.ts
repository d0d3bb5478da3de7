// What stands in the fields of the data objects: numbers, dates and names, and whether they agree with each other.
import { hex } from '../../../bytes.ts'
import { find } from '../../../iso7816/tlv.ts'
import { getData, look, must, type NamedAssertion, named } from './assertion.ts'
import { CERTIFICATES, type Edge, SELECT } from './edge.ts'
import { contentOf, fieldOf, fieldsOf, first, textOf, wantsObject } from './object.ts'
import { readTlvs, unwrap } from './read.ts'

const CHUID = '5FC102'
const CCC = '5FC107'
const HISTORY = '5FC10C'
const PART_1 = 'SP 800-73-5 part 1'

/** The characters of a FASC-N: 40 of five bits each, the last of them odd parity. TIG SCEPACS 2.3, section 6. */
function fascN(octets: Uint8Array): number[] {
  const bits = [...octets].map((octet) => octet.toString(2).padStart(8, '0')).join('')
  return Array.from({ length: 40 }, (_, index) => Number.parseInt(bits.slice(index * 5, index * 5 + 5), 2))
}

const START = 0b11010
const SEPARATOR = 0b10110
const END = 0b11111
const SEPARATORS = [5, 10, 17, 19, 21]
const ones = (value: number): number => value.toString(2).replaceAll('0', '').length

function isFascN(octets: Uint8Array): void {
  must(octets.length === 25, `it has ${octets.length} octets`)
  const characters = fascN(octets)
  must(characters[0] === START && characters[38] === END, 'start or end sentinel is missing')
  const parity = characters.findIndex((one) => ones(one) % 2 === 0)
  must(parity === -1, `character ${parity + 1} has even parity`)
  must(
    SEPARATORS.every((at) => characters[at] === SEPARATOR),
    'a field separator is missing',
  )
  const sum = characters.slice(0, 39).reduce((all, one) => all ^ one, 0)
  must(sum >> 1 === (characters[39] ?? 0) >> 1, 'the longitudinal redundancy character is wrong')
}

/** YYYYMMDD of a day that there is. */
export function dayOf(octets: Uint8Array): Date {
  const text = textOf(octets)
  must(/^\d{8}$/.test(text), 'it is no date YYYYMMDD')
  const [year, month, day] = [text.slice(0, 4), text.slice(4, 6), text.slice(6)].map(Number)
  const date = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day))
  must(date.toISOString().slice(0, 10).replaceAll('-', '') === text, `there is no day ${text}`)
  return date
}

function isUuid(octets: Uint8Array): string | undefined {
  must(octets.length === 16 && octets.some((octet) => octet !== 0), 'it is all zeros')
  const [version, variant] = [(octets[6] ?? 0) >> 4, (octets[8] ?? 0) >> 6]
  return variant === 2 && version >= 1 && version <= 8
    ? undefined
    : `it has neither variant nor version of a UUID: ${hex(octets)}`
}

async function identifierOf(edge: Edge): Promise<string> {
  const inside = readTlvs(unwrap((await edge.send(SELECT)).data, 0x61))
  return hex(find(inside, 0x4f) ?? new Uint8Array(0))
}

export const CONTENT_ASSERTIONS: readonly NamedAssertion[] = [
  named(
    'data.ccc.identifier',
    `${PART_1}, 3.1.1; GSC-IS 2.1, 6`,
    'N',
    'CCC: the card identifier is empty, or has 21 octets',
    [
      look(async (edge) => {
        const value = await fieldOf(edge, CCC, 0xf0)
        must(value.length === 0 || value.length === 21, `F0 has ${value.length} octets`)
        return value.length > 0 && !hex(value).startsWith('a000000116')
          ? 'F0 does not begin with the GSC-RID'
          : undefined
      }),
    ],
    wantsObject(CCC),
  ),
  named(
    'data.ccc.versions',
    `${PART_1}, 3.1.1`,
    'N',
    'CCC: container and grammar are empty, or version 2.1',
    [
      look(async (edge) => {
        for (const tag of [0xf1, 0xf2]) {
          const value = hex(await fieldOf(edge, CCC, tag))
          if (!['', '21'].includes(value)) return `${tag.toString(16).toUpperCase()} is ${value}`
        }
        return undefined
      }),
    ],
    wantsObject(CCC),
  ),
  named(
    'data.chuid.fasc-n',
    `${PART_1}, 3.1.2; TIG SCEPACS 2.3, 6`,
    'N',
    'CHUID: parity, separators and check of the FASC-N',
    [look(async (edge) => isFascN(await fieldOf(edge, CHUID, 0x30)))],
    wantsObject(CHUID),
  ),
  named(
    'data.chuid.guid',
    `${PART_1}, 3.4.1; RFC 9562, 4`,
    'N',
    'CHUID: the GUID is a UUID',
    [look(async (edge) => isUuid(await fieldOf(edge, CHUID, 0x34)))],
    wantsObject(CHUID),
  ),
  named(
    'data.chuid.expiry',
    `${PART_1}, 3.1.2`,
    'N',
    'CHUID: it expires on a day that there is, and that is to come',
    [
      look(async (edge) => {
        const day = dayOf(await fieldOf(edge, CHUID, 0x35))
        return day.getTime() < Date.now() ? `it expired on ${day.toISOString().slice(0, 10)}` : undefined
      }),
    ],
    wantsObject(CHUID),
  ),
  named(
    'data.chuid.no-more',
    `${PART_1}, 3.1.2 and appendix A`,
    'N',
    'CHUID: nothing follows its last field',
    [
      look(async (edge) => {
        const fields = await fieldsOf(edge, CHUID)
        must(fields.at(-1)?.tag === 0xfe && fields.at(-1)?.value.length === 0, 'it does not end with FE 00')
      }),
    ],
    wantsObject(CHUID),
  ),
  named(
    'data.discovery.length',
    `${PART_1}, 3.3.2`,
    'N',
    'discovery object: twenty octets and no more',
    [
      look(async (edge) => {
        const content = await contentOf(edge, '7E')
        must(content?.length === 18, `it has ${(content?.length ?? 0) + 2} octets`)
      }),
    ],
    wantsObject('7E'),
  ),
  named(
    'data.discovery.identifier',
    `${PART_1}, 3.3.2; part 2, 3.1.1`,
    'N',
    'discovery object: the application is the one that SELECT names',
    [
      look(async (edge) => {
        const selected = await identifierOf(edge)
        const here = hex(await fieldOf(edge, '7E', 0x4f))
        must(selected !== '' && here.endsWith(selected), `it names ${here}, and SELECT ${selected}`)
      }),
    ],
    wantsObject('7E'),
  ),
  named(
    'data.discovery.global-pin',
    `${PART_1}, 3.3.2; part 2, 3.2.1`,
    'N',
    'discovery object: VERIFY knows a global PIN if the policy has one',
    [
      look(async (edge) => {
        const has = (first(await fieldOf(edge, '7E', 0x5f2f)) & 0x20) !== 0
        const { sw } = await edge.send('00 20 00 00')
        const knows = sw === 0x9000 || sw >> 4 === 0x63c || sw === 0x6983
        must(has === knows, `the policy has ${has ? 'one' : 'none'}, and VERIFY answers ${sw.toString(16)}`)
      }),
    ],
    wantsObject('7E'),
  ),
  named(
    'data.discovery.virtual-contact',
    `${PART_1}, 3.3.2 and 3.3.7; part 2, 4.1`,
    'N',
    'discovery object: a virtual contact interface has its signer',
    [
      look(async (edge) => {
        const policy = first(await fieldOf(edge, '7E', 0x5f2f))
        const signer = await contentOf(edge, '5FC122')
        must((policy & 0x08) === 0 || signer !== undefined, 'the policy has one, and 5FC122 is not there')
        must((policy & 0x04) === 0 || (policy & 0x08) !== 0, 'pairing is not wanted for an interface that there is not')
      }),
    ],
    wantsObject('7E'),
  ),
  named(
    'data.all-readable',
    `${PART_1}, table 2`,
    'N',
    'objects that anybody may read are answered, or said to be missing',
    [
      look(async (edge) => {
        const tags = [CHUID, CCC, '5FC106', '7E', HISTORY, '7F61', '5FC122', ...CERTIFICATES.values()]
        for (const tag of tags) {
          const { sw } = await edge.send(getData(tag))
          must(sw !== 0x6982, `${tag} wants the PIN`)
        }
      }),
    ],
  ),
  named('data.pin-wanted', `${PART_1}, table 2`, 'N', 'no object that wants the PIN is read without it', [
    look(async (edge) => {
      for (const tag of ['5FC103', '5FC108', '5FC109', '5FC121', '5FC123']) {
        const { sw, data } = await edge.send(getData(tag))
        must(sw !== 0x9000 || data.length === 0 || hex(data) === '5300', `${tag} is read`)
      }
    }),
  ]),
  named(
    'data.whole',
    `${PART_1}, 2.3; ISO/IEC 7816-4, 6.3`,
    'N',
    'no octets before or after the object in an answer to GET DATA',
    [
      look(async (edge) => {
        for (const tag of [CHUID, CCC, ...CERTIFICATES.values()]) {
          const { data, sw } = await edge.send(getData(tag))
          if (sw === 0x9000 && data.length > 0) unwrap(data, 0x53)
        }
      }),
    ],
  ),
]
