// Certificates from the host's side: the leaf in its PIV container, its chain in an object beside it.
import { X509Certificate } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { type AnyCardError, CardError, isError } from '../../errors.ts'
import { readTlvs, TlvError, tlv } from '../../iso7816/tlv.ts'
import {
  isEmptyContainer,
  readCertificate as readContainer,
  writeCertificate as writeContainer,
} from '../certificate.ts'
import { certificateTag } from '../objects.ts'
import type { Slot } from '../slots.ts'
import type { Exchange } from './exchange.ts'
import { deleteObject, readObject, writeObject } from './objects.ts'
import { ifReadable, ifTaken } from './readable.ts'

/** A certificate and what signed it, from its issuer upwards; all in DER. */
export interface CardCertificate {
  readonly certificate: Uint8Array
  readonly chain?: readonly Uint8Array[]
}

/** Longer certificates are stored compressed: every PIV card has room for this many octets. Table 9. */
const PLAIN_LIMIT = 1856
const LONGEST_CHAIN = 64 * 1024
const CERTIFICATE = 0x70

/**
 * Where the chain of a slot is kept: under an unassigned tag, one for each slot. Other programs do not look there, and
 * cards that know only NIST's tags refuse it; the card then keeps the certificate alone.
 */
const chainTag = (slot: Slot) => `5ffe${slot}`

/** The certificate in a slot, without its chain. @throws CardError ERR_DATA where it cannot be parsed */
export async function readLeaf(exchange: Exchange, slot: Slot): Promise<Uint8Array | undefined> {
  const content = await readObject(exchange, certificateTag(slot))
  if (content === undefined || isEmptyContainer(content)) return undefined
  try {
    return readContainer(content)
  } catch (cause) {
    if (cause instanceof TlvError) throw notUnderstood(slot, cause)
    throw cause
  }
}

export async function readCertificate(exchange: Exchange, slot: Slot): Promise<CardCertificate | undefined> {
  const certificate = await readLeaf(exchange, slot)
  if (certificate === undefined) return undefined
  const packed = await ifReadable(() => readObject(exchange, chainTag(slot)))
  const chain = packed && unpacked(packed)
  return chain === undefined ? { certificate } : { certificate, chain }
}

/** The chain of a slot; undefined where the object holds something else, since the tag is unassigned. */
function unpacked(packed: Uint8Array): Uint8Array[] | undefined {
  try {
    const tlvs = readTlvs(gunzipSync(packed, { maxOutputLength: LONGEST_CHAIN }))
    return tlvs.map(({ value }) => Uint8Array.from(value))
  } catch (error) {
    if (error instanceof TlvError || error instanceof RangeError || isZlib(error)) return undefined
    throw error
  }
}

export const notUnderstood = (slot: Slot, cause: unknown): AnyCardError =>
  new CardError(
    'ERR_DATA',
    `The certificate in slot ${slot} is not understood: it is damaged, or written in a way that is not known here. Put it there again.`,
    { cause },
  )

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
  await ifTaken(() => writeObject(exchange, chainTag(slot), Uint8Array.from(packed)))
}

export async function deleteCertificate(exchange: Exchange, slot: Slot): Promise<void> {
  await deleteObject(exchange, certificateTag(slot))
  await ifTaken(() => deleteObject(exchange, chainTag(slot)))
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
