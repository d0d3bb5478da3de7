/**
 * `Card`: what a program does with a card, a TPM card and a card in a reader alike. It speaks PIV over a channel; what
 * PIV has no command for, it asks of the channel's `local`, which only a card in this process has.
 */

import type { KeyObject } from 'node:crypto'
import { isUint8Array } from 'node:util/types'
import type { CardChannel, LocalCard } from '../../channel.ts'
import { CardError } from '../../errors.ts'
import { type Algorithm, parseAlgorithm } from '../algorithms.ts'
import { pinBytes, type Secret } from '../pin.ts'
import { defaultPinPolicy, PIN_POLICIES, type PinPolicy, parseSlot, type Slot } from '../slots.ts'
import { type AdminKey, authenticateAdmin } from './admin.ts'
import { attest, attestationIssuer } from './attestation.ts'
import { type CardCertificate, deleteCertificate, readCertificate, writeCertificate } from './certificates.ts'
import type { Exchange } from './exchange.ts'
import type { AdminKeyInfo } from './extras.ts'
import type { KeyInfo } from './key-info.ts'
import { agreement, decryption, generate, signing } from './keys.ts'
import { changeAdminKey, importKey, moveKey } from './manage.ts'
import { deleteObject, listObjects, type ObjectInfo, readObject, writeObject } from './objects.ts'
import type { DecryptOptions } from './padding.ts'
import { changePin, changePuk, type PinStatus, pinStatus, unblockPin, withSecrets } from './pins.ts'
import { present, Session, type UseOptions } from './session.ts'
import { digestOf, octetsOf, type SignatureOptions, signatureParameters } from './signature.ts'
import type { Cancellable } from './waiting.ts'

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

/** The session of a card, for the parts of this library that do with its keys what `Card` offers nobody. */
export let sessionOf: (card: Card) => Session

/** @example const signature = await card.sign('9a', message, { hash: 'SHA-256' }) */
export class Card {
  static {
    sessionOf = (card) => card.#session
  }

  readonly #channel: CardChannel
  readonly #session: Session

