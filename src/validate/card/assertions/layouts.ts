// Which fields each container has: SP 800-73-5 part 1, appendix A; SP 800-85B-4 tests cards by it.
import { find, type Tlv } from '../../../iso7816/tlv.ts'
import { type Class, getData, look, must, type NamedAssertion, named, type Step, verified } from './assertion.ts'
import type { Edge } from './edge.ts'
import { contentOf, wantsObject } from './object.ts'
import { readTlvs } from './read.ts'

interface Field {
  readonly tag: number
  readonly least: number
  readonly most: number
  readonly optional: boolean
}

const MOST = 0xffff
const need = (tag: number, least = 0, most = least): Field => ({ tag, least, most, optional: false })
const any = (tag: number): Field => need(tag, 0, MOST)
const may = (tag: number, least = 0, most = MOST): Field => ({ tag, least, most, optional: true })
const CHECK = need(0xfe)
const BIOMETRIC = [any(0xbc), CHECK]
const CERTIFICATE = [need(0x70, 1, MOST), need(0x71, 1), may(0x72, 0, 38), CHECK]

type Layout = readonly [id: string, what: string, tag: string, kind: Class, section: string, fields: readonly Field[]]

const LAYOUTS: readonly Layout[] = [
  // All of it may be empty but the data model.
  [
    'ccc',
    'card capability container',
    '5FC107',
    'N',
    '3.1.1',
    [
      ...[need(0xf0, 0, 21), need(0xf1, 0, 1), need(0xf2, 0, 1), need(0xf3, 0, 128), need(0xf4, 0, 1), need(0xf5, 1)],
      ...[need(0xf6, 0, 17), need(0xf7), need(0xfa), need(0xfb), need(0xfc), need(0xfd), may(0xe3, 0, 48)],
      ...[may(0xb4, 0, 48), may(0xfe, 0, 0)],
    ],
  ],
  [
    'chuid',
    'CHUID',
    '5FC102',
    'N',
    '3.1.2',
    [
      ...[may(0xee, 2, 2), need(0x30, 25), may(0x32, 4, 4), may(0x33, 9, 9), need(0x34, 16), need(0x35, 8)],
      ...[may(0x36, 16, 16), may(0x3d, 0, 512), any(0x3e), CHECK],
    ],
  ],
  ['fingerprints', 'fingerprints', '5FC103', 'P', '3.1', BIOMETRIC],
  ['security', 'security object', '5FC106', 'N', '3.1', [any(0xba), any(0xbb), CHECK]],
  ['face', 'facial image', '5FC108', 'P', '3.1', BIOMETRIC],
  [
    'printed',
    'printed information',
    '5FC109',
    'P',
    '3.3.1',
    [
      ...[need(0x01, 0, 125), need(0x02, 0, 20), need(0x04, 9), need(0x05, 0, 20), need(0x06, 0, 15)],
      ...[may(0x07, 0, 20), may(0x08, 0, 20), CHECK],
    ],
  ],
  ['discovery', 'discovery object', '7E', 'N', '3.3.2', [need(0x4f, 11), need(0x5f2f, 2)]],
  ['history', 'key history', '5FC10C', 'N', '3.3.3', [need(0xc1, 1), need(0xc2, 1), may(0xf3, 0, 118), CHECK]],
  ['iris', 'iris images', '5FC121', 'P', '3.3', BIOMETRIC],
  [
    'signer',
    'signer of card verifiable certificates',
    '5FC122',
    'N',
    '3.3',
    [...CERTIFICATE.slice(0, 2), may(0x7f21), CHECK],
  ],
  ['pairing', 'pairing code', '5FC123', 'P', '3.3', [need(0x99, 8), CHECK]],
  ['certificate-9a', 'certificate of 9A', '5FC105', 'N', '3.1.3', CERTIFICATE],
  ['certificate-9c', 'certificate of 9C', '5FC10A', 'N', '3.2', CERTIFICATE],
  ['certificate-9d', 'certificate of 9D', '5FC10B', 'N', '3.2', CERTIFICATE],
  ['certificate-9e', 'certificate of 9E', '5FC101', 'N', '3.1', CERTIFICATE],
]

