// What evidence needs of the TPM of a card. Structures are in TCG wire form.
import type { Slot } from '../piv/slots.ts'
import type { KeyStatement, PinStatement } from './evidence.ts'

export interface Attestor {
  /** Which table of policies the card was made by: 1 is that of Tessera 0.1.0. */
  readonly lock: 1 | 2
  /** The attestation key: TPMT_PUBLIC, and its certificate with the chain, if it has one. */
  ak(): Promise<{ readonly public: Uint8Array; readonly certificates: readonly Uint8Array[] }>
  /** Endorsement keys, with the certificates that are in the TPM. */
  endorsementKeys(): Promise<ReadonlyArray<{ readonly certificate?: Uint8Array }>>
  /** @throws CardError ERR_KEY_ABSENT; ERR_NOT_SUPPORTED for an imported key */
  certifyKey(slot: Slot, qualifyingData: Uint8Array): Promise<KeyStatement>
  certifyPin(qualifyingData: Uint8Array): Promise<PinStatement>
}
