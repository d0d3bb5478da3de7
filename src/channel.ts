/**
 * A way to one card: command APDUs in, response APDUs out. A TPM card in this process and a card in a PC/SC reader are
 * both channels, and `Card` does not know which it has.
 */
export interface CardChannel {
  /** Answer to reset, ISO 7816-3. */
  readonly atr: Uint8Array
  /**
   * Keeps other callers of this card out while `work` runs (SCardBeginTransaction on a reader), and gives it the only
   * way to send commands. Transactions run in the order of asking. One inside another is refused at once.
   * @throws CardError ERR_CARD_CLOSED; PcscError where the card is not there; UsageError ERR_USAGE inside another one
   */
  transaction<T>(work: (transmit: Transmit) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** Resets the card, inside a transaction: whatever was verified is forgotten. */
  reset(): Promise<void>
  close(): Promise<void>
  /** Only a card in this process has it. */
  readonly local?: LocalCard
  /** Name of the reader that the card is in. */
  readonly reader?: string
  /**
   * Grows whenever the card may have forgotten what was selected and verified. Only where other programs reach the card
   * too: these may select something else between two transactions.
   */
  readonly generation?: number
  /** False where the way to the card takes short commands only, whatever its ATR says. */
  readonly extended?: boolean
}

/**
 * Sends one command APDU and answers its response APDU, status word included: a copy of the caller's own, to overwrite
 * where it is secret. Rejects when the card is not there, and once its transaction has ended.
 */
export interface Transmit {
  (apdu: Uint8Array, options?: TransmitOptions): Promise<Uint8Array>
  /** Of a card in this process: the error behind the status word of the last response, where there is one. */
  readonly cause?: () => unknown
}

export interface TransactionOptions {
  /**
   * `work` asks for no other transaction of this card. It is taken at its word, and not followed: following what belongs
   * to a transaction slows every promise of the process down. One that asks all the same waits for itself.
   */
  readonly flat?: boolean
}

export interface TransmitOptions {
  /**
   * No other command follows in this transaction. The next one may then begin before the response is there, where the
   * card has taken the command so far that nothing can change its outcome.
   */
  readonly last?: boolean
}

/** What PIV has no command for. It is for whoever owns the card file, and for nobody else; inside a transaction. */
export interface LocalCard {
  readonly name: string
  readonly assurance: 'hardware' | 'software'
  /**
   * Sets the 9B status while the PIN status is true: the owner of the card file manages keys with the PIN alone.
   * @throws PinError ERR_PIN_REQUIRED
   */
  grant(): Promise<void>
  mustChangePin(): boolean
  /**
   * What the tries left are that the card said last: those of the TPM, those that this machine remembers, or all of them
   * since nobody can know.
   */
  triesKnown(which: 'pin' | 'puk'): TriesKnown
  /** From now on nobody has an admin key of the card. @throws PinError ERR_PIN_REQUIRED */
  removeAdminKey(): Promise<void>
  /**
   * Evidence about the key in a slot, signed by the TPM. @throws CardError ERR_KEY_ABSENT, ERR_NOT_SUPPORTED; UsageError
   */
  attest(slot: string, options: EvidenceOptions): Promise<Uint8Array>
  /** Tags, in hex, of the data objects that are there. */
  objects(): readonly string[]
  /** Help desk: a challenge to read out, and the response to it. */
  challenge(): Promise<string>
  unblockWithResponse(response: string, newPin: Uint8Array): Promise<void>
}

/** Evidence that a TPM gives: docs/evidence.md. */
export interface EvidenceOptions {
  readonly format: 'tessera' | 'webauthn-tpm'
  /** What the evidence is asked with, 8 to 32 octets. For WebAuthn the SHA-256 of the client data. */
  readonly nonce: Uint8Array
  /** For WebAuthn: the domain of the service. */
  readonly rpId?: string
}

export type TriesKnown = 'known' | 'remembered' | 'unknown'
