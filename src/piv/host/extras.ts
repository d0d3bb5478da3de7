// What a card has beyond SP 800-73, in Yubico's instructions (src/piv/yubico.ts). Detected once per connection and never
// required: a card that does not answer GET VERSION as such a card does gets nothing else of it, and malformed answers
// are ignored.
import type { CardChannel } from '../../channel.ts'
import { SW } from '../../iso7816/status.ts'
import { type AdminAlgorithm, adminAlgorithmById } from '../algorithms.ts'
import { PIN_REFERENCES } from '../pin.ts'
import { ADMIN_KEY } from '../slots.ts'
import { type Metadata, readMetadata, YUBICO } from '../yubico.ts'
import type { Exchange, HostCommand } from './exchange.ts'
import { ifReadable } from './readable.ts'
import { refusal } from './refusals.ts'
import type { SecretFacts } from './secrets.ts'

/** What a card reports about its admin key. */
export interface AdminKeyInfo {
  readonly algorithm: AdminAlgorithm
  /** True while it is the publicly known default. */
  readonly isDefault?: boolean
}

interface Found {
  readonly generation: number
  /** Three octets. */
  readonly version: Uint8Array | undefined
  /** False once the card has shown that it has no metadata. */
  metadata: boolean | undefined
}

const VERSION_LENGTH = 3
const SERIAL_LENGTH = 4

export class Extras {
  readonly #channel: CardChannel
  #found: Found | undefined

  constructor(channel: CardChannel) {
    this.#channel = channel
  }

  /** Whether the card has shown that it reports metadata of keys. */
  get hasMetadata(): boolean {
    return this.#found?.metadata ?? false
  }

  /** `5.4.3`, for a card with Yubico's instructions. */
  async version(exchange: Exchange): Promise<string | undefined> {
    return (await this.#find(exchange)).version?.join('.')
  }

  /** The card's serial number, where it has one. */
  async serial(exchange: Exchange): Promise<number | undefined> {
    if ((await this.#find(exchange)).version === undefined) return undefined
    const { data, sw } = await exchange.send({ ins: YUBICO.getSerial, p1: 0x00, p2: 0x00, answer: true })
    return sw === SW.OK && data.length === SERIAL_LENGTH ? Buffer.from(data).readUInt32BE() : undefined
  }

  /** What the card reports about a key, the PIN, the PUK or the admin key; undefined where it does not. */
  async metadata(exchange: Exchange, reference: number): Promise<Partial<Metadata> | 'absent' | undefined> {
    const found = await this.#find(exchange)
    if (found.version === undefined || found.metadata === false) return undefined
    const { data, sw } = await exchange.send({ ins: YUBICO.getMetadata, p1: 0x00, p2: reference, answer: true })
    if (sw !== SW.UNKNOWN_INS) found.metadata = sw === SW.OK || sw === SW.REFERENCE_NOT_FOUND || found.metadata
    else found.metadata = false
    if (sw === SW.REFERENCE_NOT_FOUND) return 'absent'
    return sw === SW.OK && data.length > 0 ? readMetadata(data) : undefined
  }

  /** An answer without `limit`: the card reports no such secret. */
  async secret(exchange: Exchange, which: 'pin' | 'puk'): Promise<SecretFacts> {
    const told = await this.metadata(exchange, PIN_REFERENCES[which])
    if (told === undefined || told === 'absent') return {}
    const [limit, left] = told.tries ?? []
    const known = limit !== undefined && left !== undefined && left <= limit
    return { ...(known && { limit, left }), ...defaultOf(told) }
  }

  /** `absent`: the card has none. */
  async adminKey(exchange: Exchange): Promise<AdminKeyInfo | 'absent' | undefined> {
    const told = await this.metadata(exchange, ADMIN_KEY)
    if (told === undefined || told === 'absent') return told
    const algorithm = adminAlgorithmById(told.algorithm?.[0] ?? -1)
    return algorithm && { algorithm, ...defaultOf(told) }
  }

  /** @throws CardError ERR_NOT_SUPPORTED where the card does not have Yubico's instructions */
  async demand(exchange: Exchange): Promise<void> {
    if ((await this.#find(exchange)).version === undefined) throw refusal('beyond', { sw: SW.UNKNOWN_INS })
  }

  /** One of Yubico's instructions. @throws CardError ERR_NOT_SUPPORTED where the card lacks it; as `manage` */
  async send(exchange: Exchange, command: HostCommand): Promise<Uint8Array> {
    await this.demand(exchange)
    const answer = await exchange.send(command)
    if (answer.sw !== SW.OK) throw refusal('beyond', answer)
    return answer.data
  }

  async #find(exchange: Exchange): Promise<Found> {
    const generation = this.#channel.generation ?? 0
    if (this.#found?.generation === generation) return this.#found
    const answer = await ifReadable(() => exchange.send({ ins: YUBICO.getVersion, p1: 0x00, p2: 0x00, answer: true }))
    const version = answer?.sw === SW.OK && answer.data.length === VERSION_LENGTH ? answer.data.slice() : undefined
    this.#found = { generation, version, metadata: undefined }
    return this.#found
  }
}

const defaultOf = ({ isDefault }: Partial<Metadata>) =>
  isDefault === undefined ? {} : { isDefault: isDefault[0] !== 0 }
