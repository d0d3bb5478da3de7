// Endorsement keys by the NV index of their certificate. TCG EK Credential Profile for TPM Family 2.0, version 2.5, annex B.
import { concat, fromHex, sha256 } from '../../bytes.ts'
import { EMPTY, sized, u16, u32 } from '../codec/wire.ts'
import { ALG, CC, CURVE, OBJECT, RH } from '../constants.ts'

const BASE =
  OBJECT.fixedTPM |
  OBJECT.fixedParent |
  OBJECT.sensitiveDataOrigin |
  OBJECT.adminWithPolicy |
  OBJECT.restricted |
  OBJECT.decrypt

/** PolicySecret(TPM_RH_ENDORSEMENT). */
const POLICY_A = sha256(sha256(new Uint8Array(32), u32(CC.PolicySecret), u32(RH.ENDORSEMENT)))
const digits = (hex: string): Uint8Array => fromHex(hex) ?? EMPTY
/** PolicyOR of the above and of a policy in NV: constants of the profile. */
const POLICY_B = {
  [ALG.SHA256]: digits('ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0'),
  [ALG.SHA384]: digits(
    'b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12',
  ),
} as const

const low = (type: number, kind: Uint8Array, unique: Uint8Array): Uint8Array =>
  concat(u16(type), u16(ALG.SHA256), u32(BASE), sized(POLICY_A), aes(128), kind, unique)

function high(type: number, hash: keyof typeof POLICY_B, kind: Uint8Array, unique: Uint8Array): Uint8Array {
  const symmetric = aes(hash === ALG.SHA256 ? 128 : 256)
  return concat(u16(type), u16(hash), u32(BASE | OBJECT.userWithAuth), sized(POLICY_B[hash]), symmetric, kind, unique)
}

const aes = (bits: number): Uint8Array => concat(u16(ALG.AES), u16(bits), u16(ALG.CFB))
const rsa = (bits: number): Uint8Array => concat(u16(ALG.NULL), u16(bits), u32(0))
const ecc = (curve: number): Uint8Array => concat(u16(ALG.NULL), u16(curve), u16(ALG.NULL))
const zeros = (...lengths: readonly number[]): Uint8Array =>
  concat(...lengths.map((length) => sized(new Uint8Array(length))))

export interface EkTemplate {
  /** NV index of the certificate. */
  readonly index: number
  /** TPMT_PUBLIC. */
  readonly template: Uint8Array
}

/** The key of a TPM without certificates: in the profile since its first version, and made in a moment. */
export const UNCERTIFIED: EkTemplate = {
  index: 0x01c0000a,
  template: low(ALG.ECC, ecc(CURVE.P256), zeros(32, 32)),
}

export const EK_TEMPLATES: readonly EkTemplate[] = [
  { index: 0x01c00002, template: low(ALG.RSA, rsa(2048), zeros(256)) },
  UNCERTIFIED,
  { index: 0x01c00012, template: high(ALG.RSA, ALG.SHA256, rsa(2048), zeros(0)) },
  { index: 0x01c00014, template: high(ALG.ECC, ALG.SHA256, ecc(CURVE.P256), zeros(0, 0)) },
  { index: 0x01c00016, template: high(ALG.ECC, ALG.SHA384, ecc(CURVE.P384), zeros(0, 0)) },
  { index: 0x01c0001c, template: high(ALG.RSA, ALG.SHA384, rsa(3072), zeros(0)) },
]
