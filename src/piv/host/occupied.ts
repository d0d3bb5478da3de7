// Whether a new key might replace something. Unreadable content and missing information count as something.

import { SW } from '../../iso7816/status.ts'
import { CARD_ALGORITHMS } from '../algorithms.ts'
import { isEmptyContainer } from '../certificate.ts'
import { pkcs1Block } from '../emsa.ts'
import { certificateTag } from '../objects.ts'
import { keyReference, type Slot } from '../slots.ts'
import { ASKED, writeAuthentication } from '../templates.ts'
import type { Exchange } from './exchange.ts'
import type { Extras } from './extras.ts'
import { readObject } from './objects.ts'
import { isOfOneItem } from './readable.ts'

/** `isOwn`: a card in this process. Its "no key" is reliable; other cards may report only the keys that they know of. */
export async function isOccupied(exchange: Exchange, extras: Extras, slot: Slot, isOwn: boolean): Promise<boolean> {
  const metadata = await extras.metadata(exchange, keyReference(slot))
  if (metadata !== undefined && metadata !== 'absent') return true
  if (isOwn && metadata === 'absent') return false
  if (await hasCertificate(exchange, slot)) return true
  return metadata === undefined && (await answersForKey(exchange, slot))
}

/** A refusal or malformed content counts as a certificate. */
async function hasCertificate(exchange: Exchange, slot: Slot): Promise<boolean> {
  try {
    const content = await readObject(exchange, certificateTag(slot))
    return content !== undefined && !isEmptyContainer(content)
  } catch (error) {
    if (isOfOneItem(error)) return true
    throw error
  }
}

/** How a card answers where there is no key to use. */
const NO_KEY: readonly number[] = [
  SW.WRONG_DATA,
  SW.NOT_SUPPORTED,
  SW.NOT_FOUND,
  SW.WRONG_PARAMETERS,
  SW.REFERENCE_NOT_FOUND,
  SW.WRONG_P1_P2,
  SW.UNKNOWN_INS,
]

/** The digest of nothing. Some cards refuse an RSA block without padding as they refuse where there is no key. */
const DIGEST = new Uint8Array(32)
const rsaBlock = (octets: number): Uint8Array => pkcs1Block(DIGEST, 'SHA-256', octets)

/** What a key is asked to sign, by the identifier of its algorithm. */
const CHALLENGES: ReadonlyArray<readonly [id: number, challenge: Uint8Array]> = Object.values(CARD_ALGORITHMS).map(
  ({ id, kind, octets }) => [id, kind === 'rsa' ? rsaBlock(octets) : new Uint8Array(octets)] as const,
)

/** A key that needs the PIN refuses to sign without it, and thereby shows that it exists, even without a certificate. */
async function answersForKey(exchange: Exchange, slot: Slot): Promise<boolean> {
  for (const [id, challenge] of CHALLENGES) {
    const data = writeAuthentication({ response: ASKED, challenge })
    const { sw } = await exchange.send({ ins: 0x87, p1: id, p2: keyReference(slot), data, answer: true })
    if (!NO_KEY.includes(sw)) return true
  }
  return false
}
