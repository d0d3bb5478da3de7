// Creating cards.
import type { KeyObject } from 'node:crypto'
import { concat, secretBytes, wipe } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import { checkCardName } from '../home/home.ts'
import { ADMIN_ALGORITHMS } from '../piv/algorithms.ts'
import { FIRST_STATE, MODELS, type Model, modelOf } from '../piv/first-state.ts'
import { type AdminKey, adminAlgorithmOf } from '../piv/host/admin.ts'
import { type Card, cardOver } from '../piv/host/card.ts'
import { checkTries, type Secret } from '../piv/pin.ts'
import { checkNewPin, type PinRules } from '../piv/pin-quality.ts'
import { withFirstSecrets } from '../tpm/first-secrets.ts'
import { helpDeskKeyBlob } from '../tpm/help-desk.ts'
import { createTpmCard } from '../tpm/open.ts'
import { resolveTcti } from '../tpm/tcti.ts'
import { type LocalOptions, localChannel } from './local-card.ts'
import { checkMinutes } from './place.ts'
import { readerOfCard } from './reader-probe.ts'

export interface CreateCardOptions {
  /** 1 to 64 letters, digits, dots, hyphens and underscores. */
  readonly name: string
  /** TCTI string, or `embedded:`. Defaults to $TESSERA_TCTI, else the computer's TPM, else `embedded:`. */
  readonly tcti?: string
  /** Folder of the cards. Defaults to $TESSERA_HOME, else $XDG_DATA_HOME/tessera. */
  readonly home?: string
  /**
   * `yubikey`: the first state of a YubiKey 5.4.3, for programs and tests made for those: PIN 123456, a 3DES admin key, no
   * printed information. docs/yubico.md
   */
  readonly model?: Model
  /** 6 to 8 digits. Defaults to 12345678, which must be changed before the first use of a key. */
  readonly pin?: Secret
  /** 8 printable ASCII characters; 12345678 by default. */
  readonly puk?: Secret
  /** A card without a PUK: only its help desk can unblock it. */
  readonly noPuk?: boolean
  /** PIV 9B key of 16, 24 or 32 octets (AES unless it says 3DES), or `random`: PC/SC cannot manage the card then. */
  readonly adminKey?: AdminKey | 'random'
  /** P-256 public key of a help desk, which can unblock the card from elsewhere. */
  readonly helpDeskPublicKey?: KeyObject
  /** 1 to 10 each; 5 by default. */
  readonly pinTries?: number
  readonly pukTries?: number
  /** True: the PIN must be changed before the first use of a key. Always so for the default PIN. */
  readonly mustChangePin?: boolean
  /** `strong`: the card refuses new PINs that are easy to guess (runs, repeats, known ones). `any` by default. */
  readonly pinPolicy?: 'any' | 'strong'
  /** The fewest digits of a new PIN: 6 to 8, 6 by default. */
  readonly minPinLength?: number
  /** How long a verified PIN unlocks `once` keys, in minutes: 1 to 60, 15 by default. */
  readonly unlockMinutes?: number
  /** Gives up: no card is left behind, and the promise is rejected with its reason. */
  readonly signal?: AbortSignal
  /** Owner password of the TPM, if it has one. Only creating and destroying a card need it. */
  readonly ownerPassword?: Secret
}

/**
 * Makes a card in a TPM and opens it.
 * @throws UsageError ERR_CARD_NAME, ERR_USAGE; PinError ERR_PIN_FORMAT; CardError ERR_CARD_EXISTS; TpmError; FileError
 */
export function createCard(options: CreateCardOptions): Promise<Card> {
  return makeCard(options)
}

/** The same for the enrolment station, which prepares a card for its first user. Not exported to programs. */
export async function makeCard(options: CreateCardOptions, local: LocalOptions = {}): Promise<Card> {
  const name = checkCardName(options.name)
  const { tries } = FIRST_STATE[checkModel(options)]
  const pinTries = checkTries(options.pinTries ?? tries, 'PIN')
  const pukTries = checkTries(options.pukTries ?? tries, 'PUK')
  const unlockSeconds = checkMinutes(options.unlockMinutes ?? 15) * 60
  const helpDeskKey = options.helpDeskPublicKey === undefined ? undefined : helpDeskKeyBlob(options.helpDeskPublicKey)
  const pinRules = pinRulesOf(options)
  const adminKey = adminKeyOf(options.adminKey)
  const ownerPassword = secretBytes(options.ownerPassword ?? '')
  try {
    return await withFirstSecrets({ ...options, adminKey }, async (secrets) => {
      // The default PIN is changed before anything else.
      if (!secrets.defaults.includes('pin')) checkNewPin(secrets.pin, pinRules)
      const mustChangePin = options.mustChangePin === true || secrets.defaults.includes('pin')
      const place = {
        home: options.home,
        tcti: resolveTcti(options.tcti).tcti,
        signal: options.signal,
        readerOf: readerOfCard,
      }
      const { model } = options
      const counted = { pinTries, pukTries, helpDeskKey, unlockSeconds }
      const settings = { ...counted, name, mustChangePin, pinRules, model, ownerPassword }
      return cardOver(localChannel(await createTpmCard(place, { ...secrets, ...settings }), local))
    })
  } finally {
    wipe(ownerPassword)
  }
}

/** @throws UsageError ERR_USAGE */
function checkModel(options: CreateCardOptions): Model {
  const model = modelOf(options)
  if (MODELS.includes(model)) return model
  throw new UsageError('ERR_USAGE', `The model of a card must be ${MODELS.join(' or ')}.`)
}

/** @throws UsageError ERR_USAGE */
function pinRulesOf({ pinPolicy = 'any', minPinLength = 6 }: CreateCardOptions): PinRules | undefined {
  const isKnown = pinPolicy === 'any' || pinPolicy === 'strong'
  if (!isKnown || !Number.isInteger(minPinLength) || minPinLength < 6 || minPinLength > 8) {
    throw new UsageError('ERR_USAGE', 'The PIN policy must be any or strong, and the minimum PIN length 6, 7 or 8.')
  }
  const refuseWeak = pinPolicy === 'strong'
  return refuseWeak || minPinLength > 6 ? { minLength: minPinLength, refuseWeak } : undefined
}

/** As the vault stores it: algorithm identifier, then the key. */
function adminKeyOf(given: AdminKey | 'random' | undefined): Uint8Array | 'none' | undefined {
  if (given === undefined) return undefined
  if (given === 'random') return 'none'
  const { key, algorithm } = adminAlgorithmOf(given)
  return concat(Uint8Array.of(ADMIN_ALGORITHMS[algorithm].id), key)
}