const nameOf = (tag: number): string => tag.toString(16).toUpperCase().padStart(2, '0')

/** Throws where a field is missing or has a wrong length; says what is there beside them, and another order. */
export function hasLayout(fields: readonly Tlv[], layout: readonly Field[]): string | undefined {
  for (const { tag, least, most, optional } of layout) {
    const value = find(fields, tag)
    must(value !== undefined || optional, `${nameOf(tag)} is missing`)
    const length = value?.length ?? least
    must(length >= least && length <= most, `${nameOf(tag)} has ${length} octets, and may have ${least} to ${most}`)
    must(fields.filter((one) => one.tag === tag).length < 2, `${nameOf(tag)} is there twice`)
  }
  const places = fields.map(({ tag }) => layout.findIndex((field) => field.tag === tag))
  const strange = fields.filter((_, index) => places[index] === -1).map(({ tag }) => nameOf(tag))
  if (strange.length > 0) return `it also has ${strange.join(', ')}, which the table has not`
  return places.every((place, index) => index === 0 || place > (places[index - 1] ?? -1))
    ? undefined
    : 'its fields stand in another order than in the table'
}

/** Programs for Yubico's cards keep the admin key there, for whoever knows the PIN. */
const keepsAdminKey = (tag: string, fields: readonly Tlv[]): boolean => tag === '5FC109' && fields[0]?.tag === 0x88

const isLaidOut =
  (tag: string, layout: readonly Field[]) =>
  async (edge: Edge): Promise<string | undefined> => {
    const content = await contentOf(edge, tag)
    must(content, `${getData(tag)} finds nothing`)
    const fields = readTlvs(content)
    return keepsAdminKey(tag, fields)
      ? 'it holds an admin key for the owner of the PIN, as ykman keeps it'
      : hasLayout(fields, layout)
  }

const steps = (kind: Class, work: (edge: Edge) => Promise<string | undefined>): Step[] =>
  kind === 'P' ? [verified, look(work)] : [look(work)]

const RETIRED = Array.from({ length: 20 }, (_, index) => (0x5fc10d + index).toString(16).toUpperCase())

export const LAYOUT_ASSERTIONS: readonly NamedAssertion[] = [
  ...LAYOUTS.map(([id, what, tag, kind, section, layout]) =>
    named(
      `data.${id}`,
      `SP 800-73-5 part 1, ${section} and appendix A`,
      kind,
      `fields of the ${what}`,
      steps(kind, isLaidOut(tag, layout)),
      wantsObject(tag, kind === 'P'),
    ),
  ),
  named(
    'data.certificate-retired',
    'SP 800-73-5 part 1, 3.3 and appendix A',
    'N',
    'fields of the certificates of retired keys',
    [
      look(async (edge) => {
        const said = new Set<string>()
        for (const tag of RETIRED) {
          const content = await contentOf(edge, tag)
          const says = content && hasLayout(readTlvs(content), CERTIFICATE)
          if (says !== undefined) said.add(`${tag}: ${says}`)
        }
        return said.size === 0 ? undefined : [...said].join('; ')
      }),
    ],
    async (edge) => {
      for (const tag of RETIRED) if ((await wantsObject(tag)(edge)) === undefined) return undefined
      return 'there is no certificate of a retired key'
    },
  ),
  named(
    'data.biometric-templates',
    'SP 800-73-5 part 1, 3.3 and appendix A',
    'N',
    'as many biometric information templates as the group says',
    [
      look(async (edge) => {
        const [count, ...templates] = readTlvs((await contentOf(edge, '7F61')) ?? new Uint8Array(0))
        must(count?.tag === 0x02 && count.value.length === 1, 'it does not begin with 02 01')
        const found = templates.filter(({ tag }) => tag === 0x7f60).length
        must(found === count.value[0], `${found} templates, and it says ${count.value[0]}`)
      }),
    ],
    wantsObject('7F61'),
  ),
]
