// The mechanisms: what a card can do with its keys, and the parameters of each as p11-kit writes them.
import { ALGORITHMS, CARD_ALGORITHMS, type Hash, type OaepHash } from '../../piv/algorithms.ts'
import { CkrError, MECHANISM_FLAG } from './codes.ts'
import { type FieldReader, MessageError } from './field-reader.ts'

export type MechanismUse = 'sign' | 'decrypt' | 'derive' | 'generateKeyPair'
type Padding = 'none' | 'pkcs1' | 'pss' | 'oaep'

export interface Mechanism {
  readonly type: number
  readonly use: MechanismUse
  readonly kind: 'ec' | 'rsa'
  readonly padding: Padding
  /** The message is hashed here; without it, what is signed is a digest already. */
  readonly hash?: Hash
}

type Row = readonly [type: number, use: MechanismUse, kind: 'ec' | 'rsa', padding: Padding, hash?: Hash]

const ROWS: readonly Row[] = [
  [0x0000, 'generateKeyPair', 'rsa', 'none'],
  [0x0001, 'sign', 'rsa', 'pkcs1'],
  [0x0001, 'decrypt', 'rsa', 'pkcs1'],
  [0x0009, 'decrypt', 'rsa', 'oaep'],
  [0x000d, 'sign', 'rsa', 'pss'],
  [0x0040, 'sign', 'rsa', 'pkcs1', 'SHA-256'],
  [0x0041, 'sign', 'rsa', 'pkcs1', 'SHA-384'],
  [0x0042, 'sign', 'rsa', 'pkcs1', 'SHA-512'],
  [0x0043, 'sign', 'rsa', 'pss', 'SHA-256'],
  [0x0044, 'sign', 'rsa', 'pss', 'SHA-384'],
  [0x0045, 'sign', 'rsa', 'pss', 'SHA-512'],
  [0x1040, 'generateKeyPair', 'ec', 'none'],
  [0x1041, 'sign', 'ec', 'none'],
  [0x1044, 'sign', 'ec', 'none', 'SHA-256'],
  [0x1045, 'sign', 'ec', 'none', 'SHA-384'],
  [0x1046, 'sign', 'ec', 'none', 'SHA-512'],
  [0x1050, 'derive', 'ec', 'none'],
]

export const MECHANISMS: readonly Mechanism[] = ROWS.map(([type, use, kind, padding, hash]) => ({
  ...{ type, use, kind, padding },
  ...(hash && { hash }),
}))

/** Numbers in the order of the table. `manages`: whether keys can be made through PKCS #11. */
export const mechanismTypes = (manages: boolean): number[] => [
  ...new Set(MECHANISMS.filter(({ use }) => manages || use !== 'generateKeyPair').map(({ type }) => type)),
]

/** Sizes of keys in bits, and flags: it is the card that does it, and not a library. @throws CkrError CKR_MECHANISM_INVALID */
export function mechanismInfo(type: number): readonly [least: number, most: number, flags: number] {
  const rows = MECHANISMS.filter((row) => row.type === type)
  const [first] = rows
  if (first === undefined) throw new CkrError('CKR_MECHANISM_INVALID')
  const known = first.use === 'generateKeyPair' ? ALGORITHMS : CARD_ALGORITHMS
  const bits = Object.values(known).flatMap(({ kind, octets }) => (kind === first.kind ? [octets * 8] : []))
  let flags: number = MECHANISM_FLAG.hardware | (first.kind === 'ec' ? MECHANISM_FLAG.curves : 0)
  for (const { use } of rows) flags |= MECHANISM_FLAG[use]
  return [Math.min(...bits), Math.max(...bits), flags]
}

export type Parameters =
  | { readonly pss: { readonly hash: Hash; readonly saltLength: number } }
  | { readonly oaep: { readonly hash: OaepHash; readonly label: Uint8Array } }
  | { readonly peer: Uint8Array }

