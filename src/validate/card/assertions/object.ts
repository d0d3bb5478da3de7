// Data objects as the checks of the data model read them: content and fields, and whether the object is there.
import { gunzipSync } from 'node:zlib'
import { find, type Tlv } from '../../../iso7816/tlv.ts'
import { type Assertion, getData, must, VERIFY } from './assertion.ts'
import { CERTIFICATES, type Edge, LARGEST, two } from './edge.ts'
import { readTlvs, unwrap } from './read.ts'

const BARE = ['7E', '7F61']

/** The content of an object without its wrapper; undefined where it is not there. Throws for what is no object. */
export async function contentOf(edge: Edge, tag: string): Promise<Uint8Array | undefined> {
  const { data, sw } = await edge.send(getData(tag))
  if (sw !== 0x9000 || data.length === 0) return undefined
  const content = unwrap(data, BARE.includes(tag) ? Number.parseInt(tag, 16) : 0x53)
  return content.length === 0 ? undefined : content
}

/** Its fields; throws where it is not there. */
export async function fieldsOf(edge: Edge, tag: string): Promise<Tlv[]> {
  const content = await contentOf(edge, tag)
  must(content, `object ${tag} is not there`)
  return readTlvs(content)
}

export async function fieldOf(edge: Edge, tag: string, field: number): Promise<Uint8Array> {
  const value = find(await fieldsOf(edge, tag), field)
  must(value, `object ${tag} has no ${two(field)}`)
  return value
}

/** An object that does not parse is there. */
const isThere = (edge: Edge, tag: string): Promise<boolean> =>
  contentOf(edge, tag).then(
    (content) => content !== undefined,
    () => true,
  )

/** `withPin`: it is read with the PIN. */
export const wantsObject =
  (tag: string, withPin = false): NonNullable<Assertion['unless']> =>
  async (edge) => {
    if (withPin) await edge.send(VERIFY)
    return (await isThere(edge, tag)) ? undefined : `there is no object ${tag}`
  }

export const wantsCertificate: NonNullable<Assertion['unless']> = async (edge) =>
  (await certificateObjects(edge)).length > 0 ? undefined : 'there is no certificate'

export interface CertificateObject {
  readonly slot: number
  readonly content: Uint8Array
  readonly fields: readonly Tlv[]
}

/** The containers of certificates that are there. */
export async function certificateObjects(edge: Edge): Promise<CertificateObject[]> {
  const found: CertificateObject[] = []
  for (const [slot, tag] of CERTIFICATES) {
    const content = await contentOf(edge, tag).catch(() => undefined)
    if (content === undefined) continue
    // What does not parse is a failure of edge.13 and edge.14, once.
    try {
      found.push({ slot, content, fields: readTlvs(content) })
    } catch {}
  }
  return found
}

/** The certificate in its DER. Throws for what does not inflate, or to more than any certificate has. */
export function derIn({ fields }: CertificateObject): Uint8Array {
  const octets = find(fields, 0x70) ?? new Uint8Array(0)
  const isCompressed = ((find(fields, 0x71)?.[0] ?? 0) & 1) === 1
  return isCompressed ? Uint8Array.from(gunzipSync(octets, { maxOutputLength: LARGEST })) : octets
}

export const first = (octets: Uint8Array): number => octets[0] ?? 0
export const textOf = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1')
