// A PIV card of another maker, in software: written for tests, apart from the card application in src/piv/card, so that
// what the host's side takes for granted of ours is found. It takes tables of algorithms and DER from src: other tests hold
// those to the standards. Yubico's instructions it does not have.
import { randomBytes } from 'node:crypto'
import { concat, hex } from '../../../src/bytes.ts'
import type { CardChannel, Transmit } from '../../../src/channel.ts'
import { CardError } from '../../../src/errors.ts'
import { Mutex } from '../../../src/mutex.ts'
import type { AdminKey } from '../../../src/piv/host/admin.ts'
import { octets } from '../octets.ts'
import { PlainAdmin } from './admin.ts'
import { PlainKeys } from './keys.ts'
import { PlainObjects } from './objects.ts'
import { PlainPins, type PlainSecrets } from './pins.ts'
import { PROFILES, type Profile, type ProfileName } from './profiles.ts'
import { Refused, wants } from './refused.ts'
import { type Write, writer } from './tlv.ts'

export interface PlainCardOptions extends PlainSecrets {
  readonly adminKey?: AdminKey
  readonly guid?: Uint8Array
}

/** T=1, and not a word about chaining or extended length. */
const ATR = octets('3bd513008131fe15506c61696e9d')
const FASC_N = 'd4e739da739ced39ce739d836858210842108421c84210c3eb'
const APPLICATION = octets('61114f0600001000010079074f05a000000308')
const PIECE = 256
/** Instructions that want the admin key: PUT DATA, GENERATE. */
const CHANGES = [0xdb, 0x47]
const NOTHING = new Uint8Array(0)

export class PlainCard implements CardChannel {
  readonly atr = ATR
  /** As other programs reach it. */
  readonly reader = 'plain'
  generation = 0
  /** What it was sent, in hex. */
  readonly sent: string[] = []
  /** Answered instead, in hex; undefined: the card answers. */
  instead: ((apdu: string) => string | undefined) | undefined
  /** Answers to GET METADATA by key reference, in hex, of a card that has that instruction: then also GET VERSION. */
  metadata: ((reference: number) => string | undefined) | undefined
  readonly profile: Profile
  readonly #write: Write
  readonly #turns = new Mutex()
  readonly #pins: PlainPins
  readonly #keys: PlainKeys
  readonly #objects: PlainObjects
  readonly #admin: PlainAdmin
  #closed = false
  #selected = false
  #chain: Uint8Array = NOTHING
  #rest: Uint8Array = NOTHING

  constructor(profile: ProfileName | Profile, options: PlainCardOptions = {}) {
    this.profile = typeof profile === 'string' ? PROFILES[profile] : profile
    this.#write = writer(this.profile.lengths)
    this.#pins = new PlainPins(this.profile, options)
    this.#keys = new PlainKeys(this.profile, this.#write)
    this.#objects = new PlainObjects(this.profile, this.#write)
    const adminKey = options.adminKey ?? Uint8Array.from({ length: 24 }, (_, index) => 0xa0 + index)
    this.#admin = new PlainAdmin(adminKey, this.#write)
    if (this.profile.discovery !== undefined) this.objects.set('7e', octets(this.profile.discovery))
    const guid = options.guid ?? Uint8Array.from(randomBytes(16))
    const chuid = `3019${FASC_N}3410${hex(guid)}350832303335303130313e00fe00`
    if (this.profile.chuid) this.objects.set('5fc102', octets(chuid))
  }

  /** Contents by tag, in hex. What a test puts there is answered as it is. */
  get objects() {
    return this.#objects.all
  }

  /** By key reference. */
  get keys() {
    return this.#keys.all
  }

  /** Whether the PIN is verified: for tests that look. */
  get verified(): boolean {
    return this.#pins.verified
  }

  transaction<T>(work: (transmit: Transmit) => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      if (this.#closed) throw new CardError('ERR_CARD_CLOSED', 'The card is closed. Open it again.')
      return work((apdu) => this.transmit(apdu))
    })
  }

  async reset(): Promise<void> {
    this.#forget()
    this.#selected = false
    this.generation += 1
  }

  close(): Promise<void> {
    return this.#turns.run(async () => {
      this.#closed = true
    })
  }

  /** After `close`: put into a reader again. */
  async open(): Promise<this> {
    this.#closed = false
    await this.reset()
    return this
  }

  async transmit(apdu: Uint8Array): Promise<Uint8Array> {
    const text = hex(apdu)
    this.sent.push(text)
    const instead = this.instead?.(text)
    if (instead !== undefined) return octets(instead)
    try {
      return this.#pieces(await this.#run(apdu))
    } catch (error) {
      if (error instanceof Refused) return Uint8Array.of(error.sw >> 8, error.sw & 0xff)
      throw error
    }
  }

  #forget(): void {
    this.#pins.forget()
    this.#admin.forget()
    this.#chain = NOTHING
    this.#rest = NOTHING
  }

  #pieces(answer: Uint8Array): Uint8Array {
    this.#rest = answer.subarray(PIECE)
    const left = Math.min(this.#rest.length, 0x100) & 0xff
    const status = this.#rest.length === 0 ? Uint8Array.of(0x90, 0x00) : Uint8Array.of(0x61, left)
    return concat(answer.subarray(0, PIECE), status)
  }

  async #run(apdu: Uint8Array): Promise<Uint8Array> {
    const [cla = 0, ins = 0, p1 = 0, p2 = 0, lc = 0] = apdu
    if (ins === 0xc0) return this.#rest.slice()
    const part = apdu.length > 5 ? apdu.slice(5, 5 + lc) : NOTHING
    const data = concat(this.#chain, part)
    this.#chain = cla & 0x10 ? data : NOTHING
    if (cla & 0x10) return NOTHING
    const fresh = this.#pins.takeFresh()
    if (ins === 0xa4) return this.#select(data)
    wants(this.#selected, 0x6d00)
    wants(!CHANGES.includes(ins) || this.#admin.proved, 0x6982)
    const { verified } = this.#pins
    if (ins === 0xcb) return this.#objects.get(data, verified)
    if (ins === 0xdb) return this.#objects.put(data)
    if (ins === 0x20) return this.#pins.verify(p1, p2, data)
    if (ins === 0x24) return this.#pins.change(p2, data)
    if (ins === 0x2c) return this.#pins.unblock(p2, data)
    if (ins === 0x47) return this.#keys.generate(p2, data)
    if (ins === 0x87) {
      return p2 === 0x9b ? this.#admin.authenticate(p1, data) : this.#keys.use(p1, p2, data, { verified, fresh })
    }
    if (ins === 0xfd && this.metadata !== undefined) return octets('050403')
    if (ins === 0xf7 && this.metadata !== undefined) return this.#told(p2)
    throw new Refused(this.profile.noInstruction)
  }

  #told(reference: number): Uint8Array {
    const answer = this.metadata?.(reference)
    wants(answer !== undefined, 0x6a88)
    return octets(answer)
  }

  #select(aid: Uint8Array): Uint8Array {
    wants(hex(aid).startsWith('a000000308'), 0x6a82)
    if (this.profile.selectClears) this.#forget()
    this.#selected = true
    return APPLICATION
  }
}
