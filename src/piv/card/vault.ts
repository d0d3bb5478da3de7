// What a card application needs from the place where keys, PINs and objects are kept.
// Implemented by src/tpm (a TPM); the card application does not depend on which.
import type { Algorithm } from '../algorithms.ts'
import type { PrivateKeyParts } from '../private-key.ts'
import type { PinPolicy, Slot } from '../slots.ts'

/** Where a key came from: made in the vault, or made elsewhere and imported. */
export type KeyOrigin = 'generated' | 'imported'

export interface VaultKey {
  readonly slot: Slot
  readonly algorithm: Algorithm
  readonly pinPolicy: PinPolicy
  readonly origin: KeyOrigin
  /** SubjectPublicKeyInfo in DER (RFC 5280, 4.1.2.7). */
  readonly spki: Uint8Array
}

export interface KeyOptions {
  readonly algorithm: Algorithm
  readonly pinPolicy: PinPolicy
}

/** The caller's side of a use that may be queued where it is done. */
export interface Posting {
  /**
   * Called by a vault before the call that it was given to returns, or never: the use of the key is queued, and nothing
   * that is asked of the vault afterwards can change its outcome. Other calls may then come before its end, and their
   * uses are queued behind it. A use of an `always` key is never posted.
   */
  post(): void
}

export interface KeyVault {
  /**
   * The key in a slot; undefined where there is none. A damaged key does not affect the others.
   * @throws CardError ERR_KEY_DAMAGED for that key
   */
  find(slot: Slot): VaultKey | undefined
  /** Makes a key; a key that was in the slot is replaced. Nothing changes when it fails. */
  generate(slot: Slot, options: KeyOptions): Promise<VaultKey>
  /** Imports a private key under the vault's own protection. The caller wipes its parts. */
  import(slot: Slot, algorithm: Algorithm, parts: PrivateKeyParts, pinPolicy: PinPolicy): Promise<VaultKey>
  delete(slot: Slot): Promise<void>
  /** Refuses where the vault does not itself have the key that `find` reports. To be called before attesting it. */
  prove(slot: Slot): Promise<void>
  /** A key that was in `to` is replaced. */
  move(from: Slot, to: Slot): Promise<void>
  /** ECDSA over a digest of any length up to the curve's: r || s, each of the curve's size in octets. */
  signDigest(slot: Slot, digest: Uint8Array, posting?: Posting): Promise<Uint8Array>
  /** The raw private operation on a block of exactly the modulus' length, below the modulus. */
  rawRsa(slot: Slot, block: Uint8Array, posting?: Posting): Promise<Uint8Array>
  /** x coordinate of the shared point with `point` (04 || X || Y), of the curve's size in octets. */
  agree(slot: Slot, point: Uint8Array, posting?: Posting): Promise<Uint8Array>
}

/** The attestation key: it can sign certificates about other keys, and do nothing else. */
export interface AttestationKey extends Pick<VaultKey, 'algorithm' | 'origin' | 'spki'> {
  /** As in KeyVault. */
  signDigest(digest: Uint8Array): Promise<Uint8Array>
  rawRsa(block: Uint8Array): Promise<Uint8Array>
}

/** Kept apart from the keys of KeyVault, so that nothing which uses those can reach it. It needs no PIN. */
export interface AttestationVault {
  key(): AttestationKey | undefined
  /** Makes a key, and replaces an older one. Nothing changes when it fails. */
  generate(algorithm: Algorithm): Promise<AttestationKey>
  /** As in KeyVault. */
  import(algorithm: Algorithm, parts: PrivateKeyParts): Promise<AttestationKey>
  delete(): Promise<void>
  /**
   * Makes the first key, and with it the object that `certify` returns: afterwards both exist, or neither. Where another
   * process was faster nothing changes.
   */
  begin(algorithm: Algorithm, certify: (key: AttestationKey) => Promise<KeptObject>): Promise<void>
}

export interface KeptObject {
  readonly tag: string
  readonly content: Uint8Array
}

export interface TryCounter {
  /** Wrong tries that are left; undefined when it cannot be known (owner password set and nothing recorded yet). */
  readonly left: number | undefined
  /** Tries in all. */
  readonly limit: number
  /** True when the count comes from the card file and not from the TPM. */
  readonly advisory: boolean
}

export interface PinVault {
  pinCounter(): Promise<TryCounter>
  pukCounter(): Promise<TryCounter | undefined>
  /** True while a verified PIN still allows private-key operations. */
  readonly unlocked: boolean
  /** Forgets that the PIN was verified. */
  lock(): Promise<void>
  /**
   * Takes back the one use of an `always` key that the last VERIFY allowed (SP 800-73-5 part 1, table 4b). Undefined
   * where there is none.
   */
  disarm(): Promise<void> | undefined
  verifyPin(pin: Uint8Array): Promise<void>
  changePin(pin: Uint8Array, newPin: Uint8Array): Promise<void>
  changePuk(puk: Uint8Array, newPuk: Uint8Array): Promise<void>
  /** Sets a new PIN and restores all its tries. It does not unlock the card. */
  unblockPin(puk: Uint8Array, newPin: Uint8Array): Promise<void>
}

export interface ObjectStore {
  tags(): readonly string[]
  get(tag: string): Uint8Array | undefined
  put(tag: string, content: Uint8Array): Promise<void>
  delete(tag: string): Promise<void>
}

/** The admin key (PIV 9B). */
export interface AdminVault {
  /** `algorithm`: SP 800-78-5, table 9 (08 0A 0C AES, 03 3DES). A copy for the caller to wipe; undefined without a key. */
  key(): Promise<{ readonly algorithm: number; readonly key: Uint8Array } | undefined>
  replace(algorithm: number, key: Uint8Array): Promise<void>
  /** Afterwards the card has no admin key, and nobody can prove one. */
  remove(): Promise<void>
}

export interface Vault {
  readonly keys: KeyVault
  readonly pins: PinVault
  readonly objects: ObjectStore
  readonly admin: AdminVault
  readonly attestation: AttestationVault
  /**
   * Destroys the card and makes another in its place: the default secrets, no keys, no objects, another id. Nothing is
   * verified afterwards. A refusal changes nothing.
   */
  reset(): Promise<void>
  close(): Promise<void>
}
