// Policies as data: the same terms are turned into a digest (digest.ts) and fulfilled in a TPM (fulfil.ts).
// TPM 2.0 Library, Part 1, 19.7; Part 3, section 23.
import type { Entity } from '../codec/nv.ts'
import type { CC } from '../constants.ts'

export type Role = 'pin' | 'puk'

export type Term =
  /** TPM2_PolicySecret of the card's PIN or PUK index: fulfilling it proves that secret. */
  | { readonly term: 'secret'; readonly of: Role; readonly ref: string }
  /** TPM2_PolicySigned by K (`burn`), or by the help desk's key; `ref` is followed by the card id for the help desk. */
  | { readonly term: 'signed'; readonly by: 'burn' | 'helpDesk'; readonly ref: string }
  /** TPM2_PolicyCommandCode. */
  | { readonly term: 'command'; readonly code: keyof typeof CC }
  /** TPM2_PolicyNvWritten(YES): the index was not re-created. */
  | { readonly term: 'written' }
  /** TPM2_PolicyCpHash of NV_Write(P, P, {0, tries}, 0): all tries back, and no other value. */
  | { readonly term: 'counterReset' }
  /** TPM2_PolicyAuthorize by K: any policy that K has approved under this ref. */
  | { readonly term: 'authorize'; readonly ref: string }

export type Policy = readonly Term[]

/** The values of a card that its policies refer to. All of them are public. */
export interface PolicyFacts {
  readonly cardId: Uint8Array
  /** The two NV indices, with their Names once written. */
  readonly pin: Entity & { readonly tries: number }
  readonly puk: Entity & { readonly tries: number }
  /** Name of K. */
  readonly burnName: Uint8Array
  /** Name of the help desk's key. */
  readonly helpDeskName?: Uint8Array | undefined
}
