// Requests for a certificate: PKCS#10 (RFC 2986), signed by the key that is to be certified.
import { readEvidence } from '../attest/evidence.ts'
import { evidenceAttribute } from '../attest/request.ts'
import type { Card } from '../piv/host/card.ts'
import { parseSlot } from '../piv/slots.ts'
import type { Certificate } from '../x509/certificate.ts'
import { writeRequest } from '../x509/write.ts'
import { type CertificateContent, extensionsOf, subjectOf } from './content.ts'
import { type SigningOptions, slotSigner } from './signer.ts'

export type RequestOptions = CertificateContent &
  SigningOptions & {
    /** The slot that the certificate is for, while its key waits in another one. */
    readonly forSlot?: string
    /** With evidence about the key for this nonce, which the CA gave: docs/evidence.md. Only for a card in the TPM. */
    readonly nonce?: Uint8Array
  }

/**
 * Makes a request for the key in a slot. Nothing on the card is changed.
 * @returns PKCS#10 in DER
 * @throws CardError ERR_KEY_ABSENT; UsageError ERR_USAGE, ERR_ALGORITHM; PinError
 */
export const requestCertificate = (card: Card, slot: string, options: RequestOptions = {}): Promise<Uint8Array> =>
  requestRenewal(card, slot, options)

/** The same, with the values of `renewed` for missing options. */
export async function requestRenewal(
  card: Card,
  slot: string,
  options: RequestOptions,
  renewed?: Certificate,
): Promise<Uint8Array> {
  const subject = subjectOf(options, card, renewed)
  const signer = await slotSigner(card, slot, options)
  const place = { ...signer.key, slot: parseSlot(options.forSlot ?? slot) }
  const attributes = await evidenceFor(card, slot, options)
  return writeRequest({ subject, extensions: extensionsOf(options, place, renewed), attributes }, signer)
}

async function evidenceFor(card: Card, slot: string, { nonce }: RequestOptions) {
  if (nonce === undefined) return []
  const json = await card.attest(slot, { format: 'tessera', nonce })
  return [evidenceAttribute(readEvidence(Buffer.from(json).toString()))]
}
