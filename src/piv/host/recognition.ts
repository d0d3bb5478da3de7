// Any card can claim any GUID. A card in a reader that had the PIN before therefore signs with its card authentication key
// (slot 9e, which asks for no PIN) before it gets the PIN again.
import { type KeyObject, randomBytes, verify } from 'node:crypto'
import { concat, sha256, utf8 } from '../../bytes.ts'
import type { CardChannel } from '../../channel.ts'
import { CardError, PcscError } from '../../errors.ts'
import { ifWellFormed } from '../../iso7816/tlv.ts'
import { isWeak } from '../algorithms.ts'
import { algorithmOf, fromKeyObject } from '../public-key.ts'
import { keyReference, parseSlot, type Slot } from '../slots.ts'
import { policiesOctets } from '../yubico.ts'
import type { CardKeys } from './card-keys.ts'
import type { Exchange } from './exchange.ts'
import type { Extras } from './extras.ts'
import { isUsable, type KeyInfo, nameOf } from './key-info.ts'
import { commandFor, responseIn, signing } from './keys.ts'
import { ifReadable } from './readable.ts'
import { signatureParameters } from './signature.ts'

/** Where the public keys of cards are stored that a PIN was proved to, by GUID in hex. */
export interface KnownCards {
  /** @throws FileError */
  key(guid: string): Promise<KeyObject | undefined>
  /** @throws FileError */
  add(guid: string, key: KeyObject): Promise<void>
  /** @throws FileError */
  remove(guid: string): Promise<unknown>
  /** The file, for messages. */
  path(guid: string): string
}

const SLOT = parseSlot('9e')
/** The key signs nothing else that begins like this. */
const PURPOSE = utf8('Tessera: is this the card that had the PIN before?\n')
const NEVER = policiesOctets(0x01)

export class Recognition {
  readonly #channel: CardChannel
  readonly #extras: Extras
  readonly #keys: CardKeys
  readonly #known: KnownCards | undefined
  /** The channel's `generation` in which the card was checked. */
  #checked: number | undefined
  /** The key of a new card that has signed with it. */
  #fresh: KeyObject | undefined

  constructor(channel: CardChannel, extras: Extras, keys: CardKeys, known: KnownCards | undefined) {
    this.#channel = channel
    this.#extras = extras
    this.#keys = keys
    this.#known = known
  }

  /**
   * Before a secret is sent. Nothing is known of a card whose 9e key wants a PIN or a touch, or that has none: it is told
   * apart by what it shows.
   * @throws CardError ERR_CARD_IDENTITY; FileError
   */
  async check(exchange: Exchange, guid: string | undefined): Promise<void> {
    const generation = this.#channel.generation
    if (this.#known === undefined || guid === undefined || this.#checked === generation) return
    this.#fresh = undefined
    const before = await this.#known.key(guid)
    const isQuiet = await this.#isQuiet(exchange)
    const key = before ?? (isQuiet ? await this.#shown(exchange) : undefined)
    const isProved = isQuiet && key !== undefined && (await signs(exchange, key))
    if (before !== undefined && !isProved) throw unproved(guid, this.#channel.reader, this.#known.path(guid))
    if (before === undefined && isProved) this.#fresh = key
    this.#checked = generation
  }

  /** A secret was proved to the card. Where it cannot be stored, the card stays unknown. */
  async proved(guid: string | undefined): Promise<void> {
    const key = this.#fresh
    this.#fresh = undefined
    if (key !== undefined && guid !== undefined) await this.#known?.add(guid, key).catch(() => undefined)
  }

  /** This program changes what is in a slot: a card that has proved itself may have another key from then on. */
  async replacing<T>(
    exchange: Exchange,
    guid: string | undefined,
    slots: readonly Slot[],
    work: () => Promise<T>,
  ): Promise<T> {
    if (this.#known === undefined || guid === undefined || !slots.includes(SLOT)) return work()
    await this.check(exchange, guid)
    try {
      return await work()
    } finally {
      this.#checked = undefined
      await this.#known.remove(guid)
    }
  }

  async #shown(exchange: Exchange): Promise<KeyObject | undefined> {
    const content = await ifReadable(() => this.#keys.look(exchange, SLOT))
    return content !== undefined && isUsable(content) ? content.publicKey : undefined
  }

  /** Whether the key wants neither PIN nor touch: in PIV it wants none, and other cards report it. */
  async #isQuiet(exchange: Exchange): Promise<boolean> {
    const told = await this.#extras.metadata(exchange, keyReference(SLOT))
    if (told === 'absent') return false
    return told?.policies === undefined || told.policies.every((policy, at) => policy === NEVER[at])
  }
}

async function signs(exchange: Exchange, publicKey: KeyObject): Promise<boolean> {
  const algorithm = ifWellFormed(() => algorithmOf(fromKeyObject(publicKey)))
  if (algorithm === undefined || isWeak(algorithm)) return false
  const key: KeyInfo = { slot: SLOT, name: nameOf(SLOT), algorithm, pinPolicy: 'never', origin: 'unknown', publicKey }
  const challenge = concat(PURPOSE, randomBytes(32))
  const operation = signing(sha256(challenge), signatureParameters({}))
  try {
    const answer = await exchange.send(commandFor(operation, key))
    return verify('sha256', challenge, publicKey, operation.read(responseIn(answer), key))
  } catch (error) {
    if (error instanceof PcscError || !(error instanceof CardError)) throw error
    return false
  }
}

const unproved = (guid: string, reader: string | undefined, path: string) =>
  new CardError(
    'ERR_CARD_IDENTITY',
    `The card in the reader '${reader}' says that it is card ${guid}, which had your PIN before, but it does not have that card's key in slot 9e. It may be a copy, so no PIN was sent to it. If you replaced that key yourself, delete ${path} and try again.`,
  )
