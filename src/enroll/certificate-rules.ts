/**
 * Reasons against a certificate, as one table of small rules with words for each. The rules for slots and for sign-in
 * are chosen here, those for programs in programs.ts.
 */
import { clock, day } from '../dates.ts'
import { isRetired, type Slot } from '../piv/slots.ts'
import { BROKEN_HASHES } from '../x509/algorithms.ts'
import type { KeyUsage } from '../x509/usages.ts'
import type { CertificateDescription } from './describe.ts'
import { NEEDED_USAGES } from './usage.ts'

export interface Placed {
  readonly certificate: CertificateDescription
  readonly slot: Slot
  readonly now: Date
}

export interface Rule {
  readonly because: string | ((placed: Placed) => string)
  readonly when: (placed: Placed) => boolean
}

/** The reasons of the rules that apply; empty if none does. */
export const reasons = (rules: readonly Rule[], placed: Placed): string[] =>
  rules
    .filter(({ when }) => when(placed))
    .map(({ because }) => (typeof because === 'string' ? because : because(placed)))

export const expired = ({ certificate, now }: Placed): boolean => certificate.notAfter < now
export const early = ({ certificate, now }: Placed): boolean => certificate.notBefore > now
export const selfSigned = ({ certificate }: Placed): boolean => certificate.selfSigned
/** The signature of a self-signed certificate on itself is never checked. */
export const weak = ({ certificate: { hash = '', selfSigned } }: Placed): boolean =>
  BROKEN_HASHES.includes(hash) && !selfSigned
/** A certificate without the extension allows every usage, and every purpose. */
export const noUsage =
  (...any: readonly KeyUsage[]) =>
  ({ certificate: { usages } }: Placed): boolean =>
    usages !== undefined && !any.some((usage) => usages.includes(usage))
export const noPurpose =
  (...any: readonly string[]) =>
  ({ certificate: { purposes } }: Placed): boolean =>
    purposes !== undefined && !any.some((purpose) => purposes.includes(purpose))

/** Why a certificate would be of little use in a slot. */
export const SLOT_RULES: readonly Rule[] = [
  {
    // Old mail is decrypted with the keys of expired certificates: retired slots are for these.
    when: (placed) => expired(placed) && !isRetired(placed.slot),
    because: ({ certificate }) => `it expired on ${day(certificate.notAfter)}`,
  },
  {
    when: early,
    because: ({ certificate: { notBefore } }) =>
      `it is not valid before ${clock(notBefore)}, by the clock of this machine`,
  },
  {
    when: (placed) => weak(placed) && !isRetired(placed.slot),
    because: ({ certificate }) => `it is signed by ${certificate.signature}, which is broken, so programs refuse it`,
  },
  {
    when: (placed) => noUsage(...(NEEDED_USAGES[placed.slot] ?? []))(placed) && placed.slot in NEEDED_USAGES,
    because: ({ certificate: { usages = [] }, slot }) =>
      `its key may be used for ${usages.join(' and ') || 'nothing'}, and slot ${slot} is for ${NEEDED_USAGES[slot]?.join(' or ')}`,
  },
  {
    // A self-signed certificate made by openssl says that it is a CA's.
    when: ({ certificate: { ca, selfSigned } }) => ca && !selfSigned,
    because: 'it is the certificate of a CA',
  },
]

/** Why a certificate cannot be used to sign in. */
export const SIGN_IN_RULES: readonly Rule[] = [
  { when: expired, because: ({ certificate }) => `expired on ${day(certificate.notAfter)}` },
  {
    when: early,
    because: ({ certificate: { notBefore } }) => `not valid before ${clock(notBefore)}, by the clock of this machine`,
  },
  {
    when: noPurpose('client-authentication', 'any'),
    because: ({ certificate: { purposes = [] } }) => `for ${purposes.join(', ')}, and not for client authentication`,
  },
  { when: noUsage('digitalSignature'), because: 'not for signatures that prove who somebody is' },
  { when: ({ certificate }) => certificate.ca, because: 'the certificate of a CA' },
]
