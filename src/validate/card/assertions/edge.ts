// A card at its edge: APDUs in and out, secrets in their fields, and the keys that its certificates tell of. Written
// against any channel, with no help of `Card`.
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { concat, fromHex, hex } from '../../../bytes.ts'
import type { CardChannel, Transmit } from '../../../channel.ts'
import { isError } from '../../../errors.ts'
import { find, tlv } from '../../../iso7816/tlv.ts'
import { readTlvs, unwrap } from './read.ts'

/** What the assertions of the classes P, R and W have to know of the card. */
export interface Secrets {
  /** 6 to 8 digits. */
  readonly pin: string
  /** Another PIN of the same card for a moment; it is changed back. */
  readonly newPin: string
  /** 8 characters. */
  readonly puk: string
  /** Tries in all. */
  readonly tries: { readonly pin: number; readonly puk: number }
  /** For class W. */
  readonly adminKey?: Uint8Array
}

export interface Answer {
  readonly data: Uint8Array
  readonly sw: number
}

/** SP 800-78-5, table 9: algorithm identifiers of the admin key. */
const ADMIN = new Map([
  [0x03, { cipher: 'des-ede3-ecb', block: 8 }],
  [0x08, { cipher: 'aes-128-ecb', block: 16 }],
  [0x0a, { cipher: 'aes-192-ecb', block: 16 }],
  [0x0c, { cipher: 'aes-256-ecb', block: 16 }],
])

/** Tags of certificates by key reference. */
export const CERTIFICATES: ReadonlyMap<number, string> = new Map([
  [0x9a, '5FC105'],
  [0x9c, '5FC10A'],
  [0x9d, '5FC10B'],
  [0x9e, '5FC101'],
  ...Array.from({ length: 20 }, (_, index) => [0x82 + index, (0x5fc10d + index).toString(16)] as const),
])

export const octets = (digits: string): Uint8Array => {
  const found = fromHex(digits.replaceAll(/\s/g, ''))
  if (found === undefined) throw new Error(`${digits} is not hex`)
  return found
}
export const two = (octet: number): string => octet.toString(16).padStart(2, '0')
export const SELECT = '00 A4 04 00 09 A0 00 00 03 08 00 00 10 00 00'
const GET_RESPONSE = '00 C0 00 00'

/** A PIN or PUK in its field of eight octets. */
const padded = (text: string): string => Buffer.from(text, 'latin1').toString('hex').padEnd(16, 'f')

/** No certificate is longer: a few octets from a hostile card may not become gigabytes here. */
export const LARGEST = 0xffff

/** In the answer to GET DATA; undefined where it is empty. Throws for what is no certificate. */
function certificateIn(data: Uint8Array): X509Certificate | undefined {
  const inside = readTlvs(unwrap(data, 0x53))
  const der = find(inside, 0x70)
  if (der === undefined) return undefined
  return new X509Certificate((find(inside, 0x71)?.[0] ?? 0) === 0 ? der : gunzipSync(der, { maxOutputLength: LARGEST }))
}

export class Edge {
  readonly #channel: CardChannel
  readonly #secrets: Secrets | undefined
  #transmit: Transmit
  #certificates: Map<number, X509Certificate> | undefined
  #damaged: string[] = []
  #adminAlgorithm: number | undefined

  constructor(channel: CardChannel, secrets: Secrets | undefined) {
    this.#channel = channel
    this.#secrets = secrets
    this.#transmit = this.#apart
  }

  /** Each command in a transaction of its own. */
  readonly #apart: Transmit = (apdu) => this.#channel.transaction((transmit) => transmit(apdu))

