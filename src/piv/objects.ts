// Data objects of a PIV card: names, tags, containers. SP 800-73-5 part 1, section 3 and appendix A; and the data
// fields of GET DATA and PUT DATA, part 2, sections 3.1.2 and 3.3.2.
import { concat, fromHex, hex } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import { find, readableTlvs, readTlvs, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import type { Slot } from './slots.ts'

export interface DataObject {
  readonly name: string
  /** In lower-case hex digits. */
  readonly tag: string
  /** ContainerID. */
  readonly container: number
  /** Below 2.16.840.1.101.3.7. */
  readonly oid: string
  /** The minimum capacity of the container in octets. */
  readonly capacity: number
  /** `pin`: only while the PIN is verified. */
  readonly read: 'always' | 'pin'
  /** The slot that this certificate belongs to. */
  readonly slot?: Slot
}

type Row = readonly [
  name: string,
  tag: string,
  container: number,
  oid: string,
  capacity: number,
  read: 'always' | 'pin',
]

// SP 800-73-5 part 1, tables 1 and 2 (access, container), 3 (tag) and 8 to 42 (capacity).
const ROWS: readonly Row[] = [
  ['ccc', '5fc107', 0xdb00, '1.219.0', 170, 'always'],
  ['chuid', '5fc102', 0x3000, '2.48.0', 2881, 'always'],
  ['fingerprints', '5fc103', 0x6010, '2.96.16', 4006, 'pin'],
  ['security', '5fc106', 0x9000, '2.144.0', 1336, 'always'],
  ['facial-image', '5fc108', 0x6030, '2.96.48', 12710, 'pin'],
  ['printed-information', '5fc109', 0x3001, '2.48.1', 245, 'pin'],
  ['discovery', '7e', 0x6050, '2.96.80', 19, 'always'],
  ['key-history', '5fc10c', 0x6060, '2.96.96', 128, 'always'],
  ['iris', '5fc121', 0x1015, '2.16.21', 7106, 'pin'],
  ['biometric-templates', '7f61', 0x1016, '2.16.22', 65, 'always'],
  ['signer', '5fc122', 0x1017, '2.16.23', 2471, 'always'],
  ['pairing-code', '5fc123', 0x1018, '2.16.24', 12, 'pin'],
]

/** Certificates by slot: tag, container, OID. */
const CERTIFICATES: ReadonlyArray<
  readonly [slot: string, tag: string, container: number, oid: string, capacity: number]
> = [
  ['9a', '5fc105', 0x0101, '2.1.1', 1857],
  ['9c', '5fc10a', 0x0100, '2.1.0', 1857],
  ['9d', '5fc10b', 0x0102, '2.1.2', 1857],
  ['9e', '5fc101', 0x0500, '2.5.0', 1857],
  ...Array.from({ length: 20 }, (_, index) => {
    const n = index + 1
    return [(0x81 + n).toString(16), (0x5fc10c + n).toString(16), 0x1000 + n, `2.16.${n}`, 1895] as const
  }),
]

export const OBJECTS: readonly DataObject[] = [
  ...ROWS.map(([name, tag, container, oid, capacity, read]) => ({ name, tag, container, oid, capacity, read })),
  ...CERTIFICATES.map(([slot, tag, container, oid, capacity]) => {
    const read = 'always' as const
    return { name: `certificate-${slot}`, tag, container, oid, capacity, read, slot: slot as Slot }
  }),
]

const BY_TAG = new Map(OBJECTS.map((object) => [object.tag, object]))

/** The object with a tag, if NIST defines one. */
export const objectByTag = (tag: string): DataObject | undefined => BY_TAG.get(tag)

/** @throws RangeError for an object that NIST does not define: a mistake of the program */
export function tagOf(name: string): string {
  const found = OBJECTS.find((object) => object.name === name)
  if (found === undefined) throw new RangeError(`There is no data object '${name}'.`)
  return found.tag
}

/** The tag of a slot's certificate. */
export const certificateTag = (slot: Slot): string => tagOf(`certificate-${slot}`)

/**
 * The tag that a person entered: hex (`5FC102`) or name (`chuid`), in any case. Tags from 5f0000 to 5fffff, 7e and 7f61.
 * @throws UsageError ERR_USAGE
 */
export function parseObjectTag(text: string): string {
  const lower = text.toLowerCase()
  const named = OBJECTS.find((object) => object.name === lower)
  if (named !== undefined) return named.tag
  if (BY_TAG.has(lower) || /^5f[0-9a-f]{4}$/.test(lower)) return lower
  const shown = text.slice(0, 40)
  throw new UsageError(
    'ERR_USAGE',
    `There is no data object '${shown}'. Use a tag from 5f0000 to 5fffff, 7e, 7f61, or a name: ${OBJECTS.map((object) => object.name).join(', ')}.`,
  )
}

/** These two are not wrapped in 53. SP 800-73-5 part 2, sections 3.1.2 and 3.3.2. */
const BARE: readonly number[] = [0x7e, 0x7f61]
const TAG_LIST = 0x5c
const DATA = 0x53

function outerTag(tag: string): number {
  const number = Number.parseInt(tag, 16)
  return BARE.includes(number) ? number : DATA
}

// Here only a list of octets: tags that BER would refuse can be asked for too, and are then not found.
function tagList(tag: string): Uint8Array {
  const octets = fromHex(tag)
  if (octets === undefined || octets.length < 1 || octets.length > 3)
    throw new RangeError(`${tag} is not the tag of an object.`)
  return tlv(TAG_LIST, octets)
}

function tagIn(list: Uint8Array): string {
  if (list.length < 1 || list.length > 3) throw new TlvError('a tag list has one tag of one to three octets')
  return hex(list)
}

/** An object as GET DATA returns it: `53 L content`; 7E and 7F61 without the wrapper. */
export const writeObject = (tag: string, content: Uint8Array): Uint8Array => tlv(outerTag(tag), content)

/**
 * The content of an object in an answer to GET DATA: a view. Empty: it was deleted. Some cards wrap every object in 53.
 * @throws TlvError
 */
export function readObject(tag: string, answer: Uint8Array): Uint8Array {
  const outer = outerTag(tag)
  const [first] = readableTlvs(answer)
  if (first?.tag === outer) return first.value
  if (first?.tag !== DATA) throw new TlvError('this is not a data object')
  const [inner] = readableTlvs(first.value)
  return inner?.tag === outer ? inner.value : first.value
}

/** The data field of GET DATA. */
export const writeGetData = (tag: string): Uint8Array => tagList(tag)

/** The tag, in hex, in a data field of GET DATA. @throws TlvError */
export const readGetData = (data: Uint8Array): string => tagIn(unwrap(data, TAG_LIST, 'BER'))

/** The data field of PUT DATA. Empty content deletes the object. */
export function writePutData(tag: string, content: Uint8Array): Uint8Array {
  const object = writeObject(tag, content)
  return outerTag(tag) === DATA ? concat(tagList(tag), object) : object
}

/** The tag and the content, a view, in a data field of PUT DATA. @throws TlvError */
export function readPutData(data: Uint8Array): { readonly tag: string; readonly content: Uint8Array } {
  const tlvs = readTlvs(data, 'BER')
  const [first, second] = tlvs
  if (first !== undefined && tlvs.length === 1 && BARE.includes(first.tag)) {
    return { tag: first.tag.toString(16), content: first.value }
  }
  const list = find(tlvs, TAG_LIST)
  if (list === undefined || first?.tag !== TAG_LIST || second?.tag !== DATA || tlvs.length !== 2) {
    throw new TlvError('PUT DATA wants a tag list and then the data')
  }
  const tag = tagIn(list)
  if (outerTag(tag) !== DATA) throw new TlvError(`object ${tag} is put without a tag list`)
  return { tag, content: second.value }
}
