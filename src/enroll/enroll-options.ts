// Options of an enrolment, its events, and its result.
import type { Algorithm } from '../piv/algorithms.ts'
import type { Slot } from '../piv/slots.ts'
import type { OnBehalfOf } from './agent.ts'
import type { CertificateContent } from './content.ts'
import type { CertificateDescription } from './describe.ts'
import type { Wishes } from './place.ts'
import type { ProgramVerdict } from './programs.ts'
import type { CaProtocol } from './protocol.ts'
import type { SigningOptions } from './signer.ts'
import type { Step } from './state.ts'

/** Progress of an enrolment. */
export type EnrollEvent =
  /** An enrolment from an earlier call goes on. */
  | { readonly step: 'resume'; readonly from: Step; readonly started: Date }
  | { readonly step: 'key'; readonly slot: string; readonly algorithm: Algorithm }
  | { readonly step: 'request' }
  | { readonly step: 'submit'; readonly ca: string }
  | { readonly step: 'wait'; readonly id: string; readonly until: Date }
  | { readonly step: 'fetch'; readonly ca: string }
  | { readonly step: 'check'; readonly certificate: CertificateDescription; readonly findings: readonly string[] }
  | { readonly step: 'test' }
  | { readonly step: 'store'; readonly slot: string; readonly retiredTo?: string }

export type EnrollOptions = CertificateContent &
  SigningOptions &
  Wishes & {
    readonly ca: CaProtocol
    /** An enrolment agent signs the request for somebody else (web enrolment). */
    readonly onBehalfOf?: OnBehalfOf
    /** 9a by default. */
    readonly slot?: string
    /** Certificates (DER) of trusted issuers; by default those that the CA reports as its own over TLS. */
    readonly trust?: readonly Uint8Array[]
    /** A name for the certificate that people recognise. */
    readonly friendlyName?: string
    /** Stores a certificate even if it would be of little use in the slot. */
    readonly force?: boolean
    /** How many seconds to wait for a CA that does not decide at once; 0 by default. */
    readonly wait?: number
    /** Verifies the PIN or the admin key, as every change of the card requires; called before each. */
    readonly authorize?: () => Promise<void>
    readonly onEvent?: (event: EnrollEvent) => void
  }

export type EnrollResult =
  | {
      readonly state: 'enrolled'
      readonly slot: Slot
      readonly certificate: Uint8Array
      readonly chain: readonly Uint8Array[]
      readonly description: CertificateDescription
      readonly programs: readonly ProgramVerdict[]
    }
  /** The CA has not decided. The same call asks again later. */
  | { readonly state: 'pending'; readonly slot: Slot; readonly id: string; readonly askAfter: Date }
