// Certificates that were made elsewhere: put beside the key that they are for, and nowhere else.

import type { KeyObject } from 'node:crypto'
import { isUint8Array } from 'node:util/types'
import { CardError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import type { CardCertificate } from '../piv/host/certificates.ts'
import { isRetired, type Slot } from '../piv/slots.ts'
import { BROKEN_HASHES } from '../x509/algorithms.ts'
import { orderFor } from './chain.ts'
import { type CertificateDescription, describeCertificate } from './describe.ts'
import { readCertificates } from './read.ts'
import { NEEDED_USAGES } from './usage.ts'

export interface ImportOptions {
  /** Puts a certificate there that is of little use: expired, not valid yet, for other uses than the slot is for, … */
  readonly force?: boolean
}

export interface Candidate extends CardCertificate {
  readonly description: CertificateDescription
  /** Why it would be of little use in the slot; empty: nothing stands against it. */
  readonly findings: readonly string[]
  /** How many certificates were given that have nothing to do with it. */
  readonly others: number
}

/**
 * Puts the certificate that is for the key in a slot there, with what signed it, out of `given`: PEM or DER, or several
 * of those. Nothing on the card is changed unless all of it is right.
 * @throws CardError ERR_DATA (no certificate), ERR_KEY_ABSENT, ERR_CERTIFICATE_KEY (for another key),
 * ERR_CERTIFICATE_UNFIT (see `force`)
 */
export async function importCertificate(
  card: Card,
  slot: string,
  given: Uint8Array | readonly Uint8Array[],
  { force = false }: ImportOptions = {},
): Promise<Candidate> {
  const key = await card.keyInfo(slot)
  const candidate = examineCertificates(key, given)
  if (candidate.findings.length > 0 && !force) {
    throw new CardError(
      'ERR_CERTIFICATE_UNFIT',
      `This certificate would be of little use in slot ${key.slot}: ${candidate.findings.join('; ')}.`,
    )
  }
  const { certificate, chain = [] } = candidate
  await card.putCertificate(slot, { certificate, chain })
  return candidate
}

/**
 * What `importCertificate` would put beside a key, and what stands against it.
 * @throws CardError ERR_DATA, ERR_CERTIFICATE_KEY
 */
export function examineCertificates(
  { slot, publicKey }: { readonly slot: Slot; readonly publicKey: KeyObject },
  given: Uint8Array | readonly Uint8Array[],
  now = new Date(),
): Candidate {
  const certificates = (isUint8Array(given) ? [given] : given).flatMap(readCertificates)
  const { leaf, chain, others } = orderFor(publicKey, certificates)
  if (leaf === undefined) {
    const whose = certificates.map((der) => describeCertificate(der).subject).join(', ')
    throw new CardError(
      'ERR_CERTIFICATE_KEY',
      `This certificate is for another key than the one in slot ${slot} (${whose.slice(0, 200)}). See which slot has its key: tessera key list.`,
    )
  }
  const description = describeCertificate(leaf)
  const findings = FINDINGS.filter(({ when }) => when(description, slot, now)).map(({ say }) => say(description, slot))
  return { certificate: leaf, chain, description, findings, others }
}

interface Finding {
  readonly say: (certificate: CertificateDescription, slot: Slot) => string
  readonly when: (certificate: CertificateDescription, slot: Slot, now: Date) => boolean
}

const day = (date: Date): string => date.toISOString().slice(0, 10)

const FINDINGS: readonly Finding[] = [
  {
    // Old mail is decrypted with the keys of expired certificates: that is what retired slots are for.
    when: ({ notAfter }, slot, now) => notAfter < now && !isRetired(slot),
    say: ({ notAfter }) => `it expired on ${day(notAfter)}`,
  },
  {
    when: ({ notBefore }, _, now) => notBefore > now,
    say: ({ notBefore }) => `it is not valid before ${notBefore.toISOString()}, by the clock of this machine`,
  },
  {
    when: ({ hash = '', selfSigned }, slot) => BROKEN_HASHES.includes(hash) && !selfSigned && !isRetired(slot),
    say: ({ signature }) => `it is signed by ${signature}, which is broken, so programs refuse it`,
  },
  {
    when: ({ usages }, slot) =>
      usages !== undefined && NEEDED_USAGES[slot]?.some((usage) => usages.includes(usage)) === false,
    say: ({ usages = [] }, slot) =>
      `its key may be used for ${usages.join(' and ') || 'nothing'}, and slot ${slot} is for ${NEEDED_USAGES[slot]?.join(' or ')}`,
  },
  // One that openssl makes to sign itself says that it is a CA's, too.
  { when: ({ ca, selfSigned }) => ca && !selfSigned, say: () => 'it is the certificate of a CA' },
]
