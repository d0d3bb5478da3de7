/** `tessera-card/attest`: evidence that a key is in a TPM or on a card, and what guards it, verified offline. */
export { TPM_MAKER_ROOTS } from './makers/tpm.ts'
export { YUBICO_ROOTS } from './makers/yubico.ts'
export { verdictPage } from './page.ts'
export type { RefusalCode } from './refusal.ts'
export type {
  AttestedDevice,
  AttestedKey,
  AttestedPin,
  Claim,
  Gap,
  Proof,
  Refusal,
  Tier,
  Verdict,
} from './verdict.ts'
export { type VerifyAttestationOptions, verifyAttestation } from './verify.ts'
