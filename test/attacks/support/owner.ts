// The honest side: a card that the product made, and what its owner knows.
import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type PinPolicy, parseSlot, type Slot } from '../../../src/piv/slots.ts'
import { formatChallenge, helpDeskKeyBlob, respond } from '../../../src/tpm/help-desk.ts'
import { authValue } from '../../../src/tpm/lock/auth-value.ts'
import type { LockTable } from '../../../src/tpm/lock/table.ts'
import { createTpmCard, type NewCard } from '../../../src/tpm/open.ts'
import type { Role } from '../../../src/tpm/policy/terms.ts'
import { type CardFile, decodeCardFile } from '../../../src/tpm/store/card-file.ts'
import type { Place } from '../../../src/tpm/stores.ts'
import type { TpmVault } from '../../../src/tpm/vault/vault.ts'
import { ascii, concat, i32 } from '../../support/wire.ts'
import type { Bench } from './bench.ts'

export const PIN = '135790'
export const PUK = 'pukpuk42'
export const NEW_PIN = '24681012'
export const slot = (reference: string): Slot => parseSlot(reference)
export const AUTHENTICATION = slot('9a')

export interface CardOptions {
  readonly pin?: string
  readonly puk?: string
  readonly pinTries?: number
  readonly unlockSeconds?: number
  readonly adminKey?: Uint8Array
  readonly ownerPassword?: Uint8Array
  /** P-256 keys to make, by slot. Default: 9a, `once`. */
  readonly keys?: Readonly<Record<string, PinPolicy>>
  /** With a help desk of its own. */
  readonly withHelpDesk?: boolean
  /** Private key of a help desk that has other cards as well. */
  readonly helpDesk?: KeyObject
  readonly table?: LockTable
}

export class CardOwner {
  readonly place: Place & { readonly home: string }
  readonly vault: TpmVault
  readonly pin: string
  readonly puk: string
  readonly #helpDesk: KeyObject | undefined

  constructor(
    place: Place & { readonly home: string },
    vault: TpmVault,
    pin: string,
    puk: string,
    helpDesk: KeyObject | undefined,
  ) {
    this.place = place
    this.vault = vault
    this.pin = pin
    this.puk = puk
    this.#helpDesk = helpDesk
  }

  get name(): string {
    return this.vault.card.name
  }

  get path(): string {
    return join(this.place.home, 'cards', `${this.name}.card`)
  }

  /** The card file as it is on the disk: what the attacker has. */
  get file(): CardFile {
    return decodeCardFile(readFileSync(this.path), this.path)
  }

  /** authValue of a secret of this card. */
  auth(role: Role, secret: string): Uint8Array {
    return authValue(this.vault.card.cardId, role, ascii(secret))
  }

  get helpDesk(): KeyObject {
    if (this.#helpDesk === undefined) throw new Error('this card has no help desk')
    return this.#helpDesk
  }

  /** What the help desk answers to a challenge: r || s. `cardId`: for which card it is asked. */
  respond(nonce: Uint8Array, cardId = this.vault.card.cardId, seconds = 900): Uint8Array {
    const said = concat(nonce, i32(-seconds), ascii('unblock'), cardId)
    return Uint8Array.from(sign('sha256', said, { key: this.helpDesk, dsaEncoding: 'ieee-p1363' }))
  }

  verifyPin(pin = this.pin): Promise<void> {
    return this.vault.pins.verifyPin(ascii(pin))
  }

  unblock(newPin = NEW_PIN): Promise<void> {
    return this.vault.pins.unblockPin(ascii(this.puk), ascii(newPin))
  }

  async unblockByHelpDesk(newPin = NEW_PIN): Promise<string> {
    const response = respond(formatChallenge(await this.vault.pins.challenge()), this.helpDesk)
    await this.vault.pins.unblockWithResponse(response, ascii(newPin))
    return response
  }

  sign(digest: Uint8Array, where: Slot = AUTHENTICATION): Promise<Uint8Array> {
    return this.vault.keys.signDigest(where, digest)
  }

  /** Whether r || s is a signature of the SHA-256 digest of `message` by the key in this slot. */
  verifies(message: Uint8Array, signature: Uint8Array, where: Slot = AUTHENTICATION): boolean {
    const key = this.vault.keys.find(where)
    if (key === undefined) throw new Error(`no key in ${where}`)
    const publicKey = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' })
    return verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
  }
}

let cards = 0

/** The request for a card with test settings: PIN and PUK as above, three tries each. */
export function cardRequest(options: Partial<NewCard> = {}): NewCard {
  cards += 1
  return {
    name: `card-${cards}`,
    pin: ascii(PIN),
    puk: ascii(PUK),
    pinTries: 3,
    pukTries: 3,
    // With one, keys are made without the PIN.
    adminKey: new Uint8Array(17).fill(8),
    unlockSeconds: 900,
    mustChangePin: false,
    defaults: [],
    ownerPassword: new Uint8Array(0),
    ...options,
  }
}

export async function issueCard(bench: Bench, table: LockTable, options: CardOptions = {}): Promise<CardOwner> {
  const {
    keys = { '9a': 'once' },
    pin = PIN,
    puk = PUK,
    withHelpDesk,
    helpDesk: shared,
    table: own,
    ...request
  } = options
  const helpDesk = withHelpDesk ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey : shared
  const helpDeskKey = helpDesk === undefined ? undefined : helpDeskKeyBlob(createPublicKey(helpDesk))
  const place = { ...bench.place, table: own ?? table }
  const vault = await createTpmCard(
    place,
    cardRequest({
      ...request,
      pin: ascii(pin),
      puk: ascii(puk),
      ...(helpDeskKey === undefined ? {} : { helpDeskKey }),
    }),
  )
  for (const [where, pinPolicy] of Object.entries(keys)) {
    await vault.keys.generate(slot(where), { algorithm: 'P-256', pinPolicy })
  }
  return new CardOwner(place, vault, pin, puk, helpDesk)
}
