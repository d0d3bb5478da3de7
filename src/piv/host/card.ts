/**
 * `Card`: what a program does with a card, a TPM card and a card in a reader alike. It speaks PIV over a channel; what
 * PIV has no command for, it asks of the channel's `local`, which only a card in this process has.
 */
import type { KeyObject } from 'node:crypto'
import type { CardChannel, LocalCard } from '../../channel.ts'
import { CardError } from '../../errors.ts'
import { type Algorithm, parseAlgorithm } from '../algorithms.ts'
import { pinBytes, type Secret } from '../pin.ts'
import { defaultPinPolicy, PIN_POLICIES, type PinPolicy, parseSlot, type Slot } from '../slots.ts'
import { type AdminKey, authenticateAdmin } from './admin.ts'
import { type CardCertificate, deleteCertificate, readCertificate, writeCertificate } from './certificates.ts'
import { Exchange } from './exchange.ts'
import { CardKeys, type KeyInfo } from './key-info.ts'
import { agree, decrypt, generate, signDigest } from './keys.ts'
import { deleteObject, listObjects, type ObjectInfo, readObject, writeObject } from './objects.ts'
import type { DecryptOptions } from './padding.ts'
import { changePin, changePuk, type PinStatus, pinStatus, unblockPin, verifyPin, withSecrets } from './pins.ts'
import { Selection } from './selection.ts'
import { digestOf, type SignatureOptions, signatureParameters } from './signature.ts'
import { type Cancellable, untilTurn } from './waiting.ts'

export interface GenerateKeyOptions extends Cancellable {
  /** P-256 unless said otherwise. */
  readonly algorithm?: Algorithm | string
  /** What SP 800-73 has for the slot unless said otherwise: 9c `always`, 9e `never`, others `once`. */
  readonly pinPolicy?: PinPolicy
}

export interface VerifyPinOptions {
  /** Refuses to try when fewer tries are left: 2 keeps the last one. */
  readonly minTriesLeft?: number
}

/** @example const signature = await card.sign('9a', message, { hash: 'SHA-256' }) */
export class Card {
  readonly #channel: CardChannel
  readonly #exchange: Exchange
  readonly #keys: CardKeys
  readonly #selection: Selection

  /** Use createCard or openCard. */
  constructor(channel: CardChannel) {
    this.#channel = channel
    this.#exchange = new Exchange(channel)
    this.#keys = new CardKeys(channel.local)
    this.#selection = new Selection(channel)
  }

  /** Of a card in a reader that of the reader, as `--card` takes it: `reader:NAME`. */
  get name(): string {
    const { reader } = this.#channel
    return reader === undefined ? this.#local().name : `reader:${reader}`
  }

  /** `software` for every simulator, also behind a device file. */
  get assurance(): 'hardware' | 'software' {
    return this.#local().assurance
  }

  // --- PIN, PUK, help desk, admin key ---------------------------------------------------------------------------

