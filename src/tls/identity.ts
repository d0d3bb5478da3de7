// The certificate that a card shows to servers, and whether it belongs to the card's key and is valid for TLS.
import { X509Certificate } from 'node:crypto'
import { describeCertificate } from '../enroll/describe.ts'
import { reasonsOf, TLS_CLIENTS } from '../enroll/programs.ts'
import { CardError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'

export type Chain = readonly [X509Certificate, ...X509Certificate[]]

/** @throws CardError ERR_KEY_ABSENT, ERR_CERTIFICATE_ABSENT, ERR_CERTIFICATE_KEY */
export async function readIdentity(
  card: Card,
  slot: string,
  chain: readonly Uint8Array[] | undefined,
): Promise<{ readonly info: KeyInfo; readonly chain: Chain }> {
  const info = await card.keyInfo(slot)
  const found = await card.getCertificate(slot)
  if (found === undefined) {
    const message = `There is no certificate in slot ${info.slot}, so no server can tell whose key it is. Enroll it first: tessera enroll ${info.slot} --est URL, or --certsrv URL.`
    throw new CardError('ERR_CERTIFICATE_ABSENT', message)
  }
  const leaf = new X509Certificate(found.certificate)
  if (!leaf.publicKey.equals(info.publicKey)) {
    const message = `The certificate in slot ${info.slot} does not belong to the key there. Enroll the key again.`
    throw new CardError('ERR_CERTIFICATE_KEY', message)
  }
  return { info, chain: [leaf, ...(chain ?? found.chain ?? []).map((der) => new X509Certificate(der))] }
}

/**
 * Returns a check that throws while any server would refuse the certificate, so that nothing is sent to one.
 * @throws (the check) CardError ERR_CERTIFICATE_UNFIT
 */
export function fitness(certificate: X509Certificate, slot: KeyInfo['slot']): () => void {
  const description = describeCertificate(certificate.raw)
  return () => {
    const because = reasonsOf(TLS_CLIENTS, description, slot)
    if (because.length === 0) return
    const message = `The certificate in slot ${slot} cannot be used for TLS: ${because.join(', ')}. Renew it.`
    throw new CardError('ERR_CERTIFICATE_UNFIT', message)
  }
}
