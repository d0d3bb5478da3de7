// Certificates from the host's side: the leaf in its PIV container, what signed it in an object beside it.
import { X509Certificate } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { CardError, isError } from '../../errors.ts'
import { readTlvs, TlvError, tlv } from '../../iso7816/tlv.ts'
import { readCertificate as readContainer, writeCertificate as writeContainer } from '../certificate.ts'
import { certificateTag } from '../objects.ts'
import type { Slot } from '../slots.ts'
import type { Exchange } from './exchange.ts'
import { deleteObject, readObject, writeObject } from './objects.ts'

/** A certificate and what signed it, from its issuer upwards; all in DER. */
export interface CardCertificate {
  readonly certificate: Uint8Array
  readonly chain?: readonly Uint8Array[]
}

/** Above this many octets a certificate is stored compressed: every PIV card has room for as much. Table 9. */
const PLAIN_LIMIT = 1856
const LONGEST_CHAIN = 64 * 1024
const CERTIFICATE = 0x70

/** Where the chain of a slot is kept: a tag of nobody's, by slot. Other programs do not look there. */
const chainTag = (slot: Slot) => `5ffe${slot}`

/** The certificate in a slot without what signed it. @throws CardError ERR_DATA for one that is damaged */
export async function readLeaf(exchange: Exchange, slot: Slot): Promise<Uint8Array | undefined> {
  const content = await readObject(exchange, certificateTag(slot))
  return content && undamaged(slot, () => readContainer(content))
}

export async function readCertificate(exchange: Exchange, slot: Slot): Promise<CardCertificate | undefined> {
  const certificate = await readLeaf(exchange, slot)
  if (certificate === undefined) return undefined
  const packed = await readObject(exchange, chainTag(slot)).catch(withheld)
  if (packed === undefined) return { certificate }
  const chain = undamaged(slot, () => readTlvs(gunzipSync(packed, { maxOutputLength: LONGEST_CHAIN })))
  return { certificate, chain: chain.map(({ value }) => Uint8Array.from(value)) }
}

/** There are cards that refuse a tag they do not know. A card that has gone says nothing of it. */
function withheld(error: unknown): undefined {
  if (error instanceof CardError && ['ERR_CARD_REFUSED', 'ERR_PIN_REQUIRED', 'ERR_DATA'].includes(error.code)) return
  throw error
}

function undamaged<T>(slot: Slot, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof TlvError || cause instanceof RangeError || isZlib(cause))) throw cause
    throw new CardError('ERR_DATA', `The certificate in slot ${slot} is damaged. Put it there again.`, { cause })
  }
}

/** @throws CardError ERR_DATA for what is no certificate */
export async function writeCertificate(
  exchange: Exchange,
  slot: Slot,
  { certificate, chain = [] }: CardCertificate,
): Promise<void> {
  for (const der of [certificate, ...chain]) checkCertificate(der)
  const gzip = certificate.length > PLAIN_LIMIT
  await writeObject(exchange, certificateTag(slot), writeContainer(certificate, { gzip }))
  const packed =
    chain.length === 0 ? new Uint8Array(0) : gzipSync(Buffer.concat(chain.map((der) => tlv(CERTIFICATE, der))))
  await writeObject(exchange, chainTag(slot), Uint8Array.from(packed))
}

export async function deleteCertificate(exchange: Exchange, slot: Slot): Promise<void> {
  await deleteObject(exchange, certificateTag(slot))
  await deleteObject(exchange, chainTag(slot))
}

function checkCertificate(der: Uint8Array): void {
  try {
    new X509Certificate(der)
  } catch (cause) {
    throw new CardError('ERR_DATA', 'This is not an X.509 certificate in DER.', { cause })
  }
}

const isZlib = (error: unknown) =>
  isError(error) && 'code' in error && /^(Z_|ERR_BUFFER_TOO_LARGE$)/.test(String(error.code))