  /** All commands of `work` in one transaction. */
  transaction<T>(work: () => Promise<T>): Promise<T> {
    return this.#channel.transaction(async (transmit) => {
      this.#transmit = transmit
      try {
        return await work()
      } finally {
        this.#transmit = this.#apart
      }
    })
  }

  get secrets(): Secrets {
    if (this.#secrets !== undefined) return this.#secrets
    throw new Error('this wants the secrets of the card')
  }

  get atr(): Uint8Array {
    return this.#channel.atr
  }

  /** A contactless card says so in its ATR: 3B 8x 80 01. */
  get contactless(): boolean {
    const [ts, t0, td1, td2] = this.#channel.atr
    return ts === 0x3b && (t0 ?? 0) >> 4 === 8 && td1 === 0x80 && td2 === 0x01
  }

  reset(): Promise<void> {
    return this.#channel.reset()
  }

  /** One APDU as it is, and its answer as it is. `{pin}` and the like stand for fields. */
  async transmit(apdu: string | Uint8Array): Promise<Answer> {
    const command = typeof apdu === 'string' ? octets(this.filled(apdu)) : Uint8Array.from(apdu)
    const answer = await this.#transmit(command)
    return { data: answer.subarray(0, -2), sw: ((answer.at(-2) ?? 0) << 8) | (answer.at(-1) ?? 0) }
  }

  /** One APDU, and the whole answer however many pieces it comes in. */
  async send(apdu: string | Uint8Array): Promise<Answer> {
    const first = await this.transmit(apdu)
    const pieces = [first.data]
    let { sw } = first
    while (sw >> 8 === 0x61) {
      const next = await this.transmit(`${GET_RESPONSE} ${two(sw & 0xff)}`)
      pieces.push(next.data)
      sw = next.sw
    }
    return { data: concat(...pieces), sw }
  }

  /** A command in parts of 255 octets, as every card takes it; the first part that is refused ends it. */
  async chain(header: string, data: Uint8Array, le = '00'): Promise<Answer> {
    const [cla = 0, ins = 0, p1 = 0, p2 = 0] = octets(header)
    let at = 0
    for (; data.length - at > 255; at += 255) {
      const part = concat(Uint8Array.of(cla | 0x10, ins, p1, p2, 255), data.subarray(at, at + 255))
      const answer = await this.transmit(part)
      if (answer.sw !== 0x9000) return answer
    }
    const last = data.subarray(at)
    return this.send(concat(Uint8Array.of(cla, ins, p1, p2, last.length), last, octets(le)))
  }

  /** `text` with the fields filled in. */
  filled(text: string): string {
    return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const { pin, newPin, puk } = this.secrets
      const wrong =
        [...pin].reverse().join('') === pin ? `${pin.slice(1)}${pin[0] === '0' ? 1 : 0}` : [...pin].reverse().join('')
      const fields: Record<string, string> = { pin, newPin, puk, wrong, wrongPuk: [...puk].reverse().join('') }
      if (fields[name] === undefined) throw new Error(`there is no field ${name}`)
      return padded(fields[name])
    })
  }

  // --- Keys -----------------------------------------------------------------------------------------------------

  /** After certificates were written. */
  forgetCertificates(): void {
    this.#certificates = undefined
  }

  /** By key reference. */
  async certificates(): Promise<ReadonlyMap<number, X509Certificate>> {
    if (this.#certificates !== undefined) return this.#certificates
    const found = new Map<number, X509Certificate>()
    const damaged: string[] = []
    for (const [slot, tag] of CERTIFICATES) {
      const { data, sw } = await this.send(`00 CB 3F FF 05 5C 03 ${tag} 00`)
      if (sw !== 0x9000 || data.length === 0) continue
      try {
        const certificate = certificateIn(data)
        if (certificate !== undefined) found.set(slot, certificate)
      } catch (error) {
        damaged.push(`${two(slot)}: ${isError(error) ? error.message : String(error)}`)
      }
    }
    this.#certificates = found
    this.#damaged = damaged
    return found
  }

  /** Certificates that are none, and why: of those the card may have any number, and they are no reason not to go on. */
  async damagedCertificates(): Promise<readonly string[]> {
    await this.certificates()
    return this.#damaged
  }

  async key(slot: number): Promise<KeyObject | undefined> {
    return (await this.certificates()).get(slot)?.publicKey
  }

  // --- The admin key --------------------------------------------------------------------------------------------

  /** The algorithm identifier that the card takes for 9B. */
  async adminAlgorithm(): Promise<
    { readonly id: number; readonly cipher: string; readonly block: number } | undefined
  > {
    for (const [id, row] of ADMIN) {
      if (this.#adminAlgorithm !== undefined && this.#adminAlgorithm !== id) continue
      const { sw } = await this.send(`00 87 ${two(id)} 9B 04 7C 02 80 00 00`)
      if (sw !== 0x9000) continue
      this.#adminAlgorithm = id
      return { id, ...row }
    }
    return undefined
  }

  /** After another admin key was set. */
  forgetAdminAlgorithm(): void {
    this.#adminAlgorithm = undefined
  }

  /** Both ways round; throws where the card does not let us in or does not prove that it has the key. */
  async authenticateAdmin(key = this.secrets.adminKey): Promise<void> {
    const algorithm = await this.adminAlgorithm()
    if (algorithm === undefined || key === undefined) throw new Error('there is no admin key')
    const { id, cipher, block } = algorithm
    const run = (context: ReturnType<typeof createCipheriv>, input: Uint8Array) => {
      context.setAutoPadding(false)
      return Buffer.concat([context.update(input), context.final()])
    }
    const header = `00 87 ${two(id)} 9B`
    const first = await this.send(`${header} 04 7C 02 80 00 00`)
    const hidden = find(readTlvs(unwrap(first.data, 0x7c)), 0x80) ?? new Uint8Array(0)
    const witness = run(createDecipheriv(cipher, key, null), hidden)
    const challenge = randomBytes(block)
    const second = await this.chain(header, tlv(0x7c, tlv(0x80, witness), tlv(0x81, challenge)))
    if (second.sw !== 0x9000) throw new Error(`the admin key is refused: ${second.sw.toString(16)}`)
    const response = find(readTlvs(unwrap(second.data, 0x7c)), 0x82) ?? new Uint8Array(0)
    if (hex(response) !== run(createCipheriv(cipher, key, null), challenge).toString('hex')) {
      throw new Error('the card does not have this admin key')
    }
  }
}
