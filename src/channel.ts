/**
 * A way to one card: command APDUs in, response APDUs out. A TPM card in this process and a card in a PC/SC reader are
 * both channels, and `Card` does not know which it has.
 */
export interface CardChannel {
  /** Answer to reset, ISO 7816-3. */
  readonly atr: Uint8Array
  /**
   * Sends one command APDU and answers its response APDU, status word included: a copy of the caller's own, to overwrite
   * where it is secret. Rejects when the card is not there.
   */
  transmit(apdu: Uint8Array): Promise<Uint8Array>
  /** Keeps other callers of this card out while `work` runs (SCardBeginTransaction on a reader). Not to be nested. */
  transaction<T>(work: () => Promise<T>): Promise<T>
  /** Resets the card: whatever was verified is forgotten. */
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

/** Wrong tries left of one secret. */
export interface Tries {
  /** undefined when nobody can know. */
  readonly left: number | undefined
  readonly limit: number
  /** True when the count is this machine's memory and not the TPM's. */
  readonly advisory: boolean
}

/** What PIV has no command for. Everything here is reached by whoever owns the card file, and by nobody else. */
export interface LocalCard {
  readonly name: string
  readonly assurance: 'hardware' | 'software'
  /** Sets the 9B status while the PIN status is true: who owns the card file manages keys with the PIN alone. */
  manage(): void
  pinTries(): Promise<Tries>
  /** undefined: a card without a PUK. */
  pukTries(): Promise<Tries | undefined>
  mustChangePin(): boolean
  /** Secrets that still have the value that everybody knows. */
  defaults(): readonly ('pin' | 'puk' | 'adminKey')[]
  /** The keys of the card, with or without certificates. */
  keys(): readonly LocalKey[]
  /** Help desk: a challenge to read out, and the response to it. */
  challenge(): Promise<string>
  unblockWithResponse(response: string, newPin: Uint8Array): Promise<void>
  /** Brings a private key (PKCS#8, DER) in; removes one; gives one another slot. Wants the 9B status. */
  importKey(slot: string, pkcs8: Uint8Array, pinPolicy: 'never' | 'once' | 'always'): Promise<void>
  deleteKey(slot: string): Promise<void>
  moveKey(from: string, to: string): Promise<void>
  /** Sets the admin key (PIV 9B): AES of 16, 24 or 32 octets, or another algorithm; or removes it. Wants the 9B status. */
  setAdminKey(key: Uint8Array | LocalAdminKey | undefined): Promise<void>
  /** Tags, in hex, of the data objects that are there. */
  objects(): readonly string[]
}

export interface LocalAdminKey {
  readonly key: Uint8Array
  readonly algorithm: '3DES' | 'AES-128' | 'AES-192' | 'AES-256'
}

export interface LocalKey {
  readonly slot: string
  readonly algorithm: 'P-256' | 'P-384' | 'RSA-2048' | 'RSA-3072'
  readonly pinPolicy: 'never' | 'once' | 'always'
  readonly origin: 'generated' | 'imported'
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array
}
