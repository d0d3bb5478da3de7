// A card as the crash tests use it: through src/tpm/open.ts, where files and tables can be handed in.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto'
import { utf8 } from '../../../src/bytes.ts'
import { CardError } from '../../../src/errors.ts'
import { parseSlot, type Slot } from '../../../src/piv/slots.ts'
import { destroyTpmCard } from '../../../src/tpm/destroy.ts'
import { formatChallenge, helpDeskKeyBlob, respond } from '../../../src/tpm/help-desk.ts'
import { createTpmCard, openTpmCard } from '../../../src/tpm/open.ts'
import type { Place } from '../../../src/tpm/stores.ts'
import type { TpmVault } from '../../../src/tpm/vault/vault.ts'

export type Spot = Place & { readonly home: string }

/** What is in force on a card, and what an act would set. */
export interface Secrets {
  readonly pin: string
  readonly puk: string
  readonly newPin: string
  readonly newPuk: string
  /** PEM of the help desk's private key. */
  readonly desk: string
}

export const CARD = 'work'
export const BYSTANDER = 'other'
export const SLOT = parseSlot('9a')
export const DEFAULT = '12345678'
export const PIN_TRIES = 3

const desk = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const deskPem = desk.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
let made = 0

/** Secrets with new ones that were never used before. */
export function secretsFrom({ pin, puk }: { readonly pin: string; readonly puk: string }): Secrets {
  made += 1
  return { pin, puk, newPin: String(200_000 + made), newPuk: `P${String(1_000_000 + made)}`, desk: deskPem }
}

/** As a card is first: the PIN is the default one and has to be changed. */
export const firstSecrets = (): Secrets => secretsFrom({ pin: DEFAULT, puk: 'firstpuk' })

export async function create(spot: Spot, name: string, secrets: Secrets, pinTries = PIN_TRIES): Promise<TpmVault> {
  const isDefault = secrets.pin === DEFAULT
  return createTpmCard(spot, {
    name,
    pin: utf8(secrets.pin),
    puk: utf8(secrets.puk),
    pinTries,
    pukTries: PIN_TRIES,
    helpDeskKey: helpDeskKeyBlob(createPublicKey(createPrivateKey(secrets.desk))),
    adminKey: Uint8Array.of(0x08, ...randomBytes(16)),
    unlockSeconds: 60,
    mustChangePin: isDefault,
    defaults: isDefault ? ['pin'] : [],
    ownerPassword: new Uint8Array(0),
  })
}

/** Opens a card for the time of `work`. */
export async function withCard<T>(spot: Spot, name: string, work: (card: TpmVault) => Promise<T>): Promise<T> {
  const card = await openTpmCard(spot, name)
  try {
    return await work(card)
  } finally {
    await card.close()
  }
}

export const destroy = (spot: Spot, name: string): Promise<void> => destroyTpmCard(spot, name, new Uint8Array(0))

export const makeKey = async (card: TpmVault): Promise<void> => {
  await card.keys.generate(SLOT, { algorithm: 'P-256', pinPolicy: 'once' })
}

export const verifyPin = (card: TpmVault, pin: string): Promise<void> => card.pins.verifyPin(utf8(pin))
export const changePin = (card: TpmVault, { pin, newPin }: Secrets): Promise<void> =>
  card.pins.changePin(utf8(pin), utf8(newPin))
export const changePuk = (card: TpmVault, { puk, newPuk }: Secrets): Promise<void> =>
  card.pins.changePuk(utf8(puk), utf8(newPuk))
export const unblock = (card: TpmVault, { puk, newPin }: Secrets): Promise<void> =>
  card.pins.unblockPin(utf8(puk), utf8(newPin))

/** A call to the help desk and back. */
export async function unblockByDesk(card: TpmVault, secrets: Secrets): Promise<void> {
  const response = respond(formatChallenge(await card.pins.challenge()), createPrivateKey(secrets.desk))
  await card.pins.unblockWithResponse(response, utf8(secrets.newPin))
}

/** Signs with the key of the card; true when the signature is good. Throws where the card refuses. */
export async function signs(card: TpmVault, slot: Slot = SLOT): Promise<boolean> {
  const message = randomBytes(20)
  const digest = Uint8Array.from(createHash('sha256').update(message).digest())
  const signature = await card.keys.signDigest(slot, digest)
  const spki = card.keys.find(slot)?.spki ?? new Uint8Array(0)
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  return verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

/** `ok`, or the code of the CardError that `work` ends with; another error passes. */
export async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'ok'
  } catch (error) {
    if (error instanceof CardError) return error.code
    throw error
  }
}
