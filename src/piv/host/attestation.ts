// Attestation from the host's side: the card's statement about a key made on it. Yubico's (src/piv/yubico.ts).
import { X509Certificate } from 'node:crypto'
import { CardError } from '../../errors.ts'
import { SW } from '../../iso7816/status.ts'
import { readCertificate } from '../certificate.ts'
import { keyReference, type Slot } from '../slots.ts'
import { ATTESTATION_CERTIFICATE, YUBICO } from '../yubico.ts'
import type { Exchange } from './exchange.ts'
import { readObject } from './objects.ts'
import { ifReadable } from './readable.ts'
import { refusal } from './refusals.ts'

/** The certificate in DER, with nothing after it. @throws CardError ERR_NOT_SUPPORTED, ERR_KEY_ABSENT, ERR_DATA */
export async function attest(exchange: Exchange, slot: Slot): Promise<Uint8Array> {
  const answer = await exchange.send({ ins: YUBICO.attest, p1: keyReference(slot), p2: 0x00, answer: true })
  if (answer.sw !== SW.OK) throw refusal('attest', answer)
  const { data } = answer
  try {
    const { raw } = new X509Certificate(data)
    if (raw.equals(data)) return Uint8Array.from(raw)
  } catch (cause) {
    throw noCertificate(cause)
  }
  throw noCertificate()
}

/** The certificate (DER) that issues attestations; undefined where the card has none that can be read. */
export async function attestationIssuer(exchange: Exchange): Promise<Uint8Array | undefined> {
  const content = await ifReadable(() => readObject(exchange, ATTESTATION_CERTIFICATE))
  try {
    return content && Uint8Array.from(new X509Certificate(readCertificate(content)).raw)
  } catch {
    return undefined
  }
}

const noCertificate = (cause?: unknown): CardError =>
  new CardError('ERR_DATA', "The card's attestation is not a certificate. Take the card out and put it in again.", {
    cause,
  })
