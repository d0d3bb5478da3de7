// `Card`: what a program does with a card. First cut: straight over a vault; the card edge comes between later.
import type { KeyObject } from 'node:crypto'
import { createPublicKey } from 'node:crypto'
import { equal, utf8, wipe } from '../../bytes.ts'
import { CardError, PinError } from '../../errors.ts'
import { ALGORITHMS, type Algorithm, parseAlgorithm } from '../algorithms.ts'
import type { KeyOrigin, Vault, VaultKey } from '../card/vault.ts'
import { DEFAULT_PIN, DEFAULT_PUK, pinBytes, pukBytes, type Secret } from '../pin.ts'
import { defaultPinPolicy, PIN_POLICIES, type PinPolicy, parseSlot, SLOTS, type Slot } from '../slots.ts'
import { digestOf, encodeSignature, rsaBlock, type SignatureOptions, signatureParameters } from './signature.ts'

export interface KeyInfo {
  readonly slot: Slot
  /** `authentication`, `signature`, … */
  readonly name: string
  readonly algorithm: Algorithm
  readonly pinPolicy: PinPolicy
  readonly origin: KeyOrigin
  readonly publicKey: KeyObject
}

export interface PinStatus {
  /** Wrong tries that are left; undefined when nobody can know. */
  readonly triesLeft?: number
  readonly tries: number
  readonly blocked: boolean
  /** True while the PIN that was verified still serves. */
  readonly verified: boolean
  /** True while the PIN has to be changed before the first private-key operation. */
  readonly mustChange: boolean
  /** True when the count comes from this machine's memory and not from the TPM. */
  readonly advisory: boolean
  readonly puk?: { readonly triesLeft?: number; readonly tries: number }
}

/** What only a card in this process has, and PIV has no command for. */
export interface LocalCard {
  readonly name: string
  readonly assurance: 'hardware' | 'software'
  mustChangePin(): boolean
  challenge(): Promise<string>
  unblockWithResponse(response: string, newPin: Uint8Array): Promise<void>
}

export interface GenerateKeyOptions {
  /** P-256 unless said otherwise. */
  readonly algorithm?: Algorithm | string
  /** What SP 800-73 has for the slot unless said otherwise: 9c `always`, 9e `never`, others `once`. */
  readonly pinPolicy?: PinPolicy
}

/** @example const signature = await card.sign('9a', message, { hash: 'SHA-256' }) */
export class Card {
  readonly #vault: Vault
  readonly #local: LocalCard

  /** Use createCard or openCard. */
  constructor(vault: Vault, local: LocalCard) {
    this.#vault = vault
    this.#local = local
  }

  get name(): string {
    return this.#local.name
  }

  /** `software` for every simulator, also behind a device file. */
  get assurance(): 'hardware' | 'software' {
    return this.#local.assurance
  }

