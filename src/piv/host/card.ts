/**
 * `Card`: what a program does with a card, a TPM card and a card in a reader alike. It speaks PIV, and Yubico's extensions
 * of it, over a channel; what neither has a command for, it asks of the channel's `local`, which only a card in this
 * process has.
 */

import type { KeyObject } from 'node:crypto'
import { isUint8Array } from 'node:util/types'
import type { CardChannel, EvidenceOptions, LocalCard } from '../../channel.ts'
import { CardError } from '../../errors.ts'
import { begin } from '../../mutex.ts'
import { type Algorithm, parseAlgorithm } from '../algorithms.ts'
import { pinBytes, type Secret } from '../pin.ts'
import { defaultPinPolicy, PIN_POLICIES, type PinPolicy, parseSlot, type Slot } from '../slots.ts'
import type { AdminKey } from './admin.ts'
import { attest, attestationIssuer } from './attestation.ts'
import { CardAccess, type UseOptions } from './card-access.ts'
import { type CardCertificate, deleteCertificate, readCertificate, writeCertificate } from './certificates.ts'
import type { Exchange } from './exchange.ts'
import type { AdminKeyInfo } from './extras.ts'
import { isUsable, type KeyInfo, type SlotContent } from './key-info.ts'
import { agreement, decryption, generate, type Operation, signing } from './keys.ts'
import { changeAdminKey, importKey, moveKey } from './manage.ts'
import { deleteObject, listObjects, type ObjectInfo, readObject, writeObject } from './objects.ts'
import { isOccupied } from './occupied.ts'
import type { DecryptOptions } from './padding.ts'
import type { KeyUse } from './pin-request.ts'
import { changePin, changePuk, type PinStatus, pinStatus, unblockPin, withSecrets } from './pins.ts'
import { endProtection, isAdminKeyProtected } from './protected-admin.ts'
import type { KnownCards } from './recognition.ts'
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

let makeCard: (access: CardAccess) => Card
let readAccess: (card: Card) => CardAccess

/** @example const signature = await card.sign('9a', message, { hash: 'SHA-256' }) */
export class Card {
  static {
    makeCard = (access) => new Card(access)
    readAccess = (card) => card.#access
  }

  readonly #access: CardAccess

  /** `createCard` and `openCard` make cards. */
  private constructor(access: CardAccess) {
    this.#access = access
  }

  /** Of a card in a reader that of the reader, as `--card` takes it: `reader:NAME`. */
  get name(): string {
    return this.#access.name ?? this.#owned().name
  }

  /** `software` for every simulator, also behind a device file. */
  get assurance(): 'hardware' | 'software' {
    return this.#owned().assurance
  }

  // --- PIN, PUK, help desk, admin key ---------------------------------------------------------------------------

  /**
   * From now on the keys of the policy `once` serve, for as long as the card has it; of a card in this process also, once
   * and right after, one of the policy `always`. Over a reader such a key wants its PIN with the use: `sign(…, { pin })`.
   * @throws PinError ERR_PIN_WRONG with triesLeft, ERR_PIN_BLOCKED, ERR_PIN_LAST_TRY, ERR_PIN_FORMAT (no try spent)
   */
  verifyPin(pin: Secret, { minTriesLeft = 0 }: VerifyPinOptions = {}): Promise<void> {
    return this.#access.verify(pin, minTriesLeft)
  }

  /** Forgets that the PIN was verified, and every other proof. */
  lock(): Promise<void> {
    return this.#access.reset()
  }

  pinStatus(): Promise<PinStatus> {
    return this.#access.transaction((exchange) => pinStatus(exchange, this.#access.secrets))
  }

  /** Atomic and final: the old PIN never works again. The card is unlocked by it. @throws PinError */
  changePin(secrets: { readonly pin: Secret; readonly newPin: Secret }): Promise<void> {
    return this.#access.prove((exchange) => changePin(exchange, this.#access.secrets, secrets))
  }