  /** Use createCard or openCard. */
  constructor(channel: CardChannel) {
    this.#channel = channel
    this.#session = new Session(channel)
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

  /**
   * From now on the keys of the policy `once` serve, for as long as the card has it; of a card in this process also, once
   * and right after, one of the policy `always`. Over a reader such a key wants its PIN with the use: `sign(…, { pin })`.
   * @throws PinError ERR_PIN_WRONG with triesLeft, ERR_PIN_BLOCKED, ERR_PIN_LAST_TRY, ERR_PIN_FORMAT (no try spent)
   */
  verifyPin(pin: Secret, { minTriesLeft = 0 }: VerifyPinOptions = {}): Promise<void> {
    return this.#session.verify(pin, minTriesLeft)
  }

  /** Forgets that the PIN was verified, and every other proof. */
  lock(): Promise<void> {
    return this.#session.reset()
  }

  pinStatus(): Promise<PinStatus> {
    return this.#session.transaction((exchange) => pinStatus(exchange, this.#session.secrets))
  }

  /** Atomic and final: the old PIN never works again. The card is unlocked by it. @throws PinError */
  changePin(secrets: { readonly pin: Secret; readonly newPin: Secret }): Promise<void> {
    return this.#session.proving((exchange) => changePin(exchange, secrets))
  }

  /** @throws PinError ERR_PUK_WRONG with triesLeft, ERR_PUK_BLOCKED, ERR_PUK_ABSENT, ERR_PUK_FORMAT */
  changePuk(secrets: { readonly puk: Secret; readonly newPuk: Secret }): Promise<void> {
    return this.#session.transaction((exchange) => changePuk(exchange, this.#session.secrets, secrets))
  }

  /** Sets a new PIN with all its tries. The card is not unlocked by it: verify the new PIN. @throws PinError */
  unblockPin(secrets: { readonly puk: Secret; readonly newPin: Secret }): Promise<void> {
    return this.#session.proving((exchange) => unblockPin(exchange, this.#session.secrets, secrets))
  }

  /** A challenge to read to the help desk. It lives 15 minutes, and as long as this object. @throws PinError */
  unblockChallenge(): Promise<string> {
    return this.#channel.transaction(async () => this.#local().challenge())
  }

  /** @throws PinError ERR_HELP_DESK_REFUSED; nothing was changed then */
  unblockWithResponse({ response, newPin }: { readonly response: string; readonly newPin: Secret }): Promise<void> {
    return this.#channel.transaction(() =>
      withSecrets([pinBytes(newPin)], ([fresh]) => this.#local().unblockWithResponse(response, fresh)),
    )
  }

  /** Proves the admin key (PIV 9B), both ways round. A card in this process is managed with its PIN alone. */
  authenticateAdmin(key: AdminKey): Promise<void> {
    return this.#session.transaction((exchange) => authenticateAdmin(exchange, key))
  }

  /** What the card says of its admin key; undefined where it says nothing, or has none. */
  adminKeyInfo(): Promise<AdminKeyInfo | undefined> {
    return this.#session.transaction(async (exchange) => {
      const told = await this.#session.extras.adminKey(exchange)
      return told === 'absent' ? undefined : told
    })
  }

  /**
   * Sets another admin key; `random`: nobody has it from now on. Wants the PIN (in this process) or the old one.
   * @throws PinError ERR_ADMIN_REQUIRED, ERR_PIN_REQUIRED; CardError ERR_NOT_SUPPORTED; UsageError ERR_USAGE
   */
  changeAdminKey(key: AdminKey | 'random'): Promise<void> {
    const { local } = this.#channel
    return this.#session.managing((exchange) =>
      local === undefined
        ? changeAdminKey(exchange, this.#session.extras, key)
        : local.setAdminKey(key === 'random' ? undefined : key),
    )
  }

  // --- Keys -----------------------------------------------------------------------------------------------------

  /** Makes a key on the card; it never leaves it. A key that was in the slot is gone. */
  async generateKey(slot: string, options: GenerateKeyOptions = {}): Promise<KeyObject> {
    const reference = parseSlot(slot)
    const algorithm = parseAlgorithm(options.algorithm ?? 'P-256')
    const pinPolicy = checkPolicy(options.pinPolicy ?? defaultPinPolicy(reference))
    return this.#session.managing(async (exchange) => {
      const publicKey = await generate(
        exchange,
        reference,
        algorithm,
        await this.#policyToSay(exchange, reference, pinPolicy),
      )
      this.#session.keys.made({ slot: reference, algorithm, pinPolicy, origin: 'generated', publicKey })
      return publicKey
    }, options)
  }

  /**
   * Brings in a private key; its copies elsewhere stay what they are.
   * @throws CardError ERR_NOT_SUPPORTED for keys that no card has, and by a card in a reader that has no command for it
   */
  async importKey(
    slot: string,
    privateKey: KeyObject,
    options: { readonly pinPolicy?: PinPolicy } = {},
  ): Promise<KeyObject> {
    const reference = parseSlot(slot)
    const pinPolicy = checkPolicy(options.pinPolicy ?? defaultPinPolicy(reference))
    if (privateKey.type !== 'private') throw new CardError('ERR_DATA', 'Only a private key can be imported.')
    const { local } = this.#channel
    if (local === undefined) {
      return this.#session.managing(async (exchange) => {
        const key = await importKey(exchange, this.#session.extras, reference, privateKey, pinPolicy)
        this.#session.keys.made({ slot: reference, pinPolicy, origin: 'imported', ...key })
        return key.publicKey
      })
    }
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
    await withSecrets([pkcs8], ([octets]) =>
      this.#session.managing(() => local.importKey(reference, octets, pinPolicy)),
    )
    return (await this.keyInfo(slot)).publicKey
  }

  /** @throws CardError ERR_KEY_ABSENT, ERR_NOT_SUPPORTED by a card in a reader that has no command for it */
  async deleteKey(slot: string): Promise<void> {
    const reference = parseSlot(slot)
    const { local } = this.#channel
    await this.#session.managing(async (exchange) => {
      if (local !== undefined) return local.deleteKey(reference)
      await moveKey(exchange, this.#session.extras, reference)
      this.#session.keys.forget(reference)
    })
  }

  /** A key that was in the other slot is gone; certificates stay where they are. @throws as `deleteKey` */
  async moveKey(from: string, to: string): Promise<void> {
    const [source, target] = [parseSlot(from), parseSlot(to)]
    const { local } = this.#channel
    await this.#session.managing(async (exchange) => {
      if (local !== undefined) return local.moveKey(source, target)
      if (source === target) return void present(source, await this.#session.keys.find(exchange, source))
      await moveKey(exchange, this.#session.extras, source, target)
      for (const slot of [source, target]) this.#session.keys.forget(slot)
    })
  }

  keys(): Promise<KeyInfo[]> {
    return this.#session.transaction((exchange) => this.#session.keys.list(exchange))
  }

  /** @throws CardError ERR_KEY_ABSENT */
  async keyInfo(slot: string): Promise<KeyInfo> {
    const reference = parseSlot(slot)
    return this.#session.transaction(async (exchange) =>
      present(reference, await this.#session.keys.find(exchange, reference)),
    )
  }

  /**
   * A certificate (DER) that says of the key in a slot that it was made on the card.
   * @throws CardError ERR_NOT_SUPPORTED where the card cannot say so, ERR_KEY_ABSENT
   */
  async attest(slot: string): Promise<Uint8Array> {
    const reference = parseSlot(slot)
    return this.#session.transaction(async (exchange) => {
      await this.#session.extras.want(exchange)
      return attest(exchange, reference)
    })
  }

  /** The certificate (DER) by which attestations are issued; undefined where there is none, or none yet. */
  attestationIssuer(): Promise<Uint8Array | undefined> {
    return this.#session.transaction(attestationIssuer)
  }

  /**
   * Signs the octets of a message. ECDSA answers DER, or r || s for `format: 'raw'`; RSA is PKCS#1 v1.5, or PSS.
   * With `pin`, VERIFY and the signature are one transaction: what a key that wants the PIN for every use needs over a
   * reader. A function there is asked for the PIN when the key wants it, and told why.
   * @throws PinError ERR_PIN_REQUIRED, ERR_PIN_CHANGE_REQUIRED, with `pin` as `verifyPin`; CardError ERR_KEY_ABSENT
   * @example await card.sign('9c', message, { pin: ({ reason }) => ask(reason) })
   */
  async sign(
    slot: string,
    data: Uint8Array | AsyncIterable<Uint8Array>,
    options: SignatureOptions & UseOptions = {},
  ): Promise<Uint8Array> {
    const parameters = signatureParameters(options)
    return this.#session.use(parseSlot(slot), 'sign', options, () => {
      const digest = digestOf(data, parameters.hash, options)
      return isUint8Array(digest) ? signing(digest, parameters) : digest.then((octets) => signing(octets, parameters))
    })
  }

  /** Signs a digest. For RSA its length must be that of the hash. @throws as `sign` */
  async signDigest(slot: string, digest: Uint8Array, options: SignatureOptions & UseOptions = {}): Promise<Uint8Array> {
    const operation = signing(octetsOf(digest), signatureParameters(options))
    return this.#session.use(parseSlot(slot), 'sign', options, () => operation)
  }

  /** Decrypts with an RSA key: OAEP, or PKCS#1 v1.5. @throws CardError ERR_DATA, the same for whatever is wrong; as `sign` */
  async decrypt(slot: string, ciphertext: Uint8Array, options: DecryptOptions & UseOptions = {}): Promise<Uint8Array> {
    const operation = decryption(ciphertext, options)
    return this.#session.use(parseSlot(slot), 'decrypt', options, () => operation)
  }

  /**
   * ECDH: x coordinate of the shared point, of the curve's size. Derive keys from it, do not use it as one.
   * @throws as `sign`
   */
  async deriveSecret(slot: string, peer: KeyObject, options: UseOptions = {}): Promise<Uint8Array> {
    const operation = agreement(peer)
    return this.#session.use(parseSlot(slot), 'derive', options, () => operation)
  }

  // --- Certificates and objects ---------------------------------------------------------------------------------

  /** The certificate in a slot, with its chain; undefined where there is none. */
  async getCertificate(slot: string): Promise<CardCertificate | undefined> {
    const reference = parseSlot(slot)
    return this.#session.transaction((exchange) => readCertificate(exchange, reference))
  }

  /** `chain`: what signed the certificate, from its issuer upwards. */
  async putCertificate(slot: string, certificate: CardCertificate): Promise<void> {
    const reference = parseSlot(slot)
    await this.#session.managing((exchange) => writeCertificate(exchange, reference, certificate))
  }

  async deleteCertificate(slot: string): Promise<void> {
    const reference = parseSlot(slot)
    await this.#session.managing((exchange) => deleteCertificate(exchange, reference))
  }

  /** The data objects that are there; of a card in a reader those that NIST names and that can be read now. */
  objects(): Promise<ObjectInfo[]> {
    return this.#session.transaction((exchange) => listObjects(exchange, this.#channel.local))
  }

  /** Content of a data object by tag in hex or by name (`chuid`); undefined where there is none. */
  getObject(tag: string): Promise<Uint8Array | undefined> {
    return this.#session.transaction((exchange) => readObject(exchange, tag))
  }

  putObject(tag: string, content: Uint8Array): Promise<void> {
    return this.#session.managing((exchange) => writeObject(exchange, tag, content))
  }

  deleteObject(tag: string): Promise<void> {
    return this.#session.managing((exchange) => deleteObject(exchange, tag))
  }

  /** Lets the card go. Work under way is finished first. */
  async close(): Promise<void> {
    await this.#channel.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  // --- Inside ---------------------------------------------------------------------------------------------------

  /**
   * What GENERATE is told of the PIN policy: other cards than Yubico's kind do not know the field, and give a key what the
   * reference has for its slot.
   */
  async #policyToSay(exchange: Exchange, slot: Slot, pinPolicy: PinPolicy): Promise<PinPolicy | undefined> {
    const { extras } = this.#session
    if (this.#channel.local !== undefined || (await extras.version(exchange)) !== undefined) return pinPolicy
    if (pinPolicy === defaultPinPolicy(slot)) return undefined
    throw new CardError(
      'ERR_NOT_SUPPORTED',
      `On this card a key in slot ${slot} has the PIN policy ${defaultPinPolicy(slot)} and no other.`,
    )
  }

  #local(): LocalCard {
    if (this.#channel.local !== undefined) return this.#channel.local
    throw new CardError('ERR_NOT_SUPPORTED', 'Only a card in the TPM of this machine, opened by name, can do this.')
  }
}

function checkPolicy(policy: string): PinPolicy {
  const found = PIN_POLICIES.find((known) => known === policy)
  if (found !== undefined) return found
  throw new CardError('ERR_NOT_SUPPORTED', `There is no PIN policy '${policy}'. Use one of ${PIN_POLICIES.join(', ')}.`)
}
