// Importing, moving and deleting keys, and changing the admin key, by Yubico's instructions: PIV has none for these.
import { createPublicKey, type KeyObject, randomFillSync } from 'node:crypto'
import { space, wipe } from '../../bytes.ts'
import { CardError, UsageError } from '../../errors.ts'
import { ADMIN_ALGORITHMS, ALGORITHMS, type Algorithm } from '../algorithms.ts'
import { isWeakDesKey } from '../des.ts'
import { partsOf } from '../private-key.ts'
import { keyReference, type PinPolicy, type Slot } from '../slots.ts'
import { NOWHERE, writeAdminKey, writeImport, YUBICO } from '../yubico.ts'
import { type AdminKey, adminAlgorithmOf } from './admin.ts'
import type { Exchange } from './exchange.ts'
import type { Extras } from './extras.ts'

export interface Imported {
  readonly algorithm: Algorithm
  readonly publicKey: KeyObject
}

export async function importKey(
  exchange: Exchange,
  extras: Extras,
  slot: Slot,
  privateKey: KeyObject,
  pinPolicy: PinPolicy,
): Promise<Imported> {
  const found = partsOf(privateKey)
  if (found === undefined) {
    const known = Object.keys(ALGORITHMS).join(', ')
    throw new CardError('ERR_NOT_SUPPORTED', `Only keys of ${known} (exponent 65537) can be imported.`)
  }
  const { algorithm, parts } = found
  const data = writeImport({ parts, pinPolicy })
  try {
    await extras.send(exchange, { ins: YUBICO.importKey, p1: ALGORITHMS[algorithm].id, p2: keyReference(slot), data })
  } finally {
    wipe(data, ...Object.values(parts))
  }
  return { algorithm, publicKey: createPublicKey(privateKey) }
}

/** Without a target the key is deleted. */
export async function moveKey(exchange: Exchange, extras: Extras, from: Slot, to?: Slot): Promise<void> {
  const target = to === undefined ? NOWHERE : keyReference(to)
  await extras.send(exchange, { ins: YUBICO.moveKey, p1: target, p2: keyReference(from) })
}

/** Requires no touch. `random`: a key that nobody has, of the admin key's current algorithm. */
export async function changeAdminKey(exchange: Exchange, extras: Extras, given: AdminKey | 'random'): Promise<void> {
  const { key, algorithm } = given === 'random' ? await randomKey(exchange, extras) : adminAlgorithmOf(given)
  if (algorithm === '3DES' && isWeakDesKey(key)) {
    throw new UsageError('ERR_USAGE', 'One of the three DES keys in this admin key is known to be weak. Use another.')
  }
  const data = writeAdminKey(algorithm, key)
  try {
    await extras.send(exchange, { ins: YUBICO.setAdminKey, p1: 0xff, p2: 0xff, data })
  } finally {
    wipe(data)
    if (given === 'random') wipe(key)
  }
}

/** A card that does not report its admin key has 3DES: these cards got AES together with metadata. */
async function randomKey(exchange: Exchange, extras: Extras): Promise<Exclude<AdminKey, Uint8Array>> {
  const told = await extras.adminKey(exchange)
  const algorithm = told === undefined || told === 'absent' ? '3DES' : told.algorithm
  return { algorithm, key: randomFillSync(space(ADMIN_ALGORITHMS[algorithm].key)) }
}
