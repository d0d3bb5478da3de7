// What stands in the objects that a card need not have: key history, security object, pairing code, printed information.
import { createHash } from 'node:crypto'
import { hex } from '../../../bytes.ts'
import { find } from '../../../iso7816/tlv.ts'
import { look, must, type NamedAssertion, named } from './assertion.ts'
import { dayOf } from './contents.ts'
import type { Edge } from './edge.ts'
import { certificateObjects, contentOf, fieldOf, fieldsOf, first, textOf, wantsObject } from './object.ts'
import { readTlvs } from './read.ts'

const CHUID = '5FC102'
const HISTORY = '5FC10C'
const PART_1 = 'SP 800-73-5 part 1'

const retired = async (edge: Edge): Promise<number[]> =>
  (await certificateObjects(edge)).map(({ slot }) => slot).filter((slot) => slot < 0x96)

const wantsUrl = async (edge: Edge): Promise<string | undefined> => {
  const fields = (await contentOf(edge, HISTORY)) ?? new Uint8Array(0)
  return find(readTlvs(fields), 0xf3)?.length ? undefined : 'there is no URL in the key history'
}

export const OPTIONAL_OBJECT_ASSERTIONS: readonly NamedAssertion[] = [
  named(
    'data.history.on-card',
    `${PART_1}, 3.3.3`,
    'N',
    'key history: certificates on the card are as many as it says, from 82 up',
    [
      look(async (edge) => {
        const count = first(await fieldOf(edge, HISTORY, 0xc1))
        const slots = await retired(edge)
        const expected = Array.from({ length: count }, (_, index) => 0x82 + index)
        const missing = expected.filter((slot) => !slots.includes(slot)).map((slot) => slot.toString(16))
        must(missing.length === 0, `no certificate for ${missing.join(', ')}`)
        return slots.length > count ? `it says ${count}, and there are ${slots.length}` : undefined
      }),
    ],
    wantsObject(HISTORY),
  ),
  named(
    'data.history.missing',
    `${PART_1}, 3.3.3`,
    'N',
    'key history: it is there where retired keys have certificates',
    [
      look(async (edge) => {
        const history = await contentOf(edge, HISTORY)
        return history === undefined ? 'hosts that go by the key history do not see these keys' : undefined
      }),
    ],
    async (edge) => ((await retired(edge)).length > 0 ? undefined : 'there is no certificate of a retired key'),
  ),
  named(
    'data.history.url',
    `${PART_1}, 3.3.3`,
    'N',
    'key history: the URL is http, and ends with a digest in hex',
    [
      look(async (edge) => {
        const url = textOf(await fieldOf(edge, HISTORY, 0xf3))
        must(/^http:\/\/[!-~]+\/[0-9A-Fa-f]{64}$/.test(url), `it is ${JSON.stringify(url)}`)
      }),
    ],
    wantsUrl,
  ),
  named(
    'data.history.url-wanted',
    `${PART_1}, 3.3.3`,
    'N',
    'key history: a URL if certificates are elsewhere, and else none',
    [
      look(async (edge) => {
        const fields = await fieldsOf(edge, HISTORY)
        const elsewhere = first(find(fields, 0xc2) ?? new Uint8Array(0)) > 0
        const url = (find(fields, 0xf3)?.length ?? 0) > 0
        must(elsewhere === url, elsewhere ? 'there is no URL' : 'there is a URL, and nothing behind it')
      }),
    ],
    wantsObject(HISTORY),
  ),
  named(
    'data.security.mapping',
    `${PART_1}, 3.1 and table 1`,
    'N',
    'security object: the mapping names data groups 1 to 16 and containers of PIV',
    [
      look(async (edge) => {
        const mapping = await fieldOf(edge, '5FC106', 0xba)
        must(mapping.length % 3 === 0, `BA has ${mapping.length} octets`)
        for (let at = 0; at < mapping.length; at += 3) {
          const [group = 0, high = 0, low = 0] = mapping.subarray(at)
          must(group >= 1 && group <= 16, `data group ${group}`)
          const container = (high << 8) | low
          const known = [0xdb00, 0x3000, 0x3001, 0x3002, 0x6010, 0x6030, 0x6050, 0x6060, 0x9000]
          const named = known.includes(container) || (container >= 0x1001 && container <= 0x1018)
          must(named || [0x0100, 0x0101, 0x0102, 0x0500].includes(container), `container ${container.toString(16)}`)
        }
      }),
    ],
    wantsObject('5FC106'),
  ),
  named(
    'data.security.hashes',
    `${PART_1}, 3.1; ICAO 9303 part 10, 4.6.2`,
    'N',
    'security object: the CMS has the digest of the CHUID, where the CHUID is mapped',
    [
      look(async (edge) => {
        const mapping = hex(await fieldOf(edge, '5FC106', 0xba))
        if (!(mapping.match(/.{6}/g) ?? []).some((entry) => entry.endsWith('3000'))) return undefined
        const content = (await contentOf(edge, CHUID)) ?? new Uint8Array(0)
        const signed = hex(await fieldOf(edge, '5FC106', 0xbb))
        const digests = ['sha1', 'sha256', 'sha384', 'sha512'].map((hash) =>
          createHash(hash).update(content).digest('hex'),
        )
        must(
          digests.some((digest) => signed.includes(digest)),
          'no digest of the CHUID stands in it',
        )
      }),
    ],
    wantsObject('5FC106'),
  ),
  named(
    'data.pairing.digits',
    `${PART_1}, 3.3 and appendix A`,
    'P',
    'pairing code: eight digits',
    [
      look(async (edge) => {
        await edge.send('00 20 00 80 08 {pin}')
        must(/^\d{8}$/.test(textOf(await fieldOf(edge, '5FC123', 0x99))), 'it has something else than digits')
      }),
    ],
    wantsObject('5FC123', true),
  ),
  named(
    'data.printed.expiry',
    `${PART_1}, 3.3.1`,
    'P',
    'printed information: it expires on the day of the CHUID',
    [
      look(async (edge) => {
        await edge.send('00 20 00 80 08 {pin}')
        const printed = find(await fieldsOf(edge, '5FC109'), 0x04)
        if (printed === undefined) return undefined
        const day = dayOf(await fieldOf(edge, CHUID, 0x35))
        const month = day.toLocaleString('en-US', { month: 'short', timeZone: 'UTC' }).toUpperCase()
        const wanted = `${day.getUTCFullYear()}${month}${String(day.getUTCDate()).padStart(2, '0')}`
        must(/^\d{4}[A-Z]{3}\d{2}$/.test(textOf(printed)), `it is ${JSON.stringify(textOf(printed))}`)
        return textOf(printed) === wanted ? undefined : `it says ${textOf(printed)}, and the CHUID ${wanted}`
      }),
    ],
    async (edge) => {
      const absent = await wantsObject('5FC109', true)(edge)
      if (absent !== undefined) return absent
      return find(await fieldsOf(edge, '5FC109'), 0x04) ? undefined : 'there is no date in it'
    },
  ),
]
