/** What a verification of evidence found, as data. docs/evidence.md explains each part to an operator of a CA. */
import type { PinPolicy } from '../piv/slots.ts'
import type { RefusalCode } from './refusal.ts'

/**
 * How sure it is that a TPM speaks. `self`: nobody certified the attestation key. `local`: a CA of yours did. `activated`: that
 * CA says in which TPM it is, by the endorsement key. `maker`: the maker of the TPM certified that endorsement key.
 */
export type Tier = (typeof TIERS)[number]
export const TIERS = ['self', 'local', 'activated', 'maker'] as const

/** What is proved. */
export const CLAIMS = [
  'key-made-in-tpm',
  'key-made-on-card',
  'fresh',
  'no-pin',
  'pin-for-each-use',
  'pin-for-a-while',
  'pin-limit',
  'counter-burned',
  'attestation-key-certified',
  'attestation-key-in-named-tpm',
  'tpm-by-maker',
  'card-by-maker',
] as const
export type Claim = (typeof CLAIMS)[number]

/** What remains unproved. */
export const GAPS = [
  'genuine-tpm',
  'which-tpm',
  'tpm-by-maker',
  'card-by-maker',
  'fresh',
  'pin',
  'pin-limit',
  'counter-burned',
  'counter-burned-until-reset',
  'approvals',
  'revocation',
] as const
export type Gap = (typeof GAPS)[number]

/** One thing that is proved, and whose word it is. */
export interface Proof {
  readonly claim: Claim
  /** `tpm`: signed by the attestation key of the TPM. `card`: signed by the attestation key of the card. */
  readonly by: 'tpm' | 'card' | 'ca'
  /** Of a CA: the subject of the root that its certificate leads to. */
  readonly name?: string
}

export interface AttestedKey {
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array
  /** `P-256`, `RSA-2048`; the name that OpenSSL has for other keys. */
  readonly algorithm: string
  /** The slot that the evidence names. No TPM knows of slots: for a TPM key this is the word of its owner. */
  readonly slot: string | undefined
}

export interface AttestedPin {
  readonly policy: PinPolicy | 'other'
  /** Wrong tries that the TPM allows in all, and how many there were; undefined where the TPM did not say. */
  readonly limit: number | undefined
  readonly wrong: number | undefined
  /**
   * Whether the key that wrote the counter is dead. `proved`: the TPM was reset since. `until-reset`: it dies with the next
   * reset. `claimed`: the software that made the card says so.
   */
  readonly burned: 'proved' | 'until-reset' | 'claimed' | undefined
  /** TPM resets since that key was made. */
  readonly resets: number | undefined
}

export interface AttestedDevice {
  readonly kind: 'tpm' | 'card'
  /** Of a TPM only. */
  readonly tier: Tier | undefined
  readonly manufacturer: string | undefined
  readonly model: string | undefined
  readonly version: string | undefined
  /** Of a card. */
  readonly serial: string | undefined
}

export interface Refusal {
  readonly code: RefusalCode
  readonly message: string
  /** What it is about, such as the subject of a certificate. */
  readonly about: string | undefined
}

export interface Verdict {
  /** Whether everything in the evidence is right. What that is worth is in `proofs`. */
  readonly accepted: boolean
  readonly format: 'tessera' | 'yubico' | 'csr' | undefined
  readonly refusal: Refusal | undefined
  readonly key: AttestedKey | undefined
  readonly device: AttestedDevice | undefined
  readonly pin: AttestedPin | undefined
  /** Empty where the evidence was refused. */
  readonly proofs: readonly Proof[]
  readonly notProved: readonly Gap[]
}
