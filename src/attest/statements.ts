// Statements that an attestation key signed: TPMS_ATTEST with TPMT_SIGNATURE. Each is checked in full before it is believed.
import { constants, type KeyObject, verify } from 'node:crypto'
import { concat, equal, leftPad, sha256 } from '../bytes.ts'
import {
  type Attest,
  type AttestKind,
  type ClockInfo,
  isGenerated,
  readAttest,
  readSignature,
  type TpmSignature,
} from '../tpm/codec/attestation.ts'
import { decodePublic, objectName, publicKeyOf } from '../tpm/codec/public.ts'
import { OBJECT } from '../tpm/constants.ts'
import { demand, type RefusalCode } from './refusal.ts'

const BOUND = OBJECT.fixedTPM | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin
const SIGNS_STATEMENTS = BOUND | OBJECT.restricted | OBJECT.sign

/** Whether a key was made in its TPM and never leaves it. */
export const isBound = (attributes: number): boolean => (attributes & BOUND) === BOUND

export interface Statement {
  readonly attest: Uint8Array
  readonly signature: Uint8Array
}

/** The attestation key: whatever it signs, its TPM made. @throws Refused ak-not-restricted */
export function attestationKey(area: Uint8Array): KeyObject {
  const { attributes, ...key } = decodePublic(area, 'any')
  const isAttestationKey = (attributes & SIGNS_STATEMENTS) === SIGNS_STATEMENTS && (attributes & OBJECT.decrypt) === 0
  demand(isAttestationKey, 'ak-not-restricted')
  return publicKeyOf({ attributes, ...key } as ReturnType<typeof decodePublic>)
}

/** What a statement says, if the key signed it. @throws Refused signature, weak-signature, not-generated, wrong-kind */
export function read<Kind extends AttestKind>(
  { attest, signature }: Statement,
  key: KeyObject,
  kind: Kind,
): Extract<Attest, { kind: Kind }> {
  const read = readSignature(signature)
  demand(read.hash !== 'sha1', 'weak-signature')
  demand(isSignature(read, key, attest), 'signature')
  demand(isGenerated(attest), 'not-generated')
  const found = readAttest(attest)
  demand(found.kind === kind, 'wrong-kind')
  return found as Extract<Attest, { kind: Kind }>
}

/** Octets of r and s: of the longest curve that a TPM has, if OpenSSL does not say. */
const coordinate = (key: KeyObject): number => (key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 32 : 48)

function isSignature({ scheme, hash, numbers }: TpmSignature, key: KeyObject, data: Uint8Array): boolean {
  if ((scheme === 'ECDSA') !== (key.asymmetricKeyType === 'ec')) return false
  try {
    if (scheme === 'ECDSA') {
      const octets = concat(...numbers.map((number) => leftPad(number, coordinate(key))))
      return verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, octets)
    }
    const padding = scheme === 'RSAPSS' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
    return verify(hash, data, { key, padding }, numbers[0] ?? new Uint8Array(0))
  } catch {
    return false
  }
}

/** @throws Refused nonce */
export function requireNonce(attest: Attest, nonce: Uint8Array): void {
  demand(equal(attest.extraData, nonce), 'nonce')
}

/** That the statement is about the object with this public area. @throws Refused with `code` */
export function requireName({ name }: { readonly name: Uint8Array }, area: Uint8Array, code: RefusalCode): void {
  demand(equal(name, objectName(area)), code)
}

/** @throws Refused with `code` */
export function requireCreation(
  { creationHash }: { readonly creationHash: Uint8Array },
  creationData: Uint8Array,
  code: RefusalCode,
): void {
  demand(equal(creationHash, sha256(creationData)), code)
}

/** TPM resets between two statements of one attestation key: what is added to its counts is the same in both. */
export const resetsBetween = (earlier: ClockInfo, later: ClockInfo): number =>
  (later.resetCount - earlier.resetCount) >>> 0
