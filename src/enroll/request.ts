// Requests for a certificate: PKCS#10 (RFC 2986), signed by the key that the certificate is to be for.
import { webcrypto } from 'node:crypto'
import type { Card } from '../piv/host/card.ts'
import { parseSlot } from '../piv/slots.ts'
import { library } from '../x509/library.ts'
import { type CertificateContent, subjectOf } from './content.ts'
import { extensionsOf } from './extensions.ts'
import { type SigningOptions, slotSigner, wrongKey } from './signer.ts'

export type RequestOptions = CertificateContent &
  SigningOptions & {
    /** The slot that the certificate is for, where its key waits in another one. */
    readonly forSlot?: string
  }

/**
 * A request for the key in a slot. Nothing on the card is changed.
 * @returns PKCS#10 in DER
 * @throws CardError ERR_KEY_ABSENT; UsageError ERR_USAGE, ERR_ALGORITHM; PinError
 */
export async function requestCertificate(card: Card, slot: string, options: RequestOptions = {}): Promise<Uint8Array> {
  const subject = subjectOf(options, card)
  const x509 = await library()
  const { key, keys, signingAlgorithm, crypto } = await slotSigner(card, slot, options)
  const extensions = extensionsOf(options, { ...key, slot: parseSlot(options.forSlot ?? slot) }, x509)
  const parameters = { name: new x509.Name(subject), keys, signingAlgorithm, extensions }
  const request = await x509.Pkcs10CertificateRequestGenerator.create(parameters, crypto)
  if (!(await request.verify(webcrypto))) throw wrongKey(key)
  return new Uint8Array(request.rawData)
}
