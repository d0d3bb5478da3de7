// What a card application must answer to VERIFY, CHANGE REFERENCE DATA and RESET RETRY COUNTER, octet by octet
// (SP 800-73-5 part 2, 3.2.1 to 3.2.3), and how commands are framed and chained. Written down without its code.
import { hex } from '../../../src/bytes.ts'
import { PIN, PUK, TRIES } from './watched.ts'

export interface Frame {
  readonly cla: number
  readonly ins: number
  readonly p1: number
  readonly p2: number
  readonly data: Uint8Array
}

/** ISO/IEC 7816-3, 12.1.3; undefined where the lengths contradict each other. */
export function frame(octets: Uint8Array): Frame | undefined {
  const [cla = 0, ins = 0, p1 = 0, p2 = 0, lc, high = 0, low = 0] = octets
  const body = octets.length - 4
  const cut = (from: number, length: number) => ({ cla, ins, p1, p2, data: octets.slice(4 + from, 4 + from + length) })
  if (body < 0) return undefined
  if (lc === undefined || body === 1 || (lc === 0 && body === 3)) return cut(0, 0)
  if (lc !== 0) return body === 1 + lc || body === 2 + lc ? cut(1, lc) : undefined
  const long = (high << 8) | low
  return body > 3 && long > 0 && (body === 3 + long || body === 5 + long) ? cut(3, long) : undefined
}

const LONGEST = 16 * 1024
const CHAINED = [0x47, 0x87, 0xdb, 0xfe]

/** Puts chains together. */
export class Chains {
  key = ''
  #data: number[] = []

  get active(): boolean {
    return this.key !== ''
  }

  keyOf({ cla, ins, p1, p2 }: Frame): string {
    return [cla & 0xef, ins, p1, p2].join()
  }

  /** The whole command; `more` where parts are to come; `none` for what takes no part in chains. */
  add(part: Frame | undefined): Frame | 'more' | 'too long' | 'none' {
    const key = part === undefined ? '' : this.keyOf(part)
    if (key !== this.key) this.reset()
    if (part === undefined || (part.cla & 0xef) !== 0 || !CHAINED.includes(part.ins)) return 'none'
    this.key = key
    for (const octet of part.data) this.#data.push(octet)
    const data = Uint8Array.from(this.#data)
    if (data.length <= LONGEST && part.cla === 0x10) return 'more'
    this.reset()
    return data.length > LONGEST ? 'too long' : { ...part, data }
  }

  reset(): void {
    this.key = ''
    this.#data = []
  }
}

const fieldOf = (pin: string) => Buffer.from(pin).toString('hex').padEnd(16, 'f')
const isPin = (field: string) => /^(3[0-9]){6,8}f*$/.test(field)
const isPuk = (field: string) => /^([2-6][0-9a-f]|7[0-9a-e]){8}$/.test(field)
const DEFAULT = fieldOf('12345678')

export class PinRules {
  pin = fieldOf(PIN)
  puk = fieldOf(PUK)
  pinLeft: number = TRIES.pin
  pukLeft: number = TRIES.puk
  verified = false

  /** The status word, for these three instructions. */
  answer({ ins, p1, p2, data }: Frame): number {
    if (ins === 0x20) return this.#verify(p1, p2, data)
    if (p1 !== 0) return 0x6a86
    if (p2 !== 0x80 && (p2 !== 0x81 || ins !== 0x24)) return 0x6a88
    if (data.length !== 16) return 0x6a80
    const [old, fresh] = [hex(data.slice(0, 8)), hex(data.slice(8))]
    if (ins === 0x2c && !isPuk(old)) return this.#unblock(old, fresh)
    if (p2 === 0x81 ? !isPuk(fresh) : !isPin(fresh)) return 0x6a80
    if (fresh === DEFAULT) return 0x6985
    if (ins === 0x2c) return this.#unblock(old, fresh)
    const sw = p2 === 0x80 ? this.#tryPin(old) : this.#tryPuk(old)
    if (sw === 0x9000) this[p2 === 0x80 ? 'pin' : 'puk'] = fresh
    return sw
  }

  /** RESET: only where nothing can be tried any more; then all is as on the first day, and this says 9000. */
  reset(): number {
    if (this.pinLeft > 0 || this.pukLeft > 0) return 0x6985
    this.pin = DEFAULT
    this.puk = DEFAULT
    this.pinLeft = TRIES.pin
    this.pukLeft = TRIES.puk
    this.verified = false
    return 0x9000
  }

  #verify(p1: number, p2: number, data: Uint8Array): number {
    if (p1 !== 0 && p1 !== 0xff) return 0x6a86
    if (p2 !== 0x80) return 0x6a88
    if (data.length !== (p1 === 0 ? 8 : 0) && (p1 !== 0 || data.length !== 0)) return 0x6a80
    if (p1 === 0xff) this.verified = false
    if (data.length > 0) return this.#tryPin(hex(data))
    if (p1 === 0xff || this.verified) return 0x9000
    return this.pinLeft === 0 ? 0x6983 : 0x63c0 | this.pinLeft
  }

  #tryPin(field: string): number {
    this.verified = false
    if (this.pinLeft === 0) return 0x6983
    if (field !== this.pin) return 0x63c0 | --this.pinLeft
    this.pinLeft = TRIES.pin
    this.verified = true
    return 0x9000
  }

  #tryPuk(field: string): number {
    if (this.pukLeft === 0) return 0x6983
    if (field !== this.puk) return 0x63c0 | --this.pukLeft
    this.pukLeft = TRIES.puk
    return 0x9000
  }

  #unblock(puk: string, fresh: string): number {
    this.verified = false
    const sw = this.#tryPuk(puk)
    if (sw !== 0x9000) return sw
    this.pin = fresh
    this.pinLeft = TRIES.pin
    return sw
  }
}
