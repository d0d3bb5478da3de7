// Commands whose answer is a statement: TPMS_ATTEST, signed by the attestation key. TPM 2.0 Library, Part 3, 18 and 31.
import type { NativeCommand } from '../../native.ts'
import type { Entity } from '../codec/nv.ts'
import { EMPTY_SIZED, sized, u16, u32, type WireReader } from '../codec/wire.ts'
import { command, NO_PASSWORD } from '../command.ts'
import { ALG, CC, RH } from '../constants.ts'
import type { Creation } from '../store/card-file.ts'
import type { Statement } from './index.ts'

/** The key has its own scheme. */
const ITS_SCHEME = u16(ALG.NULL)

/** The ADMIN role of a certifiable key is its empty authValue. */
export const certify = (ak: Entity, key: Entity, qualifyingData: Uint8Array): NativeCommand =>
  command(CC.Certify, [key, ak], [NO_PASSWORD, NO_PASSWORD], sized(qualifyingData), ITS_SCHEME)

export const certifyCreation = (
  ak: Entity,
  key: Entity,
  { hash, ticket }: Pick<Creation, 'hash' | 'ticket'>,
  qualifyingData: Uint8Array,
): NativeCommand =>
  command(CC.CertifyCreation, [ak, key], [NO_PASSWORD], sized(qualifyingData), sized(hash), ITS_SCHEME, ticket)

/** The contents of an index of eight octets, read as the owner. */
export const certifyCounter = (ak: Entity, index: Entity, qualifyingData: Uint8Array): NativeCommand =>
  command(
    CC.NV_Certify,
    [ak, RH.OWNER, index],
    [NO_PASSWORD, NO_PASSWORD],
    sized(qualifyingData),
    ITS_SCHEME,
    u16(8),
    u16(0),
  )

export function readStatement(answer: WireReader): Statement {
  return { attest: answer.sized(), signature: answer.rest() }
}

/** TPM2_Create and TPM2_CreatePrimary without a secret, without data of the caller, without PCRs. */
export const creationOf = (template: Uint8Array): readonly Uint8Array[] => [
  sized(new Uint8Array(4)),
  sized(template),
  EMPTY_SIZED,
  u32(0),
]
