// A PIV card of another maker, in software: written for tests, apart from the card application in src/piv/card, so that
// what the host's side takes for granted of ours is found. Yubico's instructions it does not have.
import { createCipheriv, type createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import { concat, equal, hex, utf8 } from '../../../src/bytes.ts'
import type { CardChannel, Transmit } from '../../../src/channel.ts'
import { Mutex } from '../../../src/mutex.ts'
import { type Algorithm, algorithmById } from '../../../src/piv/algorithms.ts'
import { ecdsaToDer } from '../../../src/piv/ecdsa.ts'
import { agree, ecdsa, newKey, rawRsa } from '../../contract/memory-keys.ts'
import { octets } from '../octets.ts'
import { PROFILES, type Profile, type ProfileName } from './profiles.ts'
import { type Part, partsOf, pointOf, writer } from './tlv.ts'

export interface PlainCardOptions {
  readonly pin?: string
  readonly puk?: string
  readonly tries?: { readonly pin: number; readonly puk: number }
  readonly adminKey?: Uint8Array
  readonly guid?: Uint8Array
}

/** T=1, and not a word about chaining or extended length. */
const ATR = octets('3bd513008131fe15506c61696e9d')
const FASC_N = 'd4e739da739ced39ce739d836858210842108421c84210c3eb'
const APPLICATION = octets('61114f0600001000010079074f05a000000308')
const PIECE = 256
const FIELD = 8

interface Counter {
  secret: Uint8Array
  left: number
  readonly limit: number
}

/** Thrown, to be answered. */
class Refused extends Error {
  readonly sw: number
  constructor(sw: number) {
    super(sw.toString(16))
    this.sw = sw
  }
}

function wants(condition: boolean, sw: number): asserts condition {
  if (!condition) throw new Refused(sw)
}

export class PlainCard implements CardChannel {
  readonly atr = ATR
  /** As other programs reach it. */
  readonly reader = 'plain'
  generation = 0
  /** Contents by tag, in hex. What is laid in is answered as it is. */
  readonly objects = new Map<string, Uint8Array>()
  /** By key reference; the algorithm may be one that this project does not know. */
  readonly keys = new Map<number, { readonly privateKey: KeyObject; readonly algorithm: number }>()
  /** What it was sent, in hex. */
  readonly sent: string[] = []
  /** Answered instead, in hex; undefined: the card answers. */
  instead: ((apdu: string) => string | undefined) | undefined
  /** Answers to GET METADATA by key reference, in hex, of a card that has that instruction: then also GET VERSION. */
  metadata: ((reference: number) => string | undefined) | undefined
  readonly profile: Profile
  readonly #write: (tag: number, ...values: readonly Uint8Array[]) => Uint8Array
  readonly #turns = new Mutex()
  readonly #pin: Counter
  readonly #puk: Counter
  readonly #adminKey: Uint8Array
  #verified = false
  #fresh = false
  #admin = false
  #selected = false
  #asked: { readonly witness?: Uint8Array; readonly challenge?: Uint8Array } = {}
  #chain: Uint8Array = new Uint8Array(0)
  #rest: Uint8Array = new Uint8Array(0)

  constructor(profile: ProfileName | Profile, options: PlainCardOptions = {}) {
    this.profile = typeof profile === 'string' ? PROFILES[profile] : profile
    this.#write = writer(this.profile.lengths)
    const { pin = '483920', puk = 'open ?me', tries = { pin: 5, puk: 5 } } = options
    this.#pin = { secret: padded(utf8(pin)), left: tries.pin, limit: tries.pin }
    this.#puk = { secret: padded(utf8(puk)), left: tries.puk, limit: tries.puk }
    this.#adminKey = options.adminKey ?? Uint8Array.from({ length: 24 }, (_, index) => 0xa0 + index)
    if (this.profile.discovery !== undefined) this.objects.set('7e', octets(this.profile.discovery))
    const guid = options.guid ?? Uint8Array.from(randomBytes(16))
    const chuid = `3019${FASC_N}3410${hex(guid)}350832303335303130313e00fe00`
    if (this.profile.chuid) this.objects.set('5fc102', octets(chuid))
  }

  transaction<T>(work: (transmit: Transmit) => Promise<T>): Promise<T> {
    return this.#turns.run(() => work((apdu) => this.transmit(apdu)))
  }

  async reset(): Promise<void> {
    this.#forget()
    this.#selected = false
    this.generation += 1
  }

  async close(): Promise<void> {}

  /** Whether the PIN is verified: for tests that look. */
  get verified(): boolean {
    return this.#verified
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
    this.#verified = false
    this.#fresh = false
    this.#admin = false
    this.#asked = {}
    this.#chain = new Uint8Array(0)
    this.#rest = new Uint8Array(0)
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
    let data: Uint8Array = apdu.length > 5 ? apdu.slice(5, 5 + lc) : new Uint8Array(0)
    if (cla & 0x10) {
      this.#chain = concat(this.#chain, data)
      return new Uint8Array(0)
    }
    data = concat(this.#chain, data)
    this.#chain = new Uint8Array(0)
    const fresh = this.#fresh
    this.#fresh = false
    if (ins === 0xa4) return this.#select(data)
    wants(this.#selected, 0x6d00)
    if (ins === 0xcb) return this.#getData(data)
    if (ins === 0xdb) return this.#putData(data)
    if (ins === 0x20) return this.#verify(p1, p2, data)
    if (ins === 0x24) return this.#change(p2, data)
    if (ins === 0x2c) return this.#unblock(p2, data)
    if (ins === 0x47) return this.#generate(p2, data)
    if (ins === 0x87) return p2 === 0x9b ? this.#authenticate(data) : this.#use(p1, p2, data, fresh)
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

  #getData(data: Uint8Array): Uint8Array {
    const tag = hex(partsOf(data)[0]?.value ?? new Uint8Array(0))
    const content = this.objects.get(tag)
    const absent = this.#isKnown(tag) ? this.profile.absent : this.profile.unknownTag
    if (content === undefined) {
      if (absent === 0x9000) return new Uint8Array(0)
      throw new Refused(absent)
    }
    const withPin = ['5fc103', '5fc108', '5fc109', '5fc121'].includes(tag)
    wants(!withPin || this.#verified, 0x6982)
    return this.#write(tag === '7e' ? 0x7e : 0x53, content)
  }

  #putData(data: Uint8Array): Uint8Array {
    wants(this.#admin, 0x6982)
    const [list, object] = partsOf(data)
    const tag = hex(list?.value ?? new Uint8Array(0))
    wants(list?.tag === 0x5c && object?.tag === 0x53, 0x6a80)
    wants(this.#isKnown(tag), this.profile.unknownTag === 0x9000 ? 0x6a80 : this.profile.unknownTag)
    if (object.value.length === 0) this.objects.delete(tag)
    else this.objects.set(tag, object.value.slice())
    return new Uint8Array(0)
  }

  /** 5FC1xx that this kind of card has, and the discovery object. */
  #isKnown(tag: string): boolean {
    const number = Number.parseInt(tag, 16)
    const last = this.profile.retired === 0 ? 0x5fc10b : 0x5fc123
    return tag === '7e' || (number >= 0x5fc101 && number <= last)
  }

  #verify(p1: number, p2: number, data: Uint8Array): Uint8Array {
    wants(p2 === this.profile.pinReference, 0x6a88)
    if (p1 === 0xff) {
      this.#verified = false
      return new Uint8Array(0)
    }
    wants(data.length > 0 || !this.#verified, 0x9000)
    wants(data.length > 0, this.#pin.left === 0 ? 0x6983 : 0x63c0 | this.#pin.left)
    this.#verified = false
    this.#prove(this.#pin, data)
    this.#verified = true
    this.#fresh = true
    return new Uint8Array(0)
  }

  #prove(counter: Counter, data: Uint8Array): void {
    wants(counter.left > 0, 0x6983)
    wants(data.length === FIELD, 0x6a80)
    if (equal(counter.secret, data)) {
      counter.left = counter.limit
      return
    }
    counter.left -= 1
    throw new Refused(counter.left === 0 ? 0x6983 : 0x63c0 | counter.left)
  }

  #change(p2: number, data: Uint8Array): Uint8Array {
    wants(p2 === this.profile.pinReference || p2 === 0x81, 0x6a88)
    const counter = p2 === 0x81 ? this.#puk : this.#pin
    const fresh = data.slice(FIELD)
    wants(data.length === 2 * FIELD && (p2 === 0x81 || this.#isPin(fresh)), 0x6a80)
    this.#prove(counter, data.slice(0, FIELD))
    counter.secret = fresh
    if (p2 !== 0x81) this.#verified = true
    return new Uint8Array(0)
  }

  #unblock(p2: number, data: Uint8Array): Uint8Array {
    wants(p2 === this.profile.pinReference, 0x6a88)
    const fresh = data.slice(FIELD)
    wants(data.length === 2 * FIELD && this.#isPin(fresh), 0x6a80)
    this.#prove(this.#puk, data.slice(0, FIELD))
    this.#pin.secret = fresh
    this.#pin.left = this.#pin.limit
    return new Uint8Array(0)
  }

  #isPin(block: Uint8Array): boolean {
    const length = block.findLastIndex((octet) => octet !== 0xff) + 1
    return this.profile.isPin(block.subarray(0, length))
  }

  #hasSlot(reference: number): boolean {
    const named = [0x9a, 0x9c, 0x9d, 0x9e].includes(reference)
    return named || (reference >= 0x82 && reference < 0x82 + this.profile.retired)
  }

  async #generate(reference: number, data: Uint8Array): Promise<Uint8Array> {
    wants(this.#admin, 0x6982)
    wants(this.#hasSlot(reference), this.profile.noSlot)
    // What is not NIST's is not known: a policy beside the algorithm.
    const [algorithm, ...others] = partsOf(partsOf(data)[0]?.value ?? new Uint8Array(0))
    const id = algorithm?.value[0] ?? 0
    const name = algorithmById(id)
    wants(others.length === 0 && name !== undefined, 0x6a80)
    const privateKey = await newKey(name)
    this.keys.set(reference, { privateKey, algorithm: id })
    return this.#write(0x7f49, ...this.#publicKey(privateKey, name))
  }

  #publicKey(privateKey: KeyObject, algorithm: Algorithm): Uint8Array[] {
    const { n, e } = privateKey.export({ format: 'jwk' })
    if (!algorithm.startsWith('RSA')) return [this.#write(0x86, pointOf(privateKey))]
    return [[0x81, n] as const, [0x82, e] as const].map(([tag, text = '']) =>
      this.#write(tag, Uint8Array.from(Buffer.from(text, 'base64url'))),
    )
  }

  #authenticate(data: Uint8Array): Uint8Array {
    const items = itemsOf(data)
    const { witness, challenge } = this.#asked
    this.#asked = {}
    const block = (octets: Uint8Array, make: typeof createCipheriv | typeof createDecipheriv): Uint8Array =>
      Uint8Array.from(make('aes-192-ecb', this.#adminKey, null).setAutoPadding(false).update(octets))
    if (items.get(0x80)?.length === 0) {
      this.#asked = { witness: Uint8Array.from(randomBytes(16)) }
      return this.#write(0x7c, this.#write(0x80, block(this.#asked.witness ?? new Uint8Array(0), createCipheriv)))
    }
    const [given, asked] = [items.get(0x80), items.get(0x81)]
    wants(given !== undefined && asked?.length === 16 && challenge === undefined, 0x6a80)
    wants(witness !== undefined && equal(witness, given), 0x6982)
    this.#admin = true
    return this.#write(0x7c, this.#write(0x82, block(asked, createCipheriv)))
  }

  #use(algorithm: number, reference: number, data: Uint8Array, fresh: boolean): Uint8Array {
    wants(this.#hasSlot(reference), this.profile.noSlot)
    const key = this.keys.get(reference)
    wants(key !== undefined, 0x6a88)
    wants(key.algorithm === algorithm, 0x6a86)
    wants(reference === 0x9e || (reference === 0x9c ? fresh : this.#verified), 0x6982)
    const items = itemsOf(data)
    const [challenge, point] = [items.get(0x81), items.get(0x85)]
    const name = algorithmById(algorithm)
    wants(name !== undefined && (challenge ?? point) !== undefined, 0x6a80)
    try {
      return this.#write(0x7c, this.#write(0x82, this.#answer(key.privateKey, name, challenge, point)))
    } catch (error) {
      if (error instanceof Refused) throw error
      throw new Refused(0x6a80)
    }
  }

  #answer(key: KeyObject, name: Algorithm, challenge?: Uint8Array, point?: Uint8Array): Uint8Array {
    if (point !== undefined) return agree(key, name, point)
    wants(challenge !== undefined, 0x6a80)
    return name.startsWith('RSA') ? rawRsa(key, name, challenge) : ecdsaToDer(ecdsa(key, name, challenge))
  }
}

const padded = (secret: Uint8Array): Uint8Array => {
  const field = new Uint8Array(FIELD).fill(0xff)
  field.set(secret)
  return field
}

/** What is inside 7C, by tag. */
function itemsOf(data: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const [template] = partsOf(data)
  wants(template?.tag === 0x7c, 0x6a80)
  return new Map(partsOf(template.value).map(({ tag, value }: Part) => [tag, value]))
}
