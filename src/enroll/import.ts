// Certificates made elsewhere: they are put only beside the key that they are for.

import type { KeyObject } from 'node:crypto'
import { isUint8Array } from 'node:util/types'
import { CardError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import type { CardCertificate } from '../piv/host/certificates.ts'
import type { Slot } from '../piv/slots.ts'
import { reasons, SLOT_RULES } from './certificate-rules.ts'
import { orderFor } from './chain.ts'
import { type CertificateDescription, describeCertificate } from './describe.ts'
import { readCertificates } from './read.ts'

export interface ImportOptions {
  /** Stores a certificate of little use: expired, not valid yet, for other uses than the slot is for, … */
  readonly force?: boolean
}

export interface Candidate extends CardCertificate {
  readonly description: CertificateDescription
  /** Why it would be of little use in the slot; empty: nothing is wrong with it. */
  readonly findings: readonly string[]
  /** How many of the given certificates are unrelated. */
  readonly others: number
}

/**
 * Finds in `given` (PEM or DER, or several of those) the certificate for the key in a slot, and stores it there with
 * its issuers. Nothing on the card is changed unless all of it is right.
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
 * What `importCertificate` would store beside a key, and the reasons against it.
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
  const findings = reasons(SLOT_RULES, { certificate: description, slot, now })
  return { certificate: leaf, chain, description, findings, others }
}