  /** @throws PinError ERR_PIN_WRONG with triesLeft, ERR_PIN_BLOCKED, ERR_PIN_LAST_TRY, ERR_PIN_FORMAT (no try spent) */
  verifyPin(pin: Secret, options: VerifyPinOptions = {}): Promise<void> {
    return this.#transaction(async (exchange) => {
      await this.#keys.beforeVerify(exchange)
      await verifyPin(exchange, this.#channel.local, pin, options.minTriesLeft ?? 0)
    })
  }

  /** Forgets that the PIN was verified, and every other proof. */
  lock(): Promise<void> {
    return this.#channel.transaction(async () => {
      this.#selection.lost()
      await this.#channel.reset()
    })
  }

  pinStatus(): Promise<PinStatus> {
    return this.#transaction((exchange) => pinStatus(exchange, this.#channel.local))
  }

  /** Atomic and final: the old PIN never works again. The card is unlocked by it. @throws PinError */
  changePin(secrets: { readonly pin: Secret; readonly newPin: Secret }): Promise<void> {
    return this.#transaction((exchange) => changePin(exchange, secrets))
  }

  /** @throws PinError ERR_PUK_WRONG with triesLeft, ERR_PUK_BLOCKED, ERR_PUK_ABSENT, ERR_PUK_FORMAT */
  changePuk(secrets: { readonly puk: Secret; readonly newPuk: Secret }): Promise<void> {
    return this.#transaction((exchange) => changePuk(exchange, this.#channel.local, secrets))
  }

  /** Sets a new PIN with all its tries. The card is not unlocked by it: verify the new PIN. @throws PinError */
  unblockPin(secrets: { readonly puk: Secret; readonly newPin: Secret }): Promise<void> {
    return this.#transaction((exchange) => unblockPin(exchange, this.#channel.local, secrets))
  }

  /** A challenge to read to the help desk. It lives 15 minutes, and as long as this object. @throws PinError */
  unblockChallenge(): Promise<string> {
    return this.#channel.transaction(() => this.#local().challenge())
  }

  /** @throws PinError ERR_HELP_DESK_REFUSED; nothing was changed then */
  unblockWithResponse({ response, newPin }: { readonly response: string; readonly newPin: Secret }): Promise<void> {
    return this.#channel.transaction(() =>
      withSecrets([pinBytes(newPin)], ([fresh]) => this.#local().unblockWithResponse(response, fresh)),
    )
  }

  /** Proves the admin key (PIV 9B), both ways round. A card in this process is managed with its PIN alone. */
  authenticateAdmin(key: AdminKey): Promise<void> {
    return this.#transaction((exchange) => authenticateAdmin(exchange, key))
  }

  /** Sets another admin key; `random`: there is none from now on. Wants the PIN (in this process) or the old one. */
  changeAdminKey(key: Uint8Array | 'random'): Promise<void> {
    return this.#managing(() => this.#local().setAdminKey(key === 'random' ? undefined : key))
  }

  // --- Keys -----------------------------------------------------------------------------------------------------

  /** Makes a key on the card; it never leaves it. A key that was in the slot is gone. */
  async generateKey(slot: string, options: GenerateKeyOptions = {}): Promise<KeyObject> {
    const reference = parseSlot(slot)
    const algorithm = parseAlgorithm(options.algorithm ?? 'P-256')
    const pinPolicy = checkPolicy(options.pinPolicy ?? defaultPinPolicy(reference))
    return this.#managing(async (exchange) => {
      const publicKey = await generate(exchange, reference, algorithm, pinPolicy)
      this.#keys.made({ slot: reference, algorithm, pinPolicy, publicKey })
      return publicKey
    }, options)
  }

  /** Brings in a private key; its copies elsewhere stay what they are. */
  async importKey(
    slot: string,
    privateKey: KeyObject,
    options: { readonly pinPolicy?: PinPolicy } = {},
  ): Promise<KeyObject> {
    const reference = parseSlot(slot)
    const pinPolicy = checkPolicy(options.pinPolicy ?? defaultPinPolicy(reference))
    if (privateKey.type !== 'private') throw new CardError('ERR_DATA', 'Only a private key can be imported.')
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
    await withSecrets([pkcs8], ([octets]) =>
      this.#managing(() => this.#local().importKey(reference, octets, pinPolicy)),
    )
    return (await this.keyInfo(slot)).publicKey
  }

  async deleteKey(slot: string): Promise<void> {
    const reference = parseSlot(slot)
    await this.#managing(() => this.#local().deleteKey(reference))
  }

  async moveKey(from: string, to: string): Promise<void> {
    const [source, target] = [parseSlot(from), parseSlot(to)]
    await this.#managing(() => this.#local().moveKey(source, target))
  }

  keys(): Promise<KeyInfo[]> {
    return this.#transaction((exchange) => this.#keys.list(exchange))
  }

  /** @throws CardError ERR_KEY_ABSENT */
  async keyInfo(slot: string): Promise<KeyInfo> {
    const reference = parseSlot(slot)
    return this.#transaction(async (exchange) => present(reference, await this.#keys.find(exchange, reference)))
  }

  /**
   * Signs the octets of a message. ECDSA answers DER, or r || s for `format: 'raw'`; RSA is PKCS#1 v1.5, or PSS.
   * @throws PinError ERR_PIN_REQUIRED, ERR_PIN_CHANGE_REQUIRED; CardError ERR_KEY_ABSENT
   */
  async sign(
    slot: string,
    data: Uint8Array | AsyncIterable<Uint8Array>,
    options: SignatureOptions & Cancellable = {},
  ): Promise<Uint8Array> {
    const { hash } = signatureParameters(options)
    const digest = digestOf(data, hash, options)
    return this.signDigest(slot, digest instanceof Uint8Array ? digest : await digest, options)
  }

  /** Signs a digest. For RSA its length must be that of the hash. @throws as `sign` */
  async signDigest(
    slot: string,
    digest: Uint8Array,
    options: SignatureOptions & Cancellable = {},
  ): Promise<Uint8Array> {
    const reference = parseSlot(slot)
    const parameters = signatureParameters(options)
    return this.#using(reference, options, (exchange, key) => signDigest(exchange, key, digest, parameters))
  }

  /** Decrypts with an RSA key: OAEP, or PKCS#1 v1.5. @throws CardError ERR_DATA, the same for whatever is wrong */
  async decrypt(slot: string, ciphertext: Uint8Array, options: DecryptOptions & Cancellable = {}): Promise<Uint8Array> {
    return this.#using(parseSlot(slot), options, (exchange, key) => decrypt(exchange, key, ciphertext, options))
  }

  /** ECDH: x coordinate of the shared point, of the curve's size. Derive keys from it, do not use it as one. */
  async deriveSecret(slot: string, peer: KeyObject, options: Cancellable = {}): Promise<Uint8Array> {
    return this.#using(parseSlot(slot), options, (exchange, key) => agree(exchange, key, peer))
  }

  // --- Certificates and objects ---------------------------------------------------------------------------------

  /** The certificate in a slot, with its chain; undefined where there is none. */
  async getCertificate(slot: string): Promise<CardCertificate | undefined> {
    const reference = parseSlot(slot)
    return this.#transaction((exchange) => readCertificate(exchange, reference))
  }

  /** `chain`: what signed the certificate, from its issuer upwards. */
  async putCertificate(slot: string, certificate: CardCertificate): Promise<void> {
    const reference = parseSlot(slot)
    await this.#managing((exchange) => writeCertificate(exchange, reference, certificate))
  }

  async deleteCertificate(slot: string): Promise<void> {
    const reference = parseSlot(slot)
    await this.#managing((exchange) => deleteCertificate(exchange, reference))
  }

  /** The data objects that are there; of a card in a reader those that NIST names and that can be read now. */
  objects(): Promise<ObjectInfo[]> {
    return this.#transaction((exchange) => listObjects(exchange, this.#channel.local))
  }

  /** Content of a data object by tag in hex or by name (`chuid`); undefined where there is none. */
  getObject(tag: string): Promise<Uint8Array | undefined> {
    return this.#transaction((exchange) => readObject(exchange, tag))
  }

  putObject(tag: string, content: Uint8Array): Promise<void> {
    return this.#managing((exchange) => writeObject(exchange, tag, content))
  }

  deleteObject(tag: string): Promise<void> {
    return this.#managing((exchange) => deleteObject(exchange, tag))
  }

  /** Lets the card go. Work under way is finished first. */
  async close(): Promise<void> {
    await this.#channel.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  // --- Inside ---------------------------------------------------------------------------------------------------

  #local(): LocalCard {
    if (this.#channel.local !== undefined) return this.#channel.local
    throw new CardError('ERR_NOT_SUPPORTED', 'Only a card in the TPM of this machine, opened by name, can do this.')
  }

  #transaction<T>(work: (exchange: Exchange) => Promise<T>, waiting: Cancellable = {}, trusting = false): Promise<T> {
    return untilTurn(waiting, (begin) =>
      this.#channel.transaction(async () => {
        begin()
        return this.#selection.with(this.#exchange, () => work(this.#exchange), trusting)
      }),
    )
  }

  /** A change of the card: who owns the card file may, once the PIN is verified. */
  #managing<T>(work: (exchange: Exchange) => Promise<T>, waiting?: Cancellable): Promise<T> {
    return this.#transaction(async (exchange) => {
      this.#channel.local?.manage()
      return work(exchange)
    }, waiting)
  }

  #using<T>(slot: Slot, waiting: Cancellable, work: (exchange: Exchange, key: KeyInfo) => Promise<T>): Promise<T> {
    return this.#transaction(
      async (exchange) => work(exchange, present(slot, await this.#keys.toUse(exchange, slot))),
      waiting,
      this.#keys.knows(slot),
    )
  }
}

function present(slot: Slot, key: KeyInfo | undefined): KeyInfo {
  if (key !== undefined) return key
  throw new CardError('ERR_KEY_ABSENT', `There is no key in slot ${slot}. Make one: tessera key generate ${slot}.`)
}

function checkPolicy(policy: string): PinPolicy {
  const found = PIN_POLICIES.find((known) => known === policy)
  if (found !== undefined) return found
  throw new CardError('ERR_NOT_SUPPORTED', `There is no PIN policy '${policy}'. Use one of ${PIN_POLICIES.join(', ')}.`)
}
