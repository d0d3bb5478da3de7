// A certificate that a key on the card signs for itself: it makes the key visible to programs that know certificates.
import { X509Certificate } from 'node:crypto'
import { UsageError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import { library } from '../x509/library.ts'
import { type CertificateContent, subjectOf } from './content.ts'
import { extensionsOf } from './extensions.ts'
import { type SigningOptions, slotSigner, wrongKey } from './signer.ts'

export type SelfSignOptions = Omit<CertificateContent, 'template'> &
  SigningOptions & {
    /** 365 unless given; 1 to 9999. */
    readonly days?: number
  }

const DAY = 24 * 60 * 60 * 1000

/**
 * Signs a certificate for the key in a slot with that key and puts it there. Writing it wants what every change of the
 * card wants: the PIN, or over a reader the admin key, proved before.
 * @returns the certificate, in DER
 * @throws CardError ERR_KEY_ABSENT; UsageError ERR_USAGE, ERR_ALGORITHM; PinError; nothing is changed then
 */
export async function selfSign(card: Card, slot: string, options: SelfSignOptions = {}): Promise<Uint8Array> {
  const subject = subjectOf(options, card)
  const notBefore = wholeSecond(new Date())
  const notAfter = new Date(notBefore.getTime() + checkDays(options.days ?? 365) * DAY)
  const { key, keys, signingAlgorithm, crypto } = await slotSigner(card, slot, options)
  const x509 = await library()
  const identifier = await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto)
  const extensions = [...extensionsOf(options, key, x509), identifier]
  const parameters = { name: new x509.Name(subject), notBefore, notAfter, keys, signingAlgorithm, extensions }
  const made = await x509.X509CertificateGenerator.createSelfSigned(parameters, crypto)
  const certificate = new Uint8Array(made.rawData)
  if (!new X509Certificate(certificate).verify(key.publicKey)) throw wrongKey(key)
  await card.putCertificate(slot, { certificate })
  return certificate
}

function wholeSecond(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000)
}

function checkDays(days: number): number {
  if (Number.isInteger(days) && days >= 1 && days <= 9999) return days
  throw new UsageError('ERR_USAGE', 'A certificate is valid from 1 to 9999 days.')
}
