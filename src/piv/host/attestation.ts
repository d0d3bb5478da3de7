// Attestation from the host's side: what a card says of a key that was made on it. Yubico's (src/piv/yubico.ts).
import { X509Certificate } from 'node:crypto'
import { CardError } from '../../errors.ts'
import { SW } from '../../iso7816/status.ts'
import { keyReference, type Slot } from '../slots.ts'
import { YUBICO } from '../yubico.ts'
import type { Exchange } from './exchange.ts'
import { refusal } from './refusals.ts'

/** The certificate in DER, with nothing after it. @throws CardError ERR_NOT_SUPPORTED, ERR_KEY_ABSENT, ERR_DATA */
export async function attest(exchange: Exchange, slot: Slot): Promise<Uint8Array> {
  const { data, sw } = await exchange.send({ ins: YUBICO.attest, p1: keyReference(slot), p2: 0x00, answer: true })
  if (sw !== SW.OK) throw refusal('attest', sw)
  try {
    const { raw } = new X509Certificate(data)
    if (raw.equals(data)) return Uint8Array.from(raw)
  } catch (cause) {
    throw noCertificate(cause)
  }
  throw noCertificate()
}

const noCertificate = (cause?: unknown): CardError =>
  new CardError('ERR_DATA', "The card's attestation is no certificate. Take the card out and put it in again.", {
    cause,
  })
