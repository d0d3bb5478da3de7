// A certificate that a key on the card signs for itself, so that programs which rely on certificates see the key.
import { DAY } from '../dates.ts'
import { UsageError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import { subjectKey } from '../x509/extensions.ts'
import { spkiOf, writeCertificate } from '../x509/write.ts'
import { type CertificateContent, extensionsOf, subjectOf } from './content.ts'
import { type SigningOptions, slotSigner } from './signer.ts'

export type SelfSignOptions = Omit<CertificateContent, 'template'> &
  SigningOptions & {
    /** 365 by default; 1 to 9999. */
    readonly days?: number
  }

/**
 * Signs a certificate for the key in a slot with that key, and stores it there. Like every change of the card, this
 * needs the PIN, or over a reader the admin key, verified before.
 * @returns the certificate, in DER
 * @throws CardError ERR_KEY_ABSENT; UsageError ERR_USAGE, ERR_ALGORITHM; PinError; nothing is changed then
 */
export async function selfSign(card: Card, slot: string, options: SelfSignOptions = {}): Promise<Uint8Array> {
  const subject = subjectOf(options, card)
  const notBefore = new Date()
  const notAfter = new Date(notBefore.getTime() + checkDays(options.days ?? 365) * DAY)
  const signer = await slotSigner(card, slot, options)
  const spki = spkiOf(signer.publicKey)
  const extensions = [...extensionsOf(options, signer.key), subjectKey(spki)]
  const certificate = await writeCertificate(
    { issuer: subject, subject, notBefore, notAfter, spki, extensions },
    signer,
  )
  await card.putCertificate(slot, { certificate })
  return certificate
}

function checkDays(days: number): number {
  if (Number.isInteger(days) && days >= 1 && days <= 9999) return days
  throw new UsageError('ERR_USAGE', 'A certificate is valid from 1 to 9999 days.')
}
