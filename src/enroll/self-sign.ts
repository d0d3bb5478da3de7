// A certificate that a key on the card signs for itself: it makes the key visible to programs that know certificates.
import { UsageError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import { library } from '../x509/library.ts'
import { parseName } from '../x509/name.ts'
import { provedBy, type SigningOptions, slotSigner } from './signer.ts'
import { usageBits, usagesOf } from './usage.ts'

export interface SelfSignOptions extends SigningOptions {
  /** As RFC 4514 writes it: `CN=Maria Example,O=Example Ltd`. The name of the card unless given. */
  readonly subject?: string
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
  const subject = parseName(options.subject ?? defaultSubject(card.name))
  const notBefore = wholeSecond(new Date())
  const notAfter = new Date(notBefore.getTime() + checkDays(options.days ?? 365) * DAY)
  const { key, keys, signingAlgorithm, crypto } = await slotSigner(card, slot, options)
  const { Name, KeyUsagesExtension, SubjectKeyIdentifierExtension, X509CertificateGenerator } = await library()
  const extensions = [
    new KeyUsagesExtension(usageBits(usagesOf(key.slot, key.algorithm)), true),
    await SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto),
  ]
  const parameters = { name: new Name(subject), notBefore, notAfter, keys, signingAlgorithm, extensions }
  const made = await X509CertificateGenerator.createSelfSigned(parameters, crypto)
  const certificate = new Uint8Array(made.rawData)
  provedBy(certificate, key)
  await card.putCertificate(slot, { certificate })
  return certificate
}

/** The name of a card, or of the reader that it is in, as a subject. */
function defaultSubject(name: string): string {
  const plain = name.replace(/^reader:/, '').replace(/[^A-Za-z0-9 ._-]/g, ' ')
  return `CN=${plain.trim().slice(0, 64).trim() || 'PIV card'}`
}

function wholeSecond(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000)
}

function checkDays(days: number): number {
  if (Number.isInteger(days) && days >= 1 && days <= 9999) return days
  throw new UsageError('ERR_USAGE', 'A certificate is valid from 1 to 9999 days.')
}
