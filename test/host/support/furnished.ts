// Cards of other makers with keys and certificates on them.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { Card } from '../../../src/index.ts'
import { writeCertificate } from '../../../src/piv/certificate.ts'
import { certificateTag } from '../../../src/piv/objects.ts'
import { parseSlot } from '../../../src/piv/slots.ts'
import { certificateOf } from '../../../src/validate/card/certificate.ts'
import { PlainCard, type PlainCardOptions } from '../../support/plain-card/card.ts'
import { PROFILES, type Profile, type ProfileName } from '../../support/plain-card/profiles.ts'

export const PIN = '483920'
export const ADMIN_KEY = Uint8Array.from({ length: 24 }, (_, index) => 0xa0 + index)
export const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
export const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 })
export const rsa512 = generateKeyPairSync('rsa', { modulusLength: 512 })
export const ed25519 = generateKeyPairSync('ed25519')
export const p521 = generateKeyPairSync('ec', { namedCurve: 'secp521r1' })
export const tagOf = (slot: string) => certificateTag(parseSlot(slot))
export const contentFor = (key: KeyObject) => writeCertificate(certificateOf(key))
export const names = Object.keys(PROFILES) as ProfileName[]

/** A card with a key and its certificate in some slots. */
export function furnished(
  profile: ProfileName | Profile,
  options: PlainCardOptions = {},
  slots = ['9a', '9c'],
): PlainCard {
  const card = new PlainCard(profile, options)
  for (const slot of slots) {
    card.keys.set(Number.parseInt(slot, 16), { privateKey: pair.privateKey, algorithm: 0x11 })
    card.objects.set(tagOf(slot), contentFor(pair.publicKey))
  }
  return card
}

export const slotsOf = async (card: Card) => (await card.keys()).map(({ slot }) => slot)
