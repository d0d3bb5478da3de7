// What a TPM states about a card, for evidence: docs/evidence.md. Structures are in TCG wire form.
import type { Slot } from '../../piv/slots.ts'

export { TpmAttestor } from './attestor.ts'

/** What the attestation key (AK) signed. */
export interface Statement {
  /** TPMS_ATTEST. */
  readonly attest: Uint8Array
  /** TPMT_SIGNATURE. */
  readonly signature: Uint8Array
}

/** TPM2_CertifyCreation: an object was made in this TPM, from these TPMS_CREATION_DATA. */
export interface CreationStatement extends Statement {
  readonly creationData: Uint8Array
}

/** A key of the card; `public` is its TPMT_PUBLIC. Keys of earlier versions have only their creation certified. */
export type KeyStatement =
  | ({ readonly kind: 'certify'; readonly public: Uint8Array } & Statement)
  | ({ readonly kind: 'creation'; readonly public: Uint8Array } & CreationStatement)

/** The PIN counter, index P. */
export interface PinStatement {
  /** TPMS_NV_PUBLIC, as the TPM has it now. */
  readonly public: Uint8Array
  /** Wrong PINs that the card was made with. */
  readonly tries: number
  /** TPMT_PUBLIC of K, the key that wrote it. */
  readonly burnKey: Uint8Array
  /** TPM2_NV_Certify of {pinCount, pinLimit}. Absent where the TPM's owner has a password. */
  readonly counter?: Statement
  /** The creation of K in the NULL hierarchy, certified when the card was made. Absent on cards of earlier versions. */
  readonly burn?: CreationStatement
}

export interface AttestationKeyPublic {
  /** TPMT_PUBLIC. */
  readonly public: Uint8Array
  /** In DER, its own first; empty before a CA has certified it. */
  readonly certificates: readonly Uint8Array[]
}

export interface EndorsementKey {
  /** TPMT_PUBLIC. */
  readonly public: Uint8Array
  /** In DER, from the TPM's NV. */
  readonly certificate?: Uint8Array
}

/** `qualifyingData`: the caller's own octets in each statement, at most 32. */
export interface CardAttestor {
  /** Which table of policies the card was made by: 1 is that of Tessera 0.1.0. */
  readonly lock: 1 | 2
  /** The attestation key; the first call makes it. */
  ak(): Promise<AttestationKeyPublic>
  /** The creation of the attestation key, certified by itself: what a CA asks for before credential activation. */
  certifyAk(qualifyingData: Uint8Array): Promise<CreationStatement>
  /** Keeps the certificate of the attestation key, and its chain. @throws CardError ERR_CERTIFICATE_KEY for another key's */
  keepCertificates(certificates: readonly Uint8Array[]): Promise<void>
  /** @throws CardError ERR_KEY_ABSENT, ERR_KEY_DAMAGED; ERR_NOT_SUPPORTED for an imported key */
  certifyKey(slot: Slot, qualifyingData: Uint8Array): Promise<KeyStatement>
  /** @throws CardError ERR_CARD_DEAD where the TPM does not have the counter any more */
  certifyPin(qualifyingData: Uint8Array): Promise<PinStatement>
  /** Those with a certificate in the TPM; of a TPM without certificates its P-256 key. */
  endorsementKeys(): Promise<readonly EndorsementKey[]>
  /**
   * TPM2_ActivateCredential: what a CA encrypted for this endorsement key (TPMT_PUBLIC) and the attestation key.
   * `credential` is a TPM2B_ID_OBJECT, `secret` a TPM2B_ENCRYPTED_SECRET.
   */
  activate(endorsementKey: Uint8Array, credential: Uint8Array, secret: Uint8Array): Promise<Uint8Array>
}
