// NV indices: public area and Name. TPM 2.0 Library, Part 2, 13.5; Part 1, section 16.
import { concat, sha256 } from '../../bytes.ts'
import { ALG, NV } from '../constants.ts'
import { sized, u16, u32, WireReader } from './wire.ts'

/** TPMS_NV_PUBLIC. `attributes` is a TPMA_NV as an unsigned number. */
export interface NvPublic {
  readonly handle: number
  readonly attributes: number
  readonly authPolicy: Uint8Array
  readonly dataSize: number
}

/** A handle and its Name: what a session-authorised command needs to know of an entity. */
export interface Entity {
  readonly handle: number
  readonly name: Uint8Array
}

/** TPMS_NV_PUBLIC in wire form, without the size of a TPM2B. */
export function encodeNvPublic(nv: NvPublic): Uint8Array {
  return concat(u32(nv.handle), u16(ALG.SHA256), u32(nv.attributes), sized(nv.authPolicy), u16(nv.dataSize))
}

/** Name of an NV index: nameAlg || H(public area). The Name of a written index differs from that of an unwritten one. */
export function nvName(nv: NvPublic): Uint8Array {
  return concat(u16(ALG.SHA256), sha256(encodeNvPublic(nv)))
}

export function writtenName(nv: NvPublic): Uint8Array {
  return nvName({ ...nv, attributes: (nv.attributes | NV.WRITTEN) >>> 0 })
}

/** Reads the answer of TPM2_NV_ReadPublic: the public area, and the Name computed from it. The given Name is not trusted. */
export function decodeNvPublic(answer: Uint8Array): { readonly nv: NvPublic; readonly name: Uint8Array } {
  const reader = new WireReader(answer)
  const area = reader.sized()
  const inner = new WireReader(area)
  const handle = inner.u32()
  const nameAlg = inner.u16()
  const attributes = inner.u32()
  const authPolicy = inner.sized()
  const dataSize = inner.u16()
  inner.end()
  const name = concat(u16(nameAlg), sha256(area))
  return { nv: { handle, attributes, authPolicy, dataSize }, name }
}
