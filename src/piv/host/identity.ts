// Whether this is the same card as before: by the GUID of its CHUID or, on a card without a readable one, by everything
// else that it shows without a PIN. All of that can be copied: it tells apart the cards of honest people.
import { hex, sha256 } from '../../bytes.ts'
import { guidOf } from '../contents.ts'
import { certifiedKey } from './certified-key.ts'
import type { Exchange } from './exchange.ts'
import type { Extras } from './extras.ts'
import { readObject } from './objects.ts'
import { ifReadable } from './readable.ts'

/** Facts by name. Any of them tells cards apart where it differs; the first kind also shows that a card is the same. */
export type Identity = ReadonlyMap<string, string>

/** Unique to one card. */
const UNIQUE = ['guid', 'serial', '9e', '9a', '9c', '9d'] as const
/** Perhaps shared by many cards. */
const COMMON = ['chuid', 'ccc', 'discovery'] as const

export async function identityOf(exchange: Exchange, extras: Extras): Promise<Identity> {
  const facts = new Map<string, string>()
  const content = (name: string) => ifReadable(() => readObject(exchange, name))
  const chuid = await content('chuid')
  const guid = chuid && guidOf(chuid)
  if (guid !== undefined) return facts.set('guid', hex(guid))
  const serial = await extras.serial(exchange)
  if (serial !== undefined) facts.set('serial', String(serial))
  for (const slot of ['9e', '9a', '9c', '9d']) {
    const certificate = await content(`certificate-${slot}`)
    if (certificate !== undefined) facts.set(slot, digest(certifiedKey(certificate) ?? certificate))
  }
  for (const name of COMMON) {
    const octets = name === 'chuid' ? chuid : await content(name)
    if (octets !== undefined) facts.set(name, digest(octets))
  }
  return facts
}

const digest = (octets: Uint8Array): string => hex(sha256(octets))

export type Likeness = 'same' | 'another' | 'unknown'

export function compare(before: Identity, now: Identity): Likeness {
  for (const name of ['guid', 'serial']) {
    const [one, other] = [before.get(name), now.get(name)]
    if (one !== other) return 'another'
    if (one !== undefined) return 'same'
  }
  const known = UNIQUE.filter((name) => before.has(name) || now.has(name))
  if (known.some((name) => before.get(name) === now.get(name))) return 'same'
  const differs = COMMON.some((name) => before.get(name) !== now.get(name))
  return known.length > 0 || differs ? 'another' : 'unknown'
}
