// What a TPM says of its objects and signs, and how it signs. TPM 2.0 Library, Part 2, 10.12 (TPMS_ATTEST), 11.3
// (TPMT_SIGNATURE), 15.1 (TPMS_CREATION_DATA). Nothing here needs a TPM.
import { concat, equal, sha256 } from '../../bytes.ts'
import { ALG, RH } from '../constants.ts'
import { malformed, u16, u32, WireReader } from './wire.ts'

/** TPM_GENERATED_VALUE: "\xffTCG". A restricted key signs octets from outside only if they do not begin with it. */
const GENERATED = 0xff544347

/** TPM_ST_ATTEST of the three kinds that are used here. */
const KINDS = { certify: 0x8017, creation: 0x801a, nv: 0x8014 } as const
export type AttestKind = keyof typeof KINDS

/** TPMS_CLOCK_INFO. Of a key outside the endorsement hierarchy both counts have a secret number added, which never changes. */
export interface ClockInfo {
  readonly resetCount: number
  readonly restartCount: number
}

interface AttestHead {
  /** The caller's own octets. */
  readonly extraData: Uint8Array
  readonly clock: ClockInfo
}

export type Attest = AttestHead &
  (
    | { readonly kind: 'certify'; readonly name: Uint8Array }
    | { readonly kind: 'creation'; readonly name: Uint8Array; readonly creationHash: Uint8Array }
    | { readonly kind: 'nv'; readonly name: Uint8Array; readonly offset: number; readonly contents: Uint8Array }
    | { readonly kind: 'other' }
  )

/** Whether a TPM made these octets: no others begin so, in what a restricted key signs. */
export const isGenerated = (attest: Uint8Array): boolean =>
  attest.length >= 4 && new WireReader(attest).u32() === GENERATED

/** Reads a TPMS_ATTEST. @throws TpmError ERR_TPM_ANSWER */
export function readAttest(octets: Uint8Array): Attest {
  const reader = new WireReader(octets)
  if (reader.u32() !== GENERATED) throw malformed('was not made by a TPM')
  const type = reader.u16()
  reader.view() // qualifiedSigner
  const extraData = reader.view()
  reader.skip(8) // clock
  const clock = { resetCount: reader.u32(), restartCount: reader.u32() }
  reader.skip(1 + 8) // safe, firmwareVersion
  const head = { extraData, clock }
  const kind = (Object.keys(KINDS) as AttestKind[]).find((one) => KINDS[one] === type)
  if (kind === undefined) return { kind: 'other', ...head }
  const name = reader.view()
  const attest = { ...head, ...attested(kind, name, reader) }
  reader.end()
  return attest
}

function attested(kind: AttestKind, name: Uint8Array, reader: WireReader) {
  switch (kind) {
    case 'certify':
      reader.view() // qualifiedName
      return { kind, name } as const
    case 'creation':
      return { kind, name, creationHash: reader.view() } as const
    case 'nv':
      return { kind, name, offset: reader.u16(), contents: reader.view() } as const
  }
}

/** The part of a TPMS_CREATION_DATA that says under what an object was made. */
export interface CreationData {
  /** A handle of four octets for a primary object. */
  readonly parentName: Uint8Array
  readonly parentQualifiedName: Uint8Array
}

/** Reads a TPMS_CREATION_DATA. @throws TpmError ERR_TPM_ANSWER */
export function readCreationData(octets: Uint8Array): CreationData {
  const reader = new WireReader(octets)
  const selections = reader.u32()
  if (selections > 16) throw malformed('selects more PCR banks than a TPM has')
  for (let left = selections; left > 0; left -= 1) {
    reader.skip(2)
    reader.skip(reader.u8())
  }
  reader.view() // pcrDigest
  reader.skip(1 + 2) // locality, parentNameAlg
  const parentName = reader.view()
  const parentQualifiedName = reader.view()
  reader.view() // outsideInfo
  reader.end()
  return { parentName, parentQualifiedName }
}

/** A primary object of the NULL hierarchy, or a child of one. Part 1, 16: the qualified Name of a primary's child. */
export function isInNullHierarchy(creationData: Uint8Array): boolean {
  const { parentName, parentQualifiedName } = readCreationData(creationData)
  const hierarchy = u32(RH.NULL)
  if (equal(parentName, hierarchy)) return equal(parentQualifiedName, hierarchy)
  return equal(parentQualifiedName, concat(u16(ALG.SHA256), sha256(hierarchy, parentName)))
}

export interface TpmSignature {
  readonly scheme: 'RSASSA' | 'RSAPSS' | 'ECDSA'
  /** OpenSSL's name. */
  readonly hash: 'sha1' | 'sha256' | 'sha384' | 'sha512'
  /** Of RSA one number, of ECDSA r and s: as the TPM wrote them, so that leading zeros may be missing. */
  readonly numbers: readonly Uint8Array[]
}

const SCHEMES: ReadonlyMap<number, TpmSignature['scheme']> = new Map([
  [0x0014, 'RSASSA'],
  [0x0016, 'RSAPSS'],
  [ALG.ECDSA, 'ECDSA'],
])
const HASHES: ReadonlyMap<number, TpmSignature['hash']> = new Map([
  [0x0004, 'sha1'],
  [ALG.SHA256, 'sha256'],
  [ALG.SHA384, 'sha384'],
  [ALG.SHA512, 'sha512'],
])

/** Reads a TPMT_SIGNATURE. @throws TpmError ERR_TPM_ANSWER */
export function readSignature(octets: Uint8Array): TpmSignature {
  const reader = new WireReader(octets)
  const scheme = SCHEMES.get(reader.u16())
  if (scheme === undefined) throw malformed('is a signature of an unknown scheme')
  const hash = HASHES.get(reader.u16())
  if (hash === undefined) throw malformed('is a signature by an unknown hash')
  const numbers = scheme === 'ECDSA' ? [reader.view(), reader.view()] : [reader.view()]
  reader.end()
  return { scheme, hash, numbers }
}
