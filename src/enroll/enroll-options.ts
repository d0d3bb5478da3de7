// What an enrolment is told, what it tells meanwhile, and what comes of it.
import type { Algorithm } from '../piv/algorithms.ts'
import type { PinPolicy, Slot } from '../piv/slots.ts'
import type { CertificateContent } from './content.ts'
import type { CertificateDescription } from './describe.ts'
import type { Wishes } from './place.ts'
import type { ProgramVerdict } from './programs.ts'
import type { CaProtocol } from './protocol.ts'
import type { SigningOptions } from './signer.ts'
import type { Step } from './state.ts'

/** What happens, as it happens. */
export type EnrollEvent =
  /** An enrolment that was begun before goes on. */
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
    /** 9a unless given. */
    readonly slot?: string
    /** Certificates (DER) of whom the certificate has to come from; what the CA says of itself over TLS unless given. */
    readonly trust?: readonly Uint8Array[]
    /** Of a new key: P-256 unless given. */
    readonly algorithm?: Algorithm | string
    readonly pinPolicy?: PinPolicy
    /** What a person calls the certificate. */
    readonly friendlyName?: string
    /** Stores a certificate that would be of little use in the slot. */
    readonly force?: boolean
    /** How many seconds to wait for a CA that does not decide at once; 0 unless given. */
    readonly wait?: number
    /** Proves the PIN or the admin key, as every change of the card wants it; called before each. */
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
  /** The CA has not decided. The same call later asks it again. */
  | { readonly state: 'pending'; readonly slot: Slot; readonly id: string; readonly askAfter: Date }