  /** @throws PinError ERR_PUK_WRONG with triesLeft, ERR_PUK_BLOCKED, ERR_PUK_ABSENT, ERR_PUK_FORMAT */
  changePuk(secrets: { readonly puk: Secret; readonly newPuk: Secret }): Promise<void> {
    return this.#access.transaction((exchange) => changePuk(exchange, this.#access.secrets, secrets), {}, 'secret')
  }

  /** Sets a new PIN with all its tries. The card is not unlocked by it: verify the new PIN. @throws PinError */
  unblockPin(secrets: { readonly puk: Secret; readonly newPin: Secret }): Promise<void> {
    return this.#access.prove((exchange) => unblockPin(exchange, this.#access.secrets, secrets))
  }

  /** A challenge to read to the help desk. It lives 15 minutes, and as long as this object. @throws PinError */
  unblockChallenge(): Promise<string> {
    return this.#access.transaction(async () => this.#owned().challenge())
  }

  /** @throws PinError ERR_HELP_DESK_REFUSED; nothing was changed then */
  unblockWithResponse({ response, newPin }: { readonly response: string; readonly newPin: Secret }): Promise<void> {
    return this.#access.transaction(() =>
      withSecrets([pinBytes(newPin)], ([fresh]) => this.#owned().unblockWithResponse(response, fresh)),
    )
  }

  /** Proves the admin key (PIV 9B), both ways round. A card in this process is managed with its PIN alone. */
  authenticateAdmin(key: AdminKey): Promise<void> {
    return this.#access.proveAdmin(key)
  }

  /**
   * Proves the admin key that the card keeps behind its PIN: `protectAdminKey`, or `--protect` of Yubico's ykman.
   * @throws CardError ERR_NOT_SUPPORTED for a card without such a key; as `verifyPin`
   */
  authenticateAdminByPin(pin: Secret, { minTriesLeft = 0 }: VerifyPinOptions = {}): Promise<void> {
    return this.#access.proveAdminByPin(pin, minTriesLeft)
  }

  /** Whether the card says that it keeps its admin key behind its PIN. */
  isAdminKeyProtected(): Promise<boolean> {
    return this.#access.transaction(isAdminKeyProtected)
  }

  /**
   * Sets a random admin key that the card keeps behind its PIN, as Yubico's programs do: from then on the PIN alone allows
   * changes, also in those programs. Needs the admin key before, and is for cards in readers.
   * @throws PinError ERR_ADMIN_REQUIRED, and as `verifyPin`; CardError ERR_NOT_SUPPORTED, ERR_DATA where the object for the
   * key has other content, unless `overwrite`
   * @example
   * await card.authenticateAdmin(adminKey)
   * await card.protectAdminKey(pin)
   */
  protectAdminKey(
    pin: Secret,
    { minTriesLeft = 0, overwrite = false }: VerifyPinOptions & { readonly overwrite?: boolean } = {},
  ): Promise<void> {
    return this.#access.protectAdmin(pin, minTriesLeft, overwrite)
  }