export interface ChosenMechanism extends Mechanism {
  readonly parameters: Parameters | undefined
}

/** Numbers of the hashes, and of MGF1 with each. */
const HASH_TYPES: ReadonlyArray<readonly [hash: OaepHash, type: number, mgf1: number]> = [
  ['SHA-1', 0x220, 1],
  ['SHA-256', 0x250, 2],
  ['SHA-384', 0x260, 3],
  ['SHA-512', 0x270, 4],
]
/** CKZ_DATA_SPECIFIED, and the nought that programs without a label write. */
const LABEL_SOURCES: readonly number[] = [0, 1]
/** CKD_NULL: the secret is the x coordinate itself. */
const NO_DERIVATION = 1
const ABSENT = [0xff, 0xff, 0xff, 0xff] as const
const NO_MECHANISM = 0xffff_ffff

/**
 * A mechanism in a request; undefined where the program ends an operation by naming none.
 * @throws CkrError CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID; MessageError
 */
export function readMechanism(fields: FieldReader, use: MechanismUse): ChosenMechanism | undefined {
  const type = fields.uint32()
  if (type === NO_MECHANISM) return undefined
  const found = MECHANISMS.find((row) => row.type === type && row.use === use)
  if (found === undefined) throw new CkrError('CKR_MECHANISM_INVALID')
  const read = PARAMETERS[parametersOf(found)]
  if (read === undefined) {
    // p11-kit writes no parameters from 0.25.6 on; before, it wrote an absent array. A handle or a count begins otherwise.
    fields.skips(...ABSENT)
    return { ...found, parameters: undefined }
  }
  // From 0.25.6 on an octet says whether there are parameters. Without it they begin with a small number in eight octets.
  fields.skips(1)
  return { ...found, parameters: read(fields) }
}

type ParameterKind = 'pss' | 'oaep' | 'ecdh' | 'none'

function parametersOf({ padding, use }: Mechanism): ParameterKind {
  if (padding === 'pss' || padding === 'oaep') return padding
  return use === 'derive' ? 'ecdh' : 'none'
}

const PARAMETERS: Readonly<Record<ParameterKind, ((fields: FieldReader) => Parameters) | undefined>> = {
  none: undefined,
  pss(fields) {
    const [hash, saltLength] = orInvalid(() => [hashWith(fields.ulong(), fields.ulong()), fields.ulong()] as const)
    if (hash === 'SHA-1' || saltLength < 0) throw new CkrError('CKR_MECHANISM_PARAM_INVALID')
    return { pss: { hash, saltLength } }
  },
  oaep(fields) {
    return orInvalid(() => {
      const hash = hashWith(fields.ulong(), fields.ulong())
      const source = fields.ulong()
      const label = fields.octets() ?? new Uint8Array(0)
      if (!LABEL_SOURCES.includes(source)) throw new CkrError('CKR_MECHANISM_PARAM_INVALID')
      return { oaep: { hash, label: label.slice() } }
    })
  },
  ecdh(fields) {
    return orInvalid(() => {
      const derivation = fields.ulong()
      const shared = fields.octets() ?? new Uint8Array(0)
      const peer = fields.octets() ?? new Uint8Array(0)
      if (derivation !== NO_DERIVATION || shared.length > 0) throw new CkrError('CKR_MECHANISM_PARAM_INVALID')
      return { peer: peer.slice() }
    })
  },
}

/** Parameters that are missing end the message. */
function orInvalid<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof MessageError ? new CkrError('CKR_MECHANISM_PARAM_INVALID') : error
  }
}

/** MGF1 has the same hash: a card does no other. */
function hashWith(type: number, mgf1: number): OaepHash {
  const found = HASH_TYPES.find(([, ofHash, ofMask]) => ofHash === type && ofMask === mgf1)
  if (found === undefined) throw new CkrError('CKR_MECHANISM_PARAM_INVALID')
  return found[0]
}