  /** @throws PinError ERR_PIN_WRONG with triesLeft, ERR_PIN_BLOCKED, ERR_PIN_FORMAT (no try spent) */
  async verifyPin(pin: Secret): Promise<void> {
    await wiping([pinBytes(pin)], ([octets]) => this.#vault.pins.verifyPin(octets))
  }

  /** Forgets that the PIN was verified. */
  lock(): void {
    this.#vault.pins.lock()
  }

  async pinStatus(): Promise<PinStatus> {
    await this.#vault.pins.disarm()
    const pin = await this.#vault.pins.pinCounter()
    const puk = await this.#vault.pins.pukCounter()
    return {
      ...(pin.left === undefined ? {} : { triesLeft: pin.left }),
      tries: pin.limit,
      blocked: pin.left === 0,
      verified: this.#vault.pins.unlocked,
      mustChange: this.#local.mustChangePin(),
      advisory: pin.advisory,
      ...(puk === undefined
        ? {}
        : { puk: { ...(puk.left === undefined ? {} : { triesLeft: puk.left }), tries: puk.limit } }),
    }
  }

  /** Atomic and final: the old PIN never works again. The card is unlocked by it. @throws PinError */
  async changePin({ pin, newPin }: { readonly pin: Secret; readonly newPin: Secret }): Promise<void> {
    await wiping([pinBytes(pin), newPinBytes(newPin)], ([old, fresh]) => this.#vault.pins.changePin(old, fresh))
  }

  /** @throws PinError ERR_PUK_WRONG with triesLeft, ERR_PUK_BLOCKED, ERR_PUK_ABSENT, ERR_PUK_FORMAT */
  async changePuk({ puk, newPuk }: { readonly puk: Secret; readonly newPuk: Secret }): Promise<void> {
    await wiping([pukBytes(puk), newPukBytes(newPuk)], ([old, fresh]) => this.#vault.pins.changePuk(old, fresh))
  }

  /** Sets a new PIN with all its tries. The card is not unlocked by it: verify the new PIN. @throws PinError */
  async unblockPin({ puk, newPin }: { readonly puk: Secret; readonly newPin: Secret }): Promise<void> {
    await wiping([pukBytes(puk), newPinBytes(newPin)], ([octets, fresh]) => this.#vault.pins.unblockPin(octets, fresh))
  }

  /** A challenge to read to the help desk. It lives 15 minutes, and as long as this object. @throws PinError */
  async unblockChallenge(): Promise<string> {
    return this.#local.challenge()
  }

  /** @throws PinError ERR_HELP_DESK_REFUSED; nothing was changed then */
  async unblockWithResponse({
    response,
    newPin,
  }: {
    readonly response: string
    readonly newPin: Secret
  }): Promise<void> {
    await wiping([newPinBytes(newPin)], ([fresh]) => this.#local.unblockWithResponse(response, fresh))
  }

  /** Makes a key in the TPM; it never leaves it. A key that was in the slot is gone. Wants a verified PIN. */
  async generateKey(slot: string, options: GenerateKeyOptions = {}): Promise<KeyObject> {
    const reference = parseSlot(slot)
    const algorithm = parseAlgorithm(options.algorithm ?? 'P-256')
    const pinPolicy = checkPolicy(options.pinPolicy ?? defaultPinPolicy(reference))
    await this.#manage()
    return keyInfo(await this.#vault.keys.generate(reference, { algorithm, pinPolicy })).publicKey
  }

  /** Brings in a private key; its copies elsewhere stay what they are. Wants a verified PIN. */
  async importKey(
    slot: string,
    privateKey: KeyObject,
    options: { readonly pinPolicy?: PinPolicy } = {},
  ): Promise<KeyObject> {
    const reference = parseSlot(slot)
    const pinPolicy = checkPolicy(options.pinPolicy ?? defaultPinPolicy(reference))
    if (privateKey.type !== 'private') throw new CardError('ERR_DATA', 'Only a private key can be imported.')
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
    await this.#manage()
    return wiping(
      [pkcs8],
      async ([octets]) => keyInfo(await this.#vault.keys.import(reference, octets, pinPolicy)).publicKey,
    )
  }

  async deleteKey(slot: string): Promise<void> {
    await this.#manage()
    await this.#vault.keys.delete(parseSlot(slot))
  }

  async moveKey(from: string, to: string): Promise<void> {
    await this.#manage()
    await this.#vault.keys.move(parseSlot(from), parseSlot(to))
  }

  keys(): KeyInfo[] {
    return this.#vault.keys.list().map(keyInfo)
  }

  /** @throws CardError ERR_KEY_ABSENT */
  keyInfo(slot: string): KeyInfo {
    return keyInfo(this.#key(parseSlot(slot)))
  }

  /**
   * Signs the octets of a message. ECDSA answers DER, or r || s for `format: 'raw'`; RSA is PKCS#1 v1.5, or PSS.
   * @throws PinError ERR_PIN_REQUIRED, ERR_PIN_CHANGE_REQUIRED; CardError ERR_KEY_ABSENT
   */
  async sign(
    slot: string,
    data: Uint8Array | AsyncIterable<Uint8Array>,
    options: SignatureOptions = {},
  ): Promise<Uint8Array> {
    const { hash } = signatureParameters(options)
    return this.signDigest(slot, await digestOf(data, hash), options)
  }

  /** Signs a digest. For RSA its length must be that of the hash. @throws as `sign` */
  async signDigest(slot: string, digest: Uint8Array, options: SignatureOptions = {}): Promise<Uint8Array> {
    const key = this.#key(parseSlot(slot))
    const parameters = signatureParameters(options)
    await this.#mayUse(key)
    const row = ALGORITHMS[key.algorithm]
    if (row.kind === 'ec') return encodeSignature(await this.#vault.keys.signDigest(key.slot, digest), parameters)
    return this.#vault.keys.rawRsa(key.slot, rsaBlock(digest, parameters, row.octets))
  }

  /** Lets the TPM go. Work under way is finished first. */
  async close(): Promise<void> {
    await this.#vault.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #key(slot: Slot): VaultKey {
    const key = this.#vault.keys.list().find((candidate) => candidate.slot === slot)
    if (key !== undefined) return key
    throw new CardError('ERR_KEY_ABSENT', `There is no key in slot ${slot}. Make one: tessera key generate ${slot}.`)
  }

  async #mayUse(key: VaultKey): Promise<void> {
    if (key.pinPolicy !== 'always') await this.#vault.pins.disarm()
    if (!this.#local.mustChangePin()) return
    throw new PinError(
      'ERR_PIN_CHANGE_REQUIRED',
      'The PIN is still the one the card was created with. Change it before the first use of a key: tessera pin change.',
    )
  }

  async #manage(): Promise<void> {
    await this.#vault.pins.disarm()
    if (this.#vault.pins.unlocked) return
    throw new PinError('ERR_PIN_REQUIRED', 'Changing the keys of a card wants its PIN. Verify the PIN first.')
  }
}

export function keyInfo(key: VaultKey): KeyInfo {
  const { slot, algorithm, pinPolicy, origin } = key
  const publicKey = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' })
  return { slot, name: SLOTS.get(slot) ?? slot, algorithm, pinPolicy, origin, publicKey }
}

function checkPolicy(policy: string): PinPolicy {
  const found = PIN_POLICIES.find((known) => known === policy)
  if (found !== undefined) return found
  throw new CardError('ERR_NOT_SUPPORTED', `There is no PIN policy '${policy}'. Use one of ${PIN_POLICIES.join(', ')}.`)
}

/** Everybody knows the defaults: they may be what a card starts with, never what it is changed to. */
function refuseDefault(
  octets: Uint8Array,
  known: string,
  code: 'ERR_PIN_FORMAT' | 'ERR_PUK_FORMAT',
  what: string,
): Uint8Array {
  if (!equal(octets, utf8(known))) return octets
  wipe(octets)
  throw new PinError(
    code,
    `That is the default ${what}, which everybody knows. Nothing was changed: choose another one.`,
  )
}

const newPinBytes = (pin: Secret) => refuseDefault(pinBytes(pin), DEFAULT_PIN, 'ERR_PIN_FORMAT', 'PIN')
const newPukBytes = (puk: Secret) => refuseDefault(pukBytes(puk), DEFAULT_PUK, 'ERR_PUK_FORMAT', 'PUK')

/** Runs `work` with copies of secrets, which are overwritten before its promise settles. */
async function wiping<const T extends readonly Uint8Array[], Result>(
  secrets: T,
  work: (secrets: T) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(secrets)
  } finally {
    wipe(...secrets)
  }
}