  /** What the card says of its admin key; undefined where it says nothing, or has none. */
  adminKeyInfo(): Promise<AdminKeyInfo | undefined> {
    return this.#access.transaction(async (exchange) => {
      const told = await this.#access.extras.adminKey(exchange)
      return told === 'absent' ? undefined : told
    })
  }

  /**
   * Sets another admin key; `random`: nobody has it from now on. One that the card kept behind its PIN is forgotten. Needs the PIN (in this process) or the old one.
   * @throws PinError ERR_ADMIN_REQUIRED, ERR_PIN_REQUIRED; CardError ERR_NOT_SUPPORTED; UsageError ERR_USAGE
   */
  changeAdminKey(key: AdminKey | 'random'): Promise<void> {
    return this.#access.change(async (exchange) => {
      const { channel, extras } = this.#access
      const wasProtected = await isAdminKeyProtected(exchange)
      // Only its owner can leave a card without an admin key: there is no command for that.
      if (key === 'random' && channel.local !== undefined) await channel.local.removeAdminKey()
      else await changeAdminKey(exchange, extras, key)
      if (wasProtected) await endProtection(exchange)
    })
  }

  // --- Keys -----------------------------------------------------------------------------------------------------

  /** Makes a key on the card; it never leaves it. A key that was in the slot is gone. */
  async generateKey(slot: string, options: GenerateKeyOptions = {}): Promise<KeyObject> {
    const reference = parseSlot(slot)
    const algorithm = parseAlgorithm(options.algorithm ?? 'P-256')
    const pinPolicy = checkPolicy(options.pinPolicy ?? defaultPinPolicy(reference))
    return this.#access.change(
      async (exchange) => {
        const publicKey = await generate(
          exchange,
          reference,
          algorithm,
          await this.#policyToSay(exchange, reference, pinPolicy),
        )
        this.#access.keys.remember({ slot: reference, algorithm, pinPolicy, origin: 'generated', publicKey })
        return publicKey
      },
      options,
      [reference],
    )
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
    return this.#access.change(
      async (exchange) => {
        const key = await importKey(exchange, this.#access.extras, reference, privateKey, pinPolicy)
        this.#access.keys.remember({ slot: reference, pinPolicy, origin: 'imported', ...key })
        return key.publicKey
      },
      {},
      [reference],
    )
  }

  /** @throws CardError ERR_KEY_ABSENT, ERR_NOT_SUPPORTED by a card in a reader that has no command for it */
  async deleteKey(slot: string): Promise<void> {
    const reference = parseSlot(slot)
    await this.#access.change(
      async (exchange) => {
        await moveKey(exchange, this.#access.extras, reference)
        this.#access.keys.forget(reference)
      },
      {},
      [reference],
    )
  }

  /** A key that was in the other slot is gone; certificates stay where they are. @throws as `deleteKey` */
  async moveKey(from: string, to: string): Promise<void> {
    const [source, target] = [parseSlot(from), parseSlot(to)]
    await this.#access.change(
      async (exchange) => {
        if (source === target) return void (await this.#access.keys.find(exchange, source))
        await moveKey(exchange, this.#access.extras, source, target)
        for (const slot of [source, target]) this.#access.keys.forget(slot)
      },
      {},
      [source, target],
    )
  }

  /** The keys that can be used here: see `slotContents` for all there is. */
  async keys(): Promise<KeyInfo[]> {
    return (await this.slotContents()).filter(isUsable)
  }

  /**
   * What is in the slots: keys, and what cannot be used here and why. A card without metadata tells of no key that has no
   * certificate.
   */
  slotContents(): Promise<SlotContent[]> {
    return this.#access.transaction((exchange) => this.#access.keys.list(exchange))
  }

  /**
   * Names the public key of a key that the card does not tell of: what `generateKey` answered once. Nothing changes on the
   * card, and what the card itself tells stands.
   * @throws CardError ERR_CERTIFICATE_KEY where the card tells of another key
   */
  async nameKey(slot: string, publicKey: KeyObject): Promise<void> {
    const reference = parseSlot(slot)
    await this.#access.transaction((exchange) => this.#access.keys.name(exchange, reference, publicKey))
  }

  /**
   * Whether a new key in a slot might replace something: a key or a certificate, understood or not. True also where the
   * card does not say. `generateKey`, `importKey` and `moveKey` do not ask.
   */
  async isOccupied(slot: string): Promise<boolean> {
    const reference = parseSlot(slot)
    const { extras, isShared } = this.#access
    return this.#access.transaction((exchange) => isOccupied(exchange, extras, reference, !isShared))
  }

  /**
   * The PIN policy of a key where it is certain: the card reports it, or has no other than the standard's. Undefined where
   * `keyInfo` assumes the usual one of the slot.
   * @throws CardError ERR_KEY_ABSENT
   */
  async pinPolicyOf(slot: string): Promise<PinPolicy | undefined> {
    const reference = parseSlot(slot)
    const { keys } = this.#access
    return this.#access.transaction(async (exchange) => {
      await keys.find(exchange, reference)
      return keys.policyOf(reference)
    })
  }

  /** @throws CardError ERR_KEY_ABSENT */
  async keyInfo(slot: string): Promise<KeyInfo> {
    const reference = parseSlot(slot)
    return this.#access.transaction((exchange) => this.#access.keys.find(exchange, reference))
  }

  /**
   * A certificate (DER) that says of the key in a slot that it was made on the card.
   * @throws CardError ERR_NOT_SUPPORTED where the card cannot say so, ERR_KEY_ABSENT
   */
  async attest(slot: string): Promise<Uint8Array>
  /**
   * Evidence about a key, in the octets of a format: `tessera`, a JSON document with all that the TPM says of the key and of
   * what guards it; `webauthn-tpm`, an attestation object in CBOR. `verifyAttestation` of `tessera-card/attest` verifies the
   * first. Only for a card in the TPM of this machine, opened by name.
   * @throws CardError ERR_KEY_ABSENT; ERR_NOT_SUPPORTED for an imported key, and for a card in a reader; UsageError ERR_USAGE
   * @example const json = await card.attest('9a', { format: 'tessera', nonce })
   */
  async attest(slot: string, options: EvidenceOptions): Promise<Uint8Array>
  async attest(slot: string, options?: EvidenceOptions): Promise<Uint8Array> {
    const reference = parseSlot(slot)
    if (options !== undefined) return this.#access.transaction(async () => this.#owned().attest(reference, options))
    return this.#access.transaction(async (exchange) => {
      await this.#access.extras.demand(exchange)
      return attest(exchange, reference)
    })
  }

  /** The certificate (DER) by which attestations are issued; undefined where there is none, or none yet. */
  attestationIssuer(): Promise<Uint8Array | undefined> {
    return this.#access.transaction(attestationIssuer)
  }

  /**
   * Signs the octets of a message. ECDSA answers DER, or r || s for `format: 'raw'`; RSA is PKCS#1 v1.5, or PSS.
   * With `pin`, VERIFY and the signature are one transaction: what a key that wants the PIN for every use needs over a
   * reader. A function there is asked for the PIN when the key wants it, and told why.
   * @throws PinError ERR_PIN_REQUIRED, ERR_PIN_CHANGE_REQUIRED, with `pin` as `verifyPin`; CardError ERR_KEY_ABSENT
   * @example await card.sign('9c', message, { pin: ({ reason }) => ask(reason) })
   */
  sign(
    slot: string,
    data: Uint8Array | AsyncIterable<Uint8Array>,
    options: SignatureOptions & UseOptions = {},
  ): Promise<Uint8Array> {
    return begin(() => {
      const parameters = signatureParameters(options)
      return this.#access.use(parseSlot(slot), 'sign', options, () => {
        const digest = digestOf(data, parameters.hash, options)
        return isUint8Array(digest) ? signing(digest, parameters) : digest.then((octets) => signing(octets, parameters))
      })
    })
  }

  /** Signs a digest. For RSA its length must be that of the hash. @throws as `sign` */
  signDigest(slot: string, digest: Uint8Array, options: SignatureOptions & UseOptions = {}): Promise<Uint8Array> {
    return this.#use(slot, 'sign', options, () => signing(octetsOf(digest), signatureParameters(options)))
  }

  /** Decrypts with an RSA key: OAEP, or PKCS#1 v1.5. @throws CardError ERR_DATA, the same for whatever is wrong; as `sign` */
  decrypt(slot: string, ciphertext: Uint8Array, options: DecryptOptions & UseOptions = {}): Promise<Uint8Array> {
    return this.#use(slot, 'decrypt', options, () => decryption(ciphertext, options))
  }

  /**
   * ECDH: x coordinate of the shared point, of the curve's size. Derive keys from it, do not use it as one.
   * @throws as `sign`
   */
  deriveSecret(slot: string, peer: KeyObject, options: UseOptions = {}): Promise<Uint8Array> {
    return this.#use(slot, 'derive', options, () => agreement(peer))
  }

  // --- Certificates and objects ---------------------------------------------------------------------------------

  /** The certificate in a slot, with its chain; undefined where there is none. */
  async getCertificate(slot: string): Promise<CardCertificate | undefined> {
    const reference = parseSlot(slot)
    return this.#access.transaction((exchange) => readCertificate(exchange, reference))
  }

  /** `chain`: what signed the certificate, from its issuer upwards. */
  async putCertificate(slot: string, certificate: CardCertificate): Promise<void> {
    const reference = parseSlot(slot)
    await this.#access.change((exchange) => writeCertificate(exchange, reference, certificate))
  }

  async deleteCertificate(slot: string): Promise<void> {
    const reference = parseSlot(slot)
    await this.#access.change((exchange) => deleteCertificate(exchange, reference))
  }

  /** The data objects that are there; of a card in a reader those that NIST names and that can be read now. */
  objects(): Promise<ObjectInfo[]> {
    return this.#access.transaction((exchange) => listObjects(exchange, this.#access.channel.local))
  }

  /** Content of a data object by tag in hex or by name (`chuid`); undefined where there is none. */
  getObject(tag: string): Promise<Uint8Array | undefined> {
    return this.#access.transaction((exchange) => readObject(exchange, tag))
  }

  putObject(tag: string, content: Uint8Array): Promise<void> {
    return this.#access.change((exchange) => writeObject(exchange, tag, content))
  }

  deleteObject(tag: string): Promise<void> {
    return this.#access.change((exchange) => deleteObject(exchange, tag))
  }

  /** Lets the card go. Work under way is finished first. */
  async close(): Promise<void> {
    await this.#access.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  // --- Inside ---------------------------------------------------------------------------------------------------

  #use(slot: string, what: KeyUse, options: UseOptions, operation: () => Operation): Promise<Uint8Array> {
    return begin(() => {
      const ready = operation()
      return this.#access.use(parseSlot(slot), what, options, () => ready)
    })
  }

  /**
   * What GENERATE is told of the PIN policy: other cards than Yubico's kind do not know the field, and give a key what the
   * reference has for its slot.
   */
  async #policyToSay(exchange: Exchange, slot: Slot, pinPolicy: PinPolicy): Promise<PinPolicy | undefined> {
    const { extras } = this.#access
    if ((await extras.version(exchange)) !== undefined) return pinPolicy
    if (pinPolicy === defaultPinPolicy(slot)) return undefined
    throw new CardError(
      'ERR_NOT_SUPPORTED',
      `On this card a key in slot ${slot} has the PIN policy ${defaultPinPolicy(slot)} and no other.`,
    )
  }

  #owned(): LocalCard {
    const owned = this.#access.channel.local
    if (owned !== undefined) return owned
    throw new CardError('ERR_NOT_SUPPORTED', 'Only a card in the TPM of this machine, opened by name, can do this.')
  }
}

/** The card at the other end of a channel. `known`: cards in readers that had the PIN before. */
export const cardOver = (channel: CardChannel, known?: KnownCards): Card => makeCard(new CardAccess(channel, known))

/** For the parts of this library that do with the keys of a card what `Card` offers nobody. */
export const accessOf = (card: Card): CardAccess => readAccess(card)

function checkPolicy(policy: string): PinPolicy {
  const found = PIN_POLICIES.find((known) => known === policy)
  if (found !== undefined) return found
  throw new CardError('ERR_NOT_SUPPORTED', `There is no PIN policy '${policy}'. Use one of ${PIN_POLICIES.join(', ')}.`)
}
