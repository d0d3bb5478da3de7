// A friendly name for a certificate: in an object beside it that no standard uses, with the first octets of the
// certificate's SHA-256, since other programs replace the certificate without knowing of its name.
import { concat, equal, sha256, utf8 } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import { ifReadable, ifTaken } from '../piv/host/readable.ts'
import type { Slot } from '../piv/slots.ts'

const MARK = 8
const tagOf = (slot: Slot) => `5ffd${slot}`
const markOf = (certificate: Uint8Array) => sha256(certificate).subarray(0, MARK)

/** @throws UsageError ERR_USAGE */
export function checkFriendlyName(name: string): string {
  if (name.length >= 1 && name.length <= 128 && !/\p{C}/u.test(name) && name.trim() === name) return name
  throw new UsageError('ERR_USAGE', 'A friendly name has 1 to 128 characters, all of them visible.')
}

/**
 * Names a certificate, or removes its name if none is given. The certificate is on the card already: a card that
 * accepts only NIST's objects refuses this one, and the certificate then has no name.
 */
export async function nameCertificate(card: Card, slot: Slot, certificate: Uint8Array, name?: string): Promise<void> {
  const tag = tagOf(slot)
  if (name !== undefined) {
    const content = concat(markOf(certificate), utf8(checkFriendlyName(name)))
    await ifTaken(() => card.putObject(tag, content))
  } else if ((await ifReadable(() => card.getObject(tag))) !== undefined) await ifTaken(() => card.deleteObject(tag))
}

/** Undefined if it has none, or if the name belongs to another certificate. */
export async function friendlyName(card: Card, slot: Slot, certificate: Uint8Array): Promise<string | undefined> {
  const content = await card.getObject(tagOf(slot)).catch(() => undefined)
  if (content === undefined || !equal(content.subarray(0, MARK), markOf(certificate))) return undefined
  const name = Buffer.from(content.subarray(MARK)).toString('utf8')
  return /\p{C}/u.test(name) ? undefined : name.slice(0, 128)
}
