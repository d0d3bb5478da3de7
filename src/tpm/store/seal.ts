// The two MACs over a card file, and what each covers. Against whom they stand: docs/lock.md, "The seal of the card file".
import { createHmac, timingSafeEqual } from 'node:crypto'
import { copyOf, utf8, wipe } from '../../bytes.ts'
import { FileError, PinError } from '../../errors.ts'
import { spell } from '../../files/sealed-text.ts'
import type { CardFile, SealedCard } from './card-file.ts'

/** All but the name, which is that of the file: renaming needs no TPM. */
function wholeText({ name: _, seal, ...card }: SealedCard): string {
  return spell({ ...card, seal: { ...seal, mac: undefined } })
}

/**
 * What only the PIN can change: the lock and the settings for ever, the flags of the PIN, and the keys where the card has
 * no admin key. Whoever has an admin key makes keys without the PIN, and whoever reaches the TPM has the admin key.
 */
function pinText(card: CardFile, coversKeys: boolean): string {
  const {
    cardId,
    created,
    srk,
    tpm,
    pin,
    puk,
    burnKey,
    approvals,
    helpDeskKey,
    unlockSeconds,
    pinRules,
    model,
    flags,
  } = card
  return spell({
    ...{ cardId, created, srk, tpm, pin, puk, burnKey, approvals, helpDeskKey, unlockSeconds, pinRules, model },
    mustChangePin: flags.mustChangePin,
    defaultPin: flags.defaults.includes('pin'),
    keys: coversKeys ? card.keys : undefined,
    adminKey: coversKeys ? card.adminKey !== undefined : undefined,
  })
}

const macOf = (key: Uint8Array, label: string, text: string): Uint8Array =>
  copyOf(createHmac('sha256', key).update(utf8(label)).update(utf8(text)).digest())
/** The MAC that `key`, sealed under the storage key, makes. */
export const wholeMac = (key: Uint8Array, card: SealedCard) => macOf(key, 'Tessera card file\n', wholeText(card))
const pinMac = (key: Uint8Array, card: CardFile, coversKeys: boolean) =>
  macOf(key, 'Tessera card file, PIN\n', pinText(card, coversKeys))

/** The file at `path` holds something else than what Tessera wrote there last. */
export const changedByOthers = (name: string, path: string, cause?: unknown): FileError =>
  changed(name, path, { before: '', after: ' Nothing of it was used.' }, cause)

/** The same, found only after a new PIN was set. */
export const changedBeforeNewPin = (name: string, path: string, cause: unknown): FileError =>
  changed(name, path, { before: 'The PIN was changed, but ', after: '' }, cause)

function changed(name: string, path: string, said: { before: string; after: string }, cause: unknown): FileError {
  const what = `${said.before}${path} was changed by somebody: its seal does not match its contents.${said.after}`
  const advice = `Put back a copy of the file; without one, remove the card (tessera destroy ${name} --yes) and revoke its certificates.`
  return new FileError('ERR_CARD_FILE', `${what} ${advice}`, { cause, path })
}

/** The parts of a new seal, without its MACs. */
export interface SealParts {
  readonly key: SealedCard['seal']['key']
  readonly pin: Pick<SealedCard['seal']['pin'], 'key' | 'approval'>
}

/** A new card, with both MACs. */
export function sealCard(card: CardFile, parts: SealParts, keys: { whole: Uint8Array; pin: Uint8Array }): SealedCard {
  const coversKeys = card.adminKey === undefined
  const pin = { ...parts.pin, coversKeys, mac: pinMac(keys.pin, card, coversKeys) }
  return withWholeMac(keys.whole, { ...card, seal: { key: parts.key, pin, mac: new Uint8Array(32) } })
}

const withWholeMac = (key: Uint8Array, card: SealedCard): SealedCard => ({
  ...card,
  seal: { ...card.seal, mac: wholeMac(key, card) },
})

/** The keys of one card's seal, while it is open: that behind the PIN from the first VERIFY on. */
export class SealKeys {
  readonly #whole: Uint8Array
  #pin: Uint8Array | undefined

  /** The key becomes this object's own. */
  constructor(whole: Uint8Array) {
    this.#whole = whole
  }

  get knowsPinKey(): boolean {
    return this.#pin !== undefined
  }

  /**
   * Adds the key behind the PIN, if what it seals is as it was. The key becomes this object's own.
   * @throws FileError ERR_CARD_FILE
   */
  addPinKey(key: Uint8Array, card: SealedCard, path: string): void {
    if (!this.#fitsPin(key, card)) {
      wipe(key)
      throw changedByOthers(card.name, path)
    }
    this.#pin = key
  }

  #fitsPin(key: Uint8Array, { seal, ...card }: CardFile): boolean {
    return seal !== undefined && timingSafeEqual(seal.pin.mac, pinMac(key, card, seal.pin.coversKeys))
  }

  wipe(): void {
    wipe(this.#whole, this.#pin)
  }

  /** @throws FileError ERR_CARD_FILE */
  check(card: CardFile, path: string): asserts card is SealedCard {
    const { seal } = card
    const fits =
      seal !== undefined &&
      timingSafeEqual(seal.mac, wholeMac(this.#whole, { ...card, seal })) &&
      (this.#pin === undefined || this.#fitsPin(this.#pin, card))
    if (!fits) throw changedByOthers(card.name, path)
  }

  /** The new content of a file that now holds `before`, sealed. @throws FileError ERR_CARD_FILE; PinError ERR_PIN_REQUIRED */
  reseal(before: CardFile, after: CardFile, path: string): SealedCard {
    this.check(before, path)
    const { pin } = before.seal
    const coversKeys = this.#pin === undefined ? pin.coversKeys : after.adminKey === undefined
    const isSame = coversKeys === pin.coversKeys && pinText(after, coversKeys) === pinText(before, coversKeys)
    if (!isSame && this.#pin === undefined) throw pinRequired()
    const mac = isSame || this.#pin === undefined ? pin.mac : pinMac(this.#pin, after, coversKeys)
    return withWholeMac(this.#whole, { ...after, seal: { ...before.seal, pin: { ...pin, coversKeys, mac } } })
  }
}

const pinRequired = () => new PinError('ERR_PIN_REQUIRED', 'This change needs the PIN. Verify the PIN first.')
