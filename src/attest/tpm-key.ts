// The key of a TPM card: made in the TPM, bound to it, and certified now.

import type { KeyObject } from 'node:crypto'
import { ALGORITHMS } from '../piv/algorithms.ts'
import type { ClockInfo } from '../tpm/codec/attestation.ts'
import { decodePublic, publicKeyOf } from '../tpm/codec/public.ts'
import { OBJECT } from '../tpm/constants.ts'
import type { KeyStatement } from './evidence.ts'
import { demand } from './refusal.ts'
import { isBound, read, requireCreation, requireName, requireNonce } from './statements.ts'

const BOUND_TO_TPM = OBJECT.fixedTPM | OBJECT.fixedParent
const SHORTEST_RSA = 2048

export interface TpmKey {
  readonly publicKey: Uint8Array
  readonly algorithm: string
  readonly attributes: number
  readonly authPolicy: Uint8Array
  /** Of the TPM, when it certified the key. */
  readonly clock: ClockInfo
}

/** @throws Refused; TpmError ERR_TPM_ANSWER for malformed structures */
export function proveKey(key: KeyStatement, ak: KeyObject, nonce: Uint8Array): TpmKey {
  const statement = read(key, ak, key.kind)
  requireNonce(statement, nonce)
  requireName(statement, key.public, 'key-name')
  if (key.kind === 'creation' && statement.kind === 'creation')
    requireCreation(statement, key.creationData, 'key-creation')
  const area = decodePublic(key.public)
  demand((area.attributes & BOUND_TO_TPM) === BOUND_TO_TPM, 'key-exportable')
  demand(isBound(area.attributes), 'key-imported')
  demand((area.attributes & OBJECT.restricted) === 0, 'key-restricted')
  demand(area.type === 'ecc' || area.modulus.length * 8 >= SHORTEST_RSA, 'key-weak')
  const algorithm = area.type === 'ecc' ? area.curve.algorithm : `RSA-${area.bits}`
  return {
    publicKey: Uint8Array.from(publicKeyOf(area).export({ type: 'spki', format: 'der' })),
    algorithm: algorithm in ALGORITHMS ? algorithm : algorithm.slice(0, 20),
    attributes: area.attributes,
    authPolicy: area.authPolicy,
    clock: statement.clock,
  }
}
