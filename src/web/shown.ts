// What the page is told about cards: plain data, for the server and the page alike.

export type ShownState =
  | 'ready'
  | 'must-change-pin'
  | 'pin-blocked'
  | 'puk-blocked'
  | 'in-use'
  | 'busy'
  | 'no-piv'
  | 'other-tpm'
  | 'dead'
  | 'unusable'
  | 'unreadable'
  | 'not-asked'

/** What a person may do with a card in its present state. */
export type CardAct = 'change-pin' | 'change-puk' | 'unblock' | 'rename' | 'remove'

export interface ShownSecret {
  /** Wrong tries left, and tries in all; undefined where the card does not say. */
  readonly left?: number
  readonly tries?: number
  /** Still the one that everybody knows. */
  readonly isDefault: boolean
}

export interface ShownCertificate {
  readonly slot: string
  /** Undefined for a certificate that cannot be read. */
  readonly subject?: string
  /** ISO 8601. */
  readonly notAfter?: string
}

export interface ShownCard {
  /** What the acts take: a name, or `reader:NAME`. */
  readonly id: string
  readonly name: string
  readonly place: 'tpm' | 'software' | 'reader'
  /** Name of the reader that the card is in. */
  readonly reader?: string
  readonly state: ShownState
  readonly pin?: ShownSecret
  readonly puk?: ShownSecret
  /** `digits`: PINs of 6 to 8 digits, and PUKs of 8 characters. `any`: another maker's card, 4 to 8 characters. */
  readonly format: 'digits' | 'any'
  readonly keys: number
  /** Slots of keys that serve without the PIN: copies of the card file keep them. */
  readonly neverKeys: readonly string[]
  readonly certificates: readonly ShownCertificate[]
  readonly acts: readonly CardAct[]
  readonly error?: ShownError
}

export interface ShownError {
  /** As in `ERROR_CODES`, or `ERR_INTERNAL`. */
  readonly code: string
  /** In English, as the command line says it. */
  readonly message: string
  readonly triesLeft?: number
}

/** A remembered way to sign in. */
export interface ShownAccount {
  readonly address: string
  readonly service: string
  /** Last name of its card. */
  readonly card: string
  readonly isCardHere: boolean
  /** ISO 8601. Only a session in the background can be ended here. */
  readonly signedIn?: { readonly since: string; readonly expires: string; readonly background: boolean }
  readonly ended?: { readonly at: string; readonly reason: 'signed-out' | 'card-removed' | 'expired' | 'service' }
}

/** One event of the page. */
export interface Shown {
  readonly cards: readonly ShownCard[]
  readonly accounts: readonly ShownAccount[]
}

/** Content type of what the page sends. A page of another origin cannot send it without asking, and is refused. */
export const FORM_TYPE = 'application/vnd.tessera.form'
